package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

func TestRequiredScopes(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) {
		cfg.ScopeImplies = map[string][]string{
			"admin": {"orders"}, "orders": {"orders:read", "orders:write"}, // a chain
			"a": {"b"}, "b": {"c"}, "c": {"a"}, // a circle
			"self": {"self"},
		}
	})
	for _, row := range []struct {
		name, scope string
		guard       *middleware.Guard
		want        string
	}{
		{"one scope", "read", v.Require("read"), ""},
		{"all of several", "b2 a2", v.Require("a2", "b2"), ""},
		{"all of several calls", "a2 b2", v.Require("a2").Require("b2"), ""},
		{"one of several is missing", "a2", v.Require("a2", "b2"), "a2 b2"},
		{"none at all", "", v.Require("read"), "read"},
		{"scope by prefix", "reader", v.Require("read"), "read"},
		{"scope by suffix", "xread", v.Require("read"), "read"},
		{"a narrower scope for a wider one", "read:all", v.Require("read"), "read"},
		{"another case", "READ", v.Require("read"), "read"},
		{"a wildcard", "*", v.Require("read"), "read"},
		{"a comma list", "read,write", v.Require("read"), "read"},
		{"a tab is no separator", "x\tread", v.Require("read"), "read"},
		{"a line break is no separator", "x\nread", v.Require("read"), "read"},
		{"a non-breaking space is no separator", "x\u00a0read", v.Require("read"), "read"},

		{"one of a choice", "b2", v.Require().AnyScope("a2", "b2"), ""},
		{"none of a choice", "c2", v.Require().AnyScope("a2", "b2"), "a2 b2"},
		{"choices add up", "a2 d2", v.Require().AnyScope("a2", "b2").AnyScope("c2", "d2"), ""},
		{"one choice met, another not", "a2 b2", v.Require().AnyScope("a2", "b2").AnyScope("d2", "c2"), "a2 b2 c2 d2"},
		{"a choice beside what is required", "b2", v.Require("x2").AnyScope("a2", "b2"), "a2 b2 x2"},

		{"a scope that carries another", "orders", v.Require("orders:read", "orders:write"), ""},
		{"through two steps", "admin", v.Require("orders:write"), ""},
		{"in a choice", "admin", v.Require().AnyScope("x2", "orders:read"), ""},
		{"it does not carry upwards", "orders:read orders:write", v.Require("orders"), "orders"},
		{"not two steps upwards", "orders", v.Require("admin"), "admin"},
		{"round a circle", "b", v.Require("a"), ""},
		{"all the way round a circle", "a", v.Require("a", "b", "c"), ""},
		{"a circle leads nowhere else", "a b c", v.Require("orders"), "orders"},
		{"a scope that carries itself", "self", v.Require("self"), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := serve(row.guard, bearer(mint(good(claims{"scope": row.scope}))))
			if row.want == "" {
				if got.String() != "200" {
					t.Errorf("got %v, want 200", got)
				}
				return
			}
			c, err := parseChallenge(got.Header.Get("Www-Authenticate"))
			if got.String() != "403 insufficient_scope" || err != nil || c.params["scope"] != row.want {
				t.Errorf("got %v with scope %q (%v), want 403 with scope %q", got, c.params["scope"], err, row.want)
			}
		})
	}
}

func TestImpliedScopesAreForGuardsOnly(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) { cfg.ScopeImplies = map[string][]string{"read": {"x"}} })
	if got := serve(v.Require("x"), bearer(mint(good(nil)))); got.token.Scopes.String() != "read write" {
		t.Errorf("Token.Scopes is %q, want those of the token", got.token.Scopes)
	}
}

