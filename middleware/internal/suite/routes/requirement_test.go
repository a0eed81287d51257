package routes_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestRequiredScopes(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
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
			got := kit.Serve(row.guard, kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"scope": row.scope}))))
			if row.want == "" {
				if got.String() != "200" {
					t.Errorf("got %v, want 200", got)
				}
				return
			}
			c, err := kit.ParseChallenge(got.Header.Get("Www-Authenticate"))
			if got.String() != "403 insufficient_scope" || err != nil || c.Params["scope"] != row.want {
				t.Errorf("got %v with scope %q (%v), want 403 with scope %q", got, c.Params["scope"], err, row.want)
			}
		})
	}
}

func TestImpliedScopesAreForGuardsOnly(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.ScopeImplies = map[string][]string{"read": {"x"}} })
	if got := kit.Serve(v.Require("x"), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); got.Token.Scopes.String() != "read write" {
		t.Errorf("Token.Scopes is %q, want those of the token", got.Token.Scopes)
	}
}

func TestRequiredRoles(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"/realm/roles"} })
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
			token := kit.Mint(kit.GoodClaims(kit.Claims{"realm": kit.Claims{"roles": row.roles}, "roles": []string{"admin", "root"}}))
			if got := kit.Serve(row.guard, kit.Bearer(token)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
	unmapped := kit.NewValidator(t, nil)
	if got := kit.Serve(
		unmapped.Require().AnyRole("admin"), kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"roles": []string{"admin"}}))),
	); got.String() != "403 insufficient_scope" {
		t.Errorf("roles that no mapping names: got %v, want 403", got)
	}
	got := kit.Serve(v.Require("read").AnyRole("admin"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
	if c, err := kit.ParseChallenge(got.Header.Get("Www-Authenticate")); err != nil || c.Params["scope"] != "read" {
		t.Errorf("a missing role: challenge has scope %q (%v), want the route's", c.Params["scope"], err)
	}
}

// What is judged first answers. A bad token learns nothing of what a route protects (RFC 9470 section 8).
func TestOrderOfJudgement(t *testing.T) {
	asked := false
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	g := v.Require("admin").AnyRole("root").ACR("gold").MaxAge(time.Minute).Allow(
		func(context.Context, *middleware.Token, middleware.Credentials) error {
			asked = true
			return errors.New("no")
		})
	all := kit.Claims{"scope": "admin", "roles": "root", "acr": "gold", "auth_time": testkit.Now.Unix()}
	without := func(name string, more kit.Claims) kit.Claims {
		c := kit.GoodClaims(all)
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
		{"syntax before everything", kit.Fields("Authorization", "Bearer a b"), middleware.ReasonMalformedRequest},
		{
			"the token before its time",
			kit.Fields("Authorization", "Bearer "+testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"exp": 1}))), testkit.StrangeKey())),
			middleware.ReasonSignature,
		},
		{
			"time before scopes",
			kit.Fields("Authorization", "Bearer "+kit.Mint(without("scope", kit.Claims{"exp": testkit.Now.Unix() - 60}))),
			middleware.ReasonExpired,
		},
		{"step-up before scopes, so that one challenge says both", kit.Fields("Authorization", "Bearer "+kit.Mint(kit.GoodClaims(nil))), middleware.ReasonACR},
		{"auth_time after acr", kit.Fields("Authorization", "Bearer "+kit.Mint(without("auth_time", nil))), middleware.ReasonAuthTime},
		{"scopes before roles", kit.Fields("Authorization", "Bearer "+kit.Mint(without("scope", kit.Claims{"roles": "x"}))), middleware.ReasonScope},
		{"roles before rules", kit.Fields("Authorization", "Bearer "+kit.Mint(without("roles", nil))), middleware.ReasonRole},
	} {
		if got := kit.ReasonOf(t, g, kit.Request("GET", row.header)); got != row.reason {
			t.Errorf("%s: reason is %q, want %q", row.name, got, row.reason)
		}
	}
	if asked {
		t.Error("the rule was asked about a token that met less than everything else")
	}
	if got := kit.ReasonOf(t, g, kit.Bearer(kit.Mint(kit.GoodClaims(all)))); got != middleware.ReasonRule || !asked {
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
		{
			"an *Error with a reason keeps it", &middleware.Error{Code: middleware.InvalidToken, Reason: middleware.ReasonInactive},
			"401 invalid_token", middleware.ReasonInactive,
		},
		{"an *Error of a code of one's own", &middleware.Error{Code: "account_locked"}, "403 account_locked", middleware.ReasonRule},
		{"an *Error that says nothing is our own fault", &middleware.Error{}, "500", middleware.ReasonRule},
		{"a nil *Error is an error, and no permission", typedNil, "403 insufficient_scope", middleware.ReasonRule},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := kit.NewValidator(t, nil).Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return row.err })
			if got := kit.Serve(g, kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if got := kit.ReasonOf(t, g, kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}

type slowDatabase struct{}

func (slowDatabase) Error() string { return "database is slow" }

func (slowDatabase) Is(target error) bool { return target == middleware.ErrUnavailable }

func (slowDatabase) RetryAfter() time.Duration { return 7 * time.Second }

func TestRuleKnowsWhenToTryAgain(t *testing.T) {
	g := kit.NewValidator(t, nil).Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return slowDatabase{} })
	got := kit.Serve(g, kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
	if got.String() != "503" || got.Header.Get("Retry-After") != "7" {
		t.Errorf("got %v, Retry-After %q; want 503, 7", got, got.Header.Get("Retry-After"))
	}
}

