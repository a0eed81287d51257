package routes_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestNestedGuards(t *testing.T) {
	var w kit.Decisions
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Observe = w.Observe })
	other := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Audiences = []string{"https://other.example"} })
	strange := testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())
	replace := func(field string) func(*http.Request) *http.Request {
		return func(r *http.Request) *http.Request {
			r = r.Clone(r.Context())
			r.Header.Set("Authorization", field)
			return r
		}
	}
	forget := func(r *http.Request) *http.Request {
		r = r.Clone(r.Context())
		r.Header.Del("Authorization")
		return r
	}
	promote := func(r *http.Request) *http.Request {
		token, _ := middleware.TokenFromContext(r.Context())
		*token = middleware.Token{Subject: "root", Scopes: middleware.SetOf("admin"), ACR: "gold", Expiry: testkit.Now.Add(time.Hour)}
		return r
	}
	pretend := func(r *http.Request) *http.Request {
		return r.WithContext(
			middleware.ContextWithToken(r.Context(), &middleware.Token{Subject: "root", Scopes: middleware.SetOf("admin"), Expiry: testkit.Now.Add(time.Hour)}),
		)
	}
	guards := func(g ...*middleware.Guard) []*middleware.Guard { return g }
	for _, row := range []struct {
		name, want string
		guards     []*middleware.Guard
		between    func(*http.Request) *http.Request
		nested     bool
	}{
		{"both met", "200", guards(v.Require("read"), v.Require("write")), nil, true},
		{"an optional Guard outside", "200", guards(v.Optional(), v.Require("write")), nil, true},
		{"an optional Guard inside", "200", guards(v.Require(), v.Optional()), nil, true},
		{"the inner one is not met", "403 insufficient_scope", guards(v.Require("read"), v.Require("admin")), nil, true},
		{"the outer one is not met", "403 insufficient_scope", guards(v.Require("admin"), v.Require("read")), nil, false},
		{"the inner one wants a step up", "401 insufficient_user_authentication", guards(v.Require(), v.Require().ACR("gold")), nil, true},
		{"the inner rule says no", "403 insufficient_scope", guards(v.Require(), v.Require().Allow(kit.Refuse("no"))), nil, true},

		{"a forged token behind a good one", "401 invalid_token", guards(v.Require(), v.Require()), replace("Bearer " + strange), false},
		{"another user's good token is judged by itself", "403 insufficient_scope", guards(v.Require("read"), v.Require("read")),
			replace("Bearer " + kit.Mint(kit.GoodClaims(kit.Claims{"sub": "user-2", "scope": "x"}))), false},
		{"the credentials are gone", "401", guards(v.Require(), v.Require()), forget, false},
		{"malformed credentials", "400 invalid_request", guards(v.Require(), v.Require()), replace("Bearer"), false},
		{"a handler in between makes itself an administrator", "403 insufficient_scope", guards(v.Require(), v.Require("admin")), promote, true},
		{"a handler in between raises its own authentication", "401 insufficient_user_authentication", guards(v.Require(), v.Require().ACR("gold")), promote, true},
		{"a hand-made token in the context", "403 insufficient_scope", guards(v.Require(), v.Require("admin")), pretend, false},
		{"the verdict of another Validator", "401 invalid_token", guards(v.Require(), other.Require()), nil, false},
		{"a Validator that nobody made", "500", guards(v.Require(), new(middleware.Guard)), nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := kit.ServeNested(kit.Bearer(kit.Mint(kit.GoodClaims(nil))), row.between, row.guards...)
			if got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if d := w.Last(t); d.Nested != row.nested && row.guards[len(row.guards)-1] != nil {
				t.Errorf("Decision.Nested is %v, want %v", d.Nested, row.nested)
			}
		})
	}
}

// Credentials that are gone make a request anonymous, whoever was known before.
func TestOptionalGuardInsideForgetsTheOuterToken(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for name, between := range map[string]func(*http.Request) *http.Request{
		"the field was taken away": func(r *http.Request) *http.Request {
			r.Header.Del("Authorization")
			return r
		},
		"a hand-made token": func(r *http.Request) *http.Request {
			r = r.Clone(middleware.ContextWithToken(context.Background(), &middleware.Token{Subject: "root"}))
			r.Header.Del("Authorization")
			return r
		},
	} {
		got := kit.ServeNested(kit.Bearer(kit.Mint(kit.GoodClaims(nil))), between, v.Require(), v.Optional())
		if got.String() != "200" || got.Token != nil {
			t.Errorf("%s: got %v with the token %+v, want an anonymous request", name, got, got.Token)
		}
	}
}