func TestRequiredRoles(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"/realm/roles"} })
	for _, row := range []struct {
		name  string
		roles any
		guard *middleware.Guard
		want  string
	}{
		{"one of the roles", []string{"user", "admin"}, v.Require().AnyRole("admin", "root"), "200"},
		{"a role with a space is one role", []string{"site admin"}, v.Require().AnyRole("site admin"), "200"},
		{"one of each choice", []string{"user", "admin"}, v.Require().AnyRole("admin", "root").AnyRole("user"), "200"},
		{"none of them", []string{"user"}, v.Require().AnyRole("admin", "root"), "403 insufficient_scope"},
		{"one choice of two", []string{"admin"}, v.Require().AnyRole("admin").AnyRole("user"), "403 insufficient_scope"},
		{"a role in other case", []string{"Admin"}, v.Require().AnyRole("admin"), "403 insufficient_scope"},
		{"no roles", nil, v.Require().AnyRole("admin"), "403 insufficient_scope"},
		{"a number among them, which spoils all", []any{"admin", 1}, v.Require().AnyRole("admin"), "403 insufficient_scope"},
		{"roles joined by spaces", "user admin", v.Require().AnyRole("admin"), "403 insufficient_scope"},
	} {
		t.Run(row.name, func(t *testing.T) {
			token := mint(good(claims{"realm": claims{"roles": row.roles}, "roles": []string{"admin", "root"}}))
			if got := serve(row.guard, bearer(token)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
	unmapped := validator(t, nil)
	if got := serve(unmapped.Require().AnyRole("admin"), bearer(mint(good(claims{"roles": []string{"admin"}})))); got.String() != "403 insufficient_scope" {
		t.Errorf("roles that no mapping names: got %v, want 403", got)
	}
	got := serve(v.Require("read").AnyRole("admin"), bearer(mint(good(nil))))
	if c, err := parseChallenge(got.Header.Get("Www-Authenticate")); err != nil || c.params["scope"] != "read" {
		t.Errorf("a missing role: challenge has scope %q (%v), want the route's", c.params["scope"], err)
	}
}

// What is judged first answers. A bad token learns nothing of what a route protects (RFC 9470 section 8).
func TestOrderOfJudgement(t *testing.T) {
	asked := false
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	g := v.Require("admin").AnyRole("root").ACR("gold").MaxAge(time.Minute).Allow(
		func(context.Context, *middleware.Token, middleware.Credentials) error {
			asked = true
			return errors.New("no")
		})
	all := claims{"scope": "admin", "roles": "root", "acr": "gold", "auth_time": now.Unix()}
	without := func(name string, more claims) claims {
		c := good(all)
		delete(c, name)
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	for _, row := range []struct {
		name   string
		header http.Header
		reason middleware.Reason
	}{
		{"syntax before everything", fields("Authorization", "Bearer a b"), middleware.ReasonMalformedRequest},
		{"the token before its time", fields("Authorization", "Bearer "+sign(edHeader, string(toJSON(good(claims{"exp": 1}))), strangeKey())), middleware.ReasonSignature},
		{"time before scopes", fields("Authorization", "Bearer "+mint(without("scope", claims{"exp": now.Unix() - 60}))), middleware.ReasonExpired},
		{"step-up before scopes, so that one challenge says both", fields("Authorization", "Bearer "+mint(good(nil))), middleware.ReasonACR},
		{"auth_time after acr", fields("Authorization", "Bearer "+mint(without("auth_time", nil))), middleware.ReasonAuthTime},
		{"scopes before roles", fields("Authorization", "Bearer "+mint(without("scope", claims{"roles": "x"}))), middleware.ReasonScope},
		{"roles before rules", fields("Authorization", "Bearer "+mint(without("roles", nil))), middleware.ReasonRole},
	} {
		if got := reasonOf(t, g, request("GET", row.header)); got != row.reason {
			t.Errorf("%s: reason is %q, want %q", row.name, got, row.reason)
		}
	}
	if asked {
		t.Error("the rule was asked about a token that met less than everything else")
	}
	if got := reasonOf(t, g, bearer(mint(good(all)))); got != middleware.ReasonRule || !asked {
		t.Errorf("reason is %q and the rule was asked: %v; want %q, true", got, asked, middleware.ReasonRule)
	}
}

func TestRules(t *testing.T) {
	shared := &middleware.Error{Code: middleware.InsufficientUserAuthentication, Description: "Confirm by telephone."}
	var typedNil *middleware.Error
	for _, row := range []struct {
		name   string
		err    error
		want   string
		reason middleware.Reason
	}{
		{"nil passes", nil, "200", ""},
		{"any error forbids", errors.New("not the owner"), "403 insufficient_scope", middleware.ReasonRule},
		{"ErrUnavailable is an outage", middleware.ErrUnavailable, "503", middleware.ReasonRuleUnavailable},
		{"a wrapped ErrUnavailable too", fmt.Errorf("database: %w", middleware.ErrUnavailable), "503", middleware.ReasonRuleUnavailable},
		{"a cancelled question is no permission", context.Canceled, "403 insufficient_scope", middleware.ReasonRule},
		{"an *Error is taken as it is", shared, "401 insufficient_user_authentication", middleware.ReasonRule},
		{"a wrapped *Error too", fmt.Errorf("rule: %w", shared), "401 insufficient_user_authentication", middleware.ReasonRule},
		{"an *Error with a reason keeps it", &middleware.Error{Code: middleware.InvalidToken, Reason: middleware.ReasonInactive}, "401 invalid_token", middleware.ReasonInactive},
		{"an *Error of a code of one's own", &middleware.Error{Code: "account_locked"}, "403 account_locked", middleware.ReasonRule},
		{"an *Error that says nothing is our own fault", &middleware.Error{}, "500", middleware.ReasonRule},
		{"a nil *Error is an error, and no permission", typedNil, "403 insufficient_scope", middleware.ReasonRule},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := validator(t, nil).Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return row.err })
			if got := serve(g, bearer(mint(good(nil)))); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if got := reasonOf(t, g, bearer(mint(good(nil)))); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}

type slowDatabase struct{}

func (slowDatabase) Error() string             { return "database is slow" }
func (slowDatabase) Is(target error) bool      { return target == middleware.ErrUnavailable }
func (slowDatabase) RetryAfter() time.Duration { return 7 * time.Second }

func TestRuleKnowsWhenToTryAgain(t *testing.T) {
	g := validator(t, nil).Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return slowDatabase{} })
	got := serve(g, bearer(mint(good(nil))))
	if got.String() != "503" || got.Header.Get("Retry-After") != "7" {
		t.Errorf("got %v, Retry-After %q; want 503, 7", got, got.Header.Get("Retry-After"))
	}
}

// An *Error may be a package variable of the application: what one Validator fills in must not reach another.
func TestSharedErrorIsNotChanged(t *testing.T) {
	shared := &middleware.Error{Code: middleware.InvalidToken}
	g := func(realm string) *middleware.Guard {
		v := validator(t, func(cfg *middleware.Config) { cfg.Realm = realm })
		return v.Require("read").Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return shared })
	}
	for _, realm := range []string{"one", "two", "one"} {
		got := serve(g(realm), bearer(mint(good(nil)))).Header.Get("Www-Authenticate")
		if want := strings.Replace(noGoodChallenge, `"api"`, `"`+realm+`"`, 1) + `, scope="read"`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if shared.Reason != "" || shared.Scopes.Len() > 0 || shared.Header().Get("Www-Authenticate") != noGoodChallenge {
		t.Errorf("the shared *Error was changed: %+v", *shared)
	}
}

