package logout_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

func newList(t *testing.T) *revocation.List {
	t.Helper()
	list, err := revocation.New(revocation.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	return list
}

type nobody struct{ middleware.Introspector }

func TestNewNamesEveryMistake(t *testing.T) {
	v, list := trusting(t, testkit.KeySet()), newList(t)
	opaque, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: testkit.Issuer, JWTs: middleware.IntrospectJWTs, Introspector: nobody{}}},
		Audiences: []string{testkit.Audience}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opaque.Close() })
	clients := []string{"web"}
	for name, row := range map[string]struct {
		v    *middleware.Validator
		list *revocation.List
		cfg  logout.Config
		want []string
	}{
		"nothing":                           {nil, nil, logout.Config{}, []string{"ClientIDs is empty", "the List is nil", "verifies no issuer's JWTs"}},
		"a Validator that New has not made": {new(middleware.Validator), list, logout.Config{ClientIDs: clients}, []string{"verifies no issuer's JWTs"}},
		"an issuer without keys":            {opaque, list, logout.Config{ClientIDs: clients}, []string{"verifies no issuer's JWTs"}},
		"an empty client":                   {v, list, logout.Config{ClientIDs: []string{"web", ""}}, []string{"ClientIDs[1] is empty"}},
		"a stranger": {v, list, logout.Config{ClientIDs: clients, Issuers: []string{testkit.Issuer, "https://evil.example"}}, []string{
			`Issuers[1] is "https://evil.example", but the Validator verifies no JWTs of that issuer: name one of ["https://login.example.com" "https://other.example"]`,
		}},
		"times":  {v, list, logout.Config{ClientIDs: clients, Leeway: 5*time.Minute + 1, MaxAge: 24*time.Hour + 1}, []string{"Leeway is 5m0.000000001s: at most 5m0s", "MaxAge is 24h0m0.000000001s"}},
		"an age": {v, list, logout.Config{ClientIDs: clients, MaxAge: -1}, []string{"MaxAge is -1ns"}},
	} {
		r, err := logout.New(row.v, row.list, row.cfg)
		if r != nil || err == nil {
			t.Errorf("%s: %v, %v", name, r, err)
			continue
		}
		for _, want := range row.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %v", name, want, err)
			}
		}
		if lines := strings.Split(err.Error(), "\n"); len(lines) != len(row.want) || slices.ContainsFunc(lines, func(l string) bool { return !strings.HasPrefix(l, "logout: ") }) {
			t.Errorf("%s: want %d lines:\n%v", name, len(row.want), err)
		}
	}
}

func TestAnIssuerWhoseNameIsTooLongForAFeed(t *testing.T) {
	long := "https://login.example.com/" + strings.Repeat("x", 4096)
	v, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{{URL: long, Keys: testkit.KeySet()}}, Audiences: []string{testkit.Audience}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if r, err := logout.New(v, newList(t), logout.Config{ClientIDs: []string{"web"}}); r != nil || err == nil {
		t.Errorf("%v, %v", r, err)
	}
}

// Each tenant of a template is an issuer of its own, which becomes known by its first logout.
func TestTenants(t *testing.T) {
	v, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{{
			URL: "https://realms.example/{tenantid}", Aliases: []string{"https://also.example/{tenantid}"}, Keys: testkit.KeySet(),
			AllowTenant: func(_ context.Context, name string) bool { return name != "evil" },
		}},
		Audiences: []string{testkit.Audience}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	a := &api{t: t, list: newList(t)}
	if a.receiver, err = logout.New(v, a.list, logout.Config{ClientIDs: []string{"web"}, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	if s := a.receiver.Status(); len(s.Feeds) != 0 {
		t.Errorf("status is %+v", s)
	}
	a.send(signed(claims{"iss": "https://realms.example/evil"}))
	a.send(testkit.Sign(typed, string(testkit.JSON(good(claims{"iss": "https://realms.example/zeta"}))), testkit.StrangeKey()))
	if s := a.receiver.Status(); len(s.Feeds) != 0 || s.Refused != 2 {
		t.Errorf("status is %+v", s)
	}
	a.wantEnded("a tenant", a.send(signed(claims{"iss": "https://also.example/acme"})), 1)
	for issuer, want := range map[string]string{"https://realms.example/acme": "session", "https://realms.example/zeta": "", "https://realms.example/{tenantid}": ""} {
		if got := a.ended(middleware.TokenFacts{Issuer: issuer, SessionID: "session-1"}); got != want {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
	}
	if s := a.receiver.Status(); len(s.Feeds) != 1 || s.Feeds[0].Issuer != "https://realms.example/acme" || s.Feeds[0].Events != 1 {
		t.Errorf("status is %+v", s)
	}
	if a.receiver, err = logout.New(v, a.list, logout.Config{ClientIDs: []string{"web"}, Issuers: []string{"https://also.example/zeta"}}); err != nil {
		t.Fatal(err)
	}
	if s := a.receiver.Status(); len(s.Feeds) != 1 || s.Feeds[0].Issuer != "https://realms.example/zeta" {
		t.Errorf("status is %+v", s)
	}
}

func TestATenantWhoseKeysCannotBeHad(t *testing.T) {
	v, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{{
			URL: "https://realms.example/{tenantid}", AllowTenant: func(context.Context, string) bool { return true },
			Keys: source(func(context.Context, string, string) ([]*jwks.Key, error) { return nil, jwks.ErrUnavailable }),
		}},
		Audiences: []string{testkit.Audience}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	a := &api{t: t, list: newList(t)}
	if a.receiver, err = logout.New(v, a.list, logout.Config{ClientIDs: []string{"web"}, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	if w := a.send(signed(claims{"iss": "https://realms.example/acme"})); w.Code != 503 || len(a.receiver.Status().Feeds) != 0 {
		t.Errorf("%d, status is %+v", w.Code, a.receiver.Status())
	}
}

// A change of what was given to New changes nothing.
func TestConfigIsCopied(t *testing.T) {
	clients := []string{"web"}
	r, err := logout.New(trusting(t, testkit.KeySet()), newList(t), logout.Config{ClientIDs: clients, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	clients[0] = "other"
	a := &api{t: t, list: newList(t), receiver: r}
	if w := a.send(signed(nil)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestANilLoggerIsTheDefault(t *testing.T) {
	var log strings.Builder
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })
	a := newAPI(t, testkit.KeySet(), revocation.Config{}, func(c *logout.Config) { c.Logger = nil })
	a.send(signed(nil))
	if !strings.Contains(log.String(), "a logout was entered") {
		t.Errorf("the log is %s", log.String())
	}
}
