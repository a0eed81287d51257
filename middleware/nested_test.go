package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// within runs r through guards, the outermost first; between is what happens in front of the innermost.
func within(r *http.Request, between func(*http.Request) *http.Request, guards ...*middleware.Guard) served {
	var s served
	inner := guards[len(guards)-1]
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if between != nil {
			r = between(r)
		}
		inner.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s.ran, s.context = true, r.Context()
			s.token, _ = middleware.TokenFromContext(r.Context())
		}).ServeHTTP(w, r)
	}))
	for i := len(guards) - 2; i >= 0; i-- {
		h = guards[i].Handler(h)
	}
	w := newRecorder()
	h.ServeHTTP(w, r)
	s.Response = w.Result()
	return s
}

func TestNestedGuards(t *testing.T) {
	var w witness
	v := validator(t, func(cfg *middleware.Config) { cfg.Observe = w.observe })
	other := validator(t, func(cfg *middleware.Config) { cfg.Audiences = []string{"https://other.example"} })
	strange := sign(edHeader, string(toJSON(good(nil))), strangeKey())
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
		*token = middleware.Token{Subject: "root", Scopes: middleware.SetOf("admin"), ACR: "gold", Expiry: now.Add(time.Hour)}
		return r
	}
	pretend := func(r *http.Request) *http.Request {
		return r.WithContext(middleware.ContextWithToken(r.Context(), &middleware.Token{Subject: "root", Scopes: middleware.SetOf("admin"), Expiry: now.Add(time.Hour)}))
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
		{"the inner rule says no", "403 insufficient_scope", guards(v.Require(), v.Require().Allow(refuse("no"))), nil, true},

		{"a forged token behind a good one", "401 invalid_token", guards(v.Require(), v.Require()), replace("Bearer " + strange), false},
		{"another user's good token is judged by itself", "403 insufficient_scope", guards(v.Require("read"), v.Require("read")),
			replace("Bearer " + mint(good(claims{"sub": "user-2", "scope": "x"}))), false},
		{"the credentials are gone", "401", guards(v.Require(), v.Require()), forget, false},
		{"malformed credentials", "400 invalid_request", guards(v.Require(), v.Require()), replace("Bearer"), false},
		{"a handler in between makes itself an administrator", "403 insufficient_scope", guards(v.Require(), v.Require("admin")), promote, true},
		{"a handler in between raises its own authentication", "401 insufficient_user_authentication", guards(v.Require(), v.Require().ACR("gold")), promote, true},
		{"a hand-made token in the context", "403 insufficient_scope", guards(v.Require(), v.Require("admin")), pretend, false},
		{"the verdict of another Validator", "401 invalid_token", guards(v.Require(), other.Require()), nil, false},
		{"a Validator that nobody made", "500", guards(v.Require(), new(middleware.Guard)), nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := within(bearer(mint(good(nil))), row.between, row.guards...)
			if got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if d := w.last(t); d.Nested != row.nested && row.guards[len(row.guards)-1] != nil {
				t.Errorf("Decision.Nested is %v, want %v", d.Nested, row.nested)
			}
		})
	}
}

// Credentials that are gone make a request anonymous, whoever was known before.
func TestOptionalGuardInsideForgetsTheOuterToken(t *testing.T) {
	v := validator(t, nil)
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
		got := within(bearer(mint(good(nil))), between, v.Require(), v.Optional())
		if got.String() != "200" || got.token != nil {
			t.Errorf("%s: got %v with the token %+v, want an anonymous request", name, got, got.token)
		}
	}
}

func TestEachGuardIsObservedOnce(t *testing.T) {
	var w witness
	v := validator(t, func(cfg *middleware.Config) { cfg.Observe = w.observe })
	within(bearer(mint(good(nil))), nil, v.Require("read"), v.Require("write"), v.Require("admin"))
	type short struct {
		outcome middleware.Outcome
		needs   string
		nested  bool
	}
	var got []short
	for _, d := range w.seen {
		got = append(got, short{d.Outcome, d.Scopes.String(), d.Nested})
	}
	want := []short{{middleware.Allowed, "read", false}, {middleware.Allowed, "write", true}, {middleware.Forbidden, "admin", true}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Between two Guards time may pass: a request that waits for its body, a stream.
func TestTimeIsJudgedByEachGuard(t *testing.T) {
	clock := now
	v := validator(t, func(cfg *middleware.Config) { cfg.Clock = func() time.Time { return clock } })
	wait := func(d time.Duration) func(*http.Request) *http.Request {
		return func(r *http.Request) *http.Request {
			clock = clock.Add(d)
			return r
		}
	}
	token := mint(good(claims{"exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix()}))
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
		clock = now
		if got := within(bearer(token), wait(row.wait), v.Require(), row.inner); got.String() != row.want {
			t.Errorf("%s: got %v, want %s", row.name, got, row.want)
		}
	}
}

// What a handler in between did to its copy of the token is not what a nested rule is asked about.
func TestNestedRuleJudgesTheVerdict(t *testing.T) {
	v := validator(t, nil)
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
	if got := within(bearer(mint(good(nil))), promote, v.Require(), v.Require().Allow(rule)); got.String() != "403 insufficient_scope" {
		t.Errorf("a handler in between names itself root: got %v, want 403", got)
	}
}

// A nested rule gets a copy of its own: what it writes reaches neither the handler nor the next judgement.
func TestNestedRuleGetsItsOwnCopy(t *testing.T) {
	v := validator(t, nil)
	spoil := func(_ context.Context, token *middleware.Token, _ middleware.Credentials) error {
		token.Subject, token.Scopes = "spoilt", middleware.SetOf("admin")
		return nil
	}
	got := within(bearer(mint(good(nil))), nil, v.Require(), v.Require().Allow(spoil), v.Require().Allow(
		func(_ context.Context, token *middleware.Token, _ middleware.Credentials) error {
			if token.Subject != "user-1" {
				t.Errorf("the second rule sees subject %q", token.Subject)
			}
			return nil
		}))
	if got.String() != "200" || got.token.Subject != "user-1" {
		t.Errorf("got %v with subject %q, want the token's own", got, got.token.Subject)
	}
	if got := within(bearer(mint(good(nil))), nil, v.Require().Allow(spoil), v.Require("admin")); got.String() != "403 insufficient_scope" {
		t.Errorf("a rule that makes its own scopes: got %v, want 403", got)
	}
}