func TestRulesAreAskedInOrderOnEveryRequest(t *testing.T) {
	v := validator(t, nil)
	var asked []string
	rule := func(name string, err error) middleware.Rule {
		return func(_ context.Context, token *middleware.Token, c middleware.Credentials) error {
			asked = append(asked, name+" "+token.Subject+" "+c.Method+" "+c.Target)
			return err
		}
	}
	g := v.Require().Allow(rule("first", nil)).Allow(rule("second", errors.New("no"))).Allow(rule("third", nil))
	for range 2 {
		serve(g, bearer(mint(good(nil))))
	}
	once := []string{"first user-1 GET /orders", "second user-1 GET /orders"}
	if want := slices.Concat(once, once); !slices.Equal(asked, want) {
		t.Errorf("asked %q\nwant  %q", asked, want)
	}
}

func TestRuleThatPanics(t *testing.T) {
	broken := true
	g := validator(t, nil).Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error {
		if broken {
			panic("rule")
		}
		return nil
	})
	token := mint(good(nil))
	wantPanic(t, "rule", func() { g.Handler(mustNotRun(t)).ServeHTTP(newRecorder(), bearer(token)) })
	broken = false
	if got := serve(g, bearer(token)); got.String() != "200" {
		t.Errorf("after a panic: got %v, want 200", got)
	}
}
