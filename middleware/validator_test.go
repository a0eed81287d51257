package middleware_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// refreshing is a KeySource whose owner can be asked to load keys.
type refreshing struct {
	*jwks.Set
	err       error
	refreshed atomic.Int32
	closed    atomic.Bool
	status    jwks.Status
}

func (r *refreshing) Refresh(context.Context) error {
	r.refreshed.Add(1)
	return r.err
}

func (r *refreshing) Close() error {
	r.closed.Store(true)
	return nil
}

func (r *refreshing) Status() jwks.Status { return r.status }

func TestWarm(t *testing.T) {
	down := errors.New("connection refused")
	fine, failing := &refreshing{Set: keySet()}, &refreshing{Set: keySet(), err: down}
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			{URL: "https://fine.example", Keys: fine},
			{URL: "https://failing.example", Keys: failing},
			{URL: "https://also-failing.example", Keys: failing},
			{URL: "https://fixed.example", Keys: keySet()},
			{URL: "https://opaque.example", JWTs: middleware.IntrospectJWTs, Introspector: fixedAnswer{}},
		}
	})
	err := v.Warm(t.Context())
	want := "middleware: issuer \"https://failing.example\": connection refused\nmiddleware: issuer \"https://also-failing.example\": connection refused"
	if !errors.Is(err, down) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if fine.refreshed.Load() != 1 || failing.refreshed.Load() != 2 {
		t.Errorf("refreshed %d and %d times, want each issuer once", fine.refreshed.Load(), failing.refreshed.Load())
	}
	if got := serve(v.Require(), bearer(mint(good(claims{"iss": "https://fine.example"})))); got.String() != "200" {
		t.Errorf("an issuer beside those that failed: got %v, want 200", got)
	}
}

func TestWarmOfOneThatWorks(t *testing.T) {
	if err := validator(t, nil).Warm(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	keys := &refreshing{Set: keySet()}
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	token := mint(good(nil))
	inner := v.Require("write")
	got := within(bearer(token), nil, v.Require(), inner)
	if got.String() != "200" {
		t.Fatalf("before Close: got %v", got)
	}
	for range 2 {
		if err := v.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if keys.closed.Load() {
		t.Error("Close closed a KeySource that the caller owns")
	}
	for name, g := range map[string]*middleware.Guard{"a known token": v.Require(), "a Guard made later": v.Require("read"), "an optional Guard": v.Optional()} {
		s := serve(g, bearer(token))
		if s.String() != "503" || s.Header.Get("Retry-After") == "" {
			t.Errorf("%s after Close: got %v, want 503", name, s)
		}
	}
	if got := serve(v.Optional(), request("GET", nil)); got.String() != "503" {
		t.Errorf("anonymous after Close: got %v, want 503", got)
	}
	if _, err := inner.Check(bearer(token).WithContext(got.context)); !errors.Is(err, middleware.ErrUnavailable) {
		t.Errorf("nested after Close: got %v, want unavailable", err)
	}
	if err := v.Warm(t.Context()); err == nil || keys.refreshed.Load() > 0 {
		t.Errorf("Warm after Close: %v", err)
	}
}

func TestZeroValidator(t *testing.T) {
	var none *middleware.Validator
	for name, v := range map[string]*middleware.Validator{"nil": none, "zero": new(middleware.Validator)} {
		if err := v.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "was not made by New") {
			t.Errorf("%s: Warm returns %v", name, err)
		}
		if v.Health() != nil {
			t.Errorf("%s: Health returns %v", name, v.Health())
		}
		if err := v.Close(); err != nil {
			t.Errorf("%s: Close returns %v", name, err)
		}
	}
}
