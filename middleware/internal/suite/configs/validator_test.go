package configs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestWarm(t *testing.T) {
	down := errors.New("connection refused")
	fine, failing := &kit.RefreshableKeys{Set: testkit.KeySet()}, &kit.RefreshableKeys{Set: testkit.KeySet(), Err: down}
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			{URL: "https://fine.example", Keys: fine},
			{URL: "https://failing.example", Keys: failing},
			{URL: "https://also-failing.example", Keys: failing},
			{URL: "https://fixed.example", Keys: testkit.KeySet()},
			{URL: "https://opaque.example", JWTs: middleware.IntrospectJWTs, Introspector: kit.FixedAnswer{}},
		}
	})
	err := v.Warm(t.Context())
	want := "middleware: issuer \"https://failing.example\": connection refused\nmiddleware: issuer \"https://also-failing.example\": connection refused"
	if !errors.Is(err, down) || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if fine.Refreshed.Load() != 1 || failing.Refreshed.Load() != 2 {
		t.Errorf("refreshed %d and %d times, want each issuer once", fine.Refreshed.Load(), failing.Refreshed.Load())
	}
	if got := kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://fine.example"})))); got.String() != "200" {
		t.Errorf("an issuer beside those that failed: got %v, want 200", got)
	}
}

func TestWarmOfOneThatWorks(t *testing.T) {
	if err := kit.NewValidator(t, nil).Warm(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClose(t *testing.T) {
	keys := &kit.RefreshableKeys{Set: testkit.KeySet()}
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	token := kit.Mint(kit.GoodClaims(nil))
	inner := v.Require("write")
	got := kit.ServeNested(kit.Bearer(token), nil, v.Require(), inner)
	if got.String() != "200" {
		t.Fatalf("before Close: got %v", got)
	}
	for range 2 {
		if err := v.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if keys.Closed.Load() {
		t.Error("Close closed a KeySource that the caller owns")
	}
	for name, g := range map[string]*middleware.Guard{"a known token": v.Require(), "a Guard made later": v.Require("read"), "an optional Guard": v.Optional()} {
		s := kit.Serve(g, kit.Bearer(token))
		if s.String() != "503" || s.Header.Get("Retry-After") == "" {
			t.Errorf("%s after Close: got %v, want 503", name, s)
		}
	}
	if got := kit.Serve(v.Optional(), kit.Request("GET", nil)); got.String() != "503" {
		t.Errorf("anonymous after Close: got %v, want 503", got)
	}
	if _, err := inner.Check(kit.Bearer(token).WithContext(got.Context)); !errors.Is(err, middleware.ErrUnavailable) {
		t.Errorf("nested after Close: got %v, want unavailable", err)
	}
	if err := v.Warm(t.Context()); err == nil || keys.Refreshed.Load() > 0 {
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