func TestEachGuardIsObservedOnce(t *testing.T) {
	var w kit.Decisions
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Observe = w.Observe })
	kit.ServeNested(kit.Bearer(kit.Mint(kit.GoodClaims(nil))), nil, v.Require("read"), v.Require("write"), v.Require("admin"))
	type short struct {
		outcome middleware.Outcome
		needs   string
		nested  bool
	}
	var got []short
	for _, d := range w.All {
		got = append(got, short{d.Outcome, d.Scopes.String(), d.Nested})
	}
	want := []short{{middleware.Allowed, "read", false}, {middleware.Allowed, "write", true}, {middleware.Forbidden, "admin", true}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Between two Guards time may pass: a request that waits for its body, a stream.
func TestTimeIsJudgedByEachGuard(t *testing.T) {
	clock := testkit.Now
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Clock = func() time.Time { return clock } })
	wait := func(d time.Duration) func(*http.Request) *http.Request {
		return func(r *http.Request) *http.Request {
			clock = clock.Add(d)
			return r
		}
	}
	token := kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Add(time.Minute).Unix(), "auth_time": testkit.Now.Unix()}))
	for _, row := range []struct {
		name, want string
		wait       time.Duration
		inner      *middleware.Guard
	}{
		{"the last moment, with the leeway", "200", 90*time.Second - 1, v.Require()},
		{"the token expires meanwhile", "401 invalid_token", 90 * time.Second, v.Require()},
		{"it expires for an optional Guard too", "401 invalid_token", 90 * time.Second, v.Optional()},
		{"the authentication grows too old", "401 insufficient_user_authentication", 61 * time.Second, v.Require().MaxAge(30 * time.Second)},
	} {
		clock = testkit.Now
		if got := kit.ServeNested(kit.Bearer(token), wait(row.wait), v.Require(), row.inner); got.String() != row.want {
			t.Errorf("%s: got %v, want %s", row.name, got, row.want)
		}
	}
}

// What a handler in between did to its copy of the token is not what a nested rule is asked about.
func TestNestedRuleJudgesTheVerdict(t *testing.T) {
	v := kit.NewValidator(t, nil)
	promote := func(r *http.Request) *http.Request {
		token, _ := middleware.TokenFromContext(r.Context())
		token.Subject = "root"
		return r
	}
	rule := func(_ context.Context, token *middleware.Token, _ middleware.Credentials) error {
		if token.Subject == "root" {
			return nil
		}
		return errors.New("not root")
	}
	if got := kit.ServeNested(kit.Bearer(kit.Mint(kit.GoodClaims(nil))), promote, v.Require(), v.Require().Allow(rule)); got.String() != "403 insufficient_scope" {
		t.Errorf("a handler in between names itself root: got %v, want 403", got)
	}
}

// A nested rule gets a copy of its own: what it writes reaches neither the handler nor the next judgement.
func TestNestedRuleGetsItsOwnCopy(t *testing.T) {
	v := kit.NewValidator(t, nil)
	spoil := func(_ context.Context, token *middleware.Token, _ middleware.Credentials) error {
		token.Subject, token.Scopes = "spoilt", middleware.SetOf("admin")
		return nil
	}
	got := kit.ServeNested(kit.Bearer(kit.Mint(kit.GoodClaims(nil))), nil, v.Require(), v.Require().Allow(spoil), v.Require().Allow(
		func(_ context.Context, token *middleware.Token, _ middleware.Credentials) error {
			if token.Subject != "user-1" {
				t.Errorf("the second rule sees subject %q", token.Subject)
			}
			return nil
		}))
	if got.String() != "200" || got.Token.Subject != "user-1" {
		t.Errorf("got %v with subject %q, want the token's own", got, got.Token.Subject)
	}
	if got := kit.ServeNested(
		kit.Bearer(kit.Mint(kit.GoodClaims(nil))), nil, v.Require().Allow(spoil), v.Require("admin"),
	); got.String() != "403 insufficient_scope" {
		t.Errorf("a rule that makes its own scopes: got %v, want 403", got)
	}
}