// An *Error may be a package variable of the application: what one Validator fills in must not reach another.
func TestSharedErrorIsNotChanged(t *testing.T) {
	shared := &middleware.Error{Code: middleware.InvalidToken}
	g := func(realm string) *middleware.Guard {
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Realm = realm })
		return v.Require("read").Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return shared })
	}
	for _, realm := range []string{"one", "two", "one"} {
		got := kit.Serve(g(realm), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))).Header.Get("Www-Authenticate")
		if want := strings.Replace(kit.InvalidTokenChallenge, `"api"`, `"`+realm+`"`, 1) + `, scope="read"`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if shared.Reason != "" || shared.Scopes.Len() > 0 || shared.Header().Get("Www-Authenticate") != kit.InvalidTokenChallenge {
		t.Errorf("the shared *Error was changed: %+v", *shared)
	}
}

func TestRulesAreAskedInOrderOnEveryRequest(t *testing.T) {
	v := kit.NewValidator(t, nil)
	var asked []string
	rule := func(name string, err error) middleware.Rule {
		return func(_ context.Context, token *middleware.Token, c middleware.Credentials) error {
			asked = append(asked, name+" "+token.Subject+" "+c.Method+" "+c.Target)
			return err
		}
	}
	g := v.Require().Allow(rule("first", nil)).Allow(rule("second", errors.New("no"))).Allow(rule("third", nil))
	for range 2 {
		kit.Serve(g, kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
	}
	once := []string{"first user-1 GET /orders", "second user-1 GET /orders"}
	if want := slices.Concat(once, once); !slices.Equal(asked, want) {
		t.Errorf("asked %q\nwant  %q", asked, want)
	}
}

func TestRuleThatPanics(t *testing.T) {
	broken := true
	g := kit.NewValidator(t, nil).Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error {
		if broken {
			panic("rule")
		}
		return nil
	})
	token := kit.Mint(kit.GoodClaims(nil))
	kit.WantPanic(t, "rule", func() { g.Handler(kit.MustNotRun(t)).ServeHTTP(httptest.NewRecorder(), kit.Bearer(token)) })
	broken = false
	if got := kit.Serve(g, kit.Bearer(token)); got.String() != "200" {
		t.Errorf("after a panic: got %v, want 200", got)
	}
}

func TestRuleThatNamesItsOwnScopes(t *testing.T) {
	rule := func(context.Context, *middleware.Token, middleware.Credentials) error {
		return &middleware.Error{Code: middleware.InvalidToken, Scopes: middleware.SetOf("special")}
	}
	got := kit.Serve(kit.NewValidator(t, nil).Require("read").Allow(rule), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))).Header.Get("WWW-Authenticate")
	if !strings.HasSuffix(got, `scope="special"`) {
		t.Errorf("the challenge is %s, want the scopes of the rule", got)
	}
}

// A rule sees the certificate that TLS has verified, which is the first: the others are its issuers.
func TestRuleSeesTheClientCertificate(t *testing.T) {
	leaf := &x509.Certificate{Raw: []byte("leaf")}
	var seen *x509.Certificate
	guard := kit.NewValidator(t, nil).Require().Allow(func(_ context.Context, _ *middleware.Token, c middleware.Credentials) error {
		seen = c.Certificate
		return nil
	})
	for name, row := range map[string]struct {
		state *tls.ConnectionState
		want  *x509.Certificate
	}{
		"a chain":                   {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, {Raw: []byte("issuer")}}}, leaf},
		"TLS without a certificate": {&tls.ConnectionState{}, nil},
		"no TLS":                    {nil, nil},
	} {
		r := kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
		r.TLS = row.state
		if got := kit.Serve(guard, r).String(); got != "200" || seen != row.want {
			t.Errorf("%s: %s, and the rule sees %v", name, got, seen)
		}
	}
}
