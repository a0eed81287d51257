package routes_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A Guard that nobody made, or whose Validator nobody made, opens nothing, however it is narrowed.
func TestUnusableGuardsRefuse(t *testing.T) {
	var noValidator *middleware.Validator
	for name, g := range map[string]*middleware.Guard{
		"a nil Guard":                             nil,
		"a zero Guard":                            {},
		"a narrowed nil Guard":                    (*middleware.Guard)(nil).Require("read").AnyScope("a").AnyRole("a").ACR("a").MaxAge(0).Allow(kit.Pass),
		"a Guard of a nil Validator":              noValidator.Require("read"),
		"an optional Guard of a nil Validator":    noValidator.Optional(),
		"a Guard of a zero Validator":             new(middleware.Validator).Require(),
		"an optional Guard of a zero Validator":   new(middleware.Validator).Optional(),
		"a narrowed Guard of a zero Validator":    new(middleware.Validator).Require("a").AnyScope("b"),
		"a Guard inside one of another Validator": new(middleware.Guard).Require(),
	} {
		for credentials, r := range map[string]string{"a good token": kit.Mint(kit.GoodClaims(nil)), "no token": ""} {
			req := kit.Bearer(r)
			if r == "" {
				req = kit.Request("GET", nil)
			}
			if got := kit.Serve(g, req); got.String() != "500" {
				t.Errorf("%s, %s: got %v, want 500", name, credentials, got)
			}
			if _, err := g.Check(req); err == nil {
				t.Errorf("%s, %s: Check passes", name, credentials)
			}
		}
	}
}

func TestOptional(t *testing.T) {
	v := kit.NewValidator(t, nil)
	anonymous, known := kit.Request("GET", nil), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
	opt := v.Optional
	for _, row := range []struct {
		name      string
		guard     *middleware.Guard
		anonymous string
		known     string
	}{
		{"an optional Guard", opt(), "200", "200"},
		{"a scope is added", opt().Require("read"), "401", "200"},
		{"a token is required", opt().Require(), "401", "200"},
		{"no scopes of a list that happens to be empty", opt().Require([]string{}...), "401", "200"},
		{"a choice of scopes is added", opt().AnyScope("read", "x"), "401", "200"},
		{"a role is added", opt().AnyRole("admin"), "401", "403 insufficient_scope"},
		{"an authentication context is added", opt().ACR("gold"), "401", "401 insufficient_user_authentication"},
		{"an age is added", opt().MaxAge(time.Hour), "401", "401 insufficient_user_authentication"},
		{"a rule is added", opt().Allow(kit.Pass), "401", "200"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := kit.Serve(row.guard, anonymous)
			if got.String() != row.anonymous {
				t.Errorf("anonymous: got %v, want %s", got, row.anonymous)
			}
			if got.Token != nil {
				t.Errorf("anonymous: the handler has the token %+v", got.Token)
			}
			if got := kit.Serve(row.guard, known); got.String() != row.known {
				t.Errorf("with a token: got %v, want %s", got, row.known)
			}
		})
	}
}

// Only the absence of credentials is anonymous.
func TestOptionalRefusesBadCredentials(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for _, row := range []struct{ name, field, want string }{
		{"a forged token", "Bearer " + testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), "401 invalid_token"},
		{"an expired token", "Bearer " + kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 60})), "401 invalid_token"},
		{"garbage", "Bearer garbage", "401 invalid_token"},
		{"no token behind the scheme", "Bearer", "400 invalid_request"},
		{"another scheme", "Basic dXNlcjpwYXNz", "401"},
	} {
		if got := kit.Serve(v.Optional(), kit.Request("GET", kit.Fields("Authorization", row.field))); got.String() != row.want {
			t.Errorf("%s: got %v, want %s", row.name, got, row.want)
		}
	}
}

// Guards share what they are made of and must never write it: two children of one parent, made in any order, do not see
// each other's additions, and the parent sees none.
func TestGuardsAreImmutable(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	token := kit.Bearer(
		kit.Mint(kit.GoodClaims(kit.Claims{"scope": "s0 s1 s2 s3 left", "roles": []string{"r0", "left"}, "acr": "left", "auth_time": testkit.Now.Unix() - 60})),
	)

	parent := v.Require("s0").Require("s1").Require("s2").AnyRole("r0").AnyRole("r0").AnyRole("r0").
		ACR("left", "x").ACR("left", "y").ACR("left", "z").Allow(kit.Pass).Allow(kit.Pass).Allow(kit.Pass) // three of each leave room behind the slices
	for _, row := range []struct {
		name        string
		left, right func(*middleware.Guard) *middleware.Guard
	}{
		{
			"scopes", func(g *middleware.Guard) *middleware.Guard { return g.Require("left") },
			func(g *middleware.Guard) *middleware.Guard { return g.Require("right") },
		},
		{
			"choices of scopes", func(g *middleware.Guard) *middleware.Guard { return g.AnyScope("left", "x") },
			func(g *middleware.Guard) *middleware.Guard { return g.AnyScope("right", "x") },
		},
		{
			"roles", func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("left") },
			func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("right") },
		},
		{
			"authentication contexts", func(g *middleware.Guard) *middleware.Guard { return g.ACR("left") },
			func(g *middleware.Guard) *middleware.Guard { return g.ACR("right") },
		},
		{
			"ages", func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Hour) },
			func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Second) },
		},
		{
			"rules", func(g *middleware.Guard) *middleware.Guard { return g.Allow(kit.Pass) },
			func(g *middleware.Guard) *middleware.Guard { return g.Allow(kit.Refuse("no")) },
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			left := row.left(parent)
			right := row.right(parent)
			left2 := row.left(parent)
			for _, g := range []*middleware.Guard{parent, left, left2} {
				if got := kit.Serve(g, token); got.String() != "200" {
					t.Errorf("a Guard changed when its sibling was made: got %v, want 200", got)
				}
			}
			if got := kit.Serve(right, token); got.StatusCode == 200 {
				t.Error("a Guard lost its own requirement when its sibling was made")
			}
		})
	}
}

func TestArgumentsAreCopied(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	scopes := []string{"read", "write"}
	all, choice := v.Require(scopes...), v.Require().AnyScope(scopes...)
	scopes[0], scopes[1] = "admin", "admin"
	for _, g := range []*middleware.Guard{all, choice} {
		if got := kit.Serve(g, kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); got.String() != "200" {
			t.Errorf("got %v, want 200: the Guard changed with its caller's slice", got)
		}
	}
	roles, contexts := []string{"a"}, []string{"a"}
	byRole, byACR := v.Require().AnyRole(roles...), v.Require().ACR(contexts...)
	roles[0], contexts[0] = "b", "b"
	token := kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"acr": "b", "roles": []string{"b"}})))
	if got := kit.Serve(byACR, token); got.StatusCode != 401 {
		t.Errorf("ACR: got %v, want the step-up challenge", got)
	}
	if got := kit.Serve(byRole, token); got.StatusCode != 403 {
		t.Errorf("AnyRole: got %v, want 403", got)
	}
}

func TestGuardsAreMadeConcurrently(t *testing.T) {
	v := kit.NewValidator(t, nil)
	parent := v.Require("read").Require("write").Allow(kit.Pass)
	token := kit.Mint(kit.GoodClaims(nil))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			want := []string{"200", "403 insufficient_scope"}[i%2]
			g := parent.Allow(kit.Pass)
			if i%2 == 1 {
				g = parent.Allow(kit.Refuse("no"))
			}
			for range 20 {
				if got := kit.Serve(g, kit.Bearer(token)); got.String() != want {
					t.Errorf("got %v, want %s", got, want)
				}
			}
		})
	}
	all.Wait()
}

// What can never be right is a mistake of the program, and shows at start-up.
func TestGuardPanics(t *testing.T) {
	g := kit.NewValidator(t, nil).Require()
	for _, method := range []struct {
		name string
		call func(*middleware.Guard, ...string) *middleware.Guard
	}{{"Require", (*middleware.Guard).Require}, {"AnyScope", (*middleware.Guard).AnyScope}, {"ACR", (*middleware.Guard).ACR}} {
		for _, bad := range []string{"", " ", "a b", " a", "a\tb", `a"b`, `a\b`, "a\n", "é", "a\x7f", "a\u00a0b"} {
			want := fmt.Sprintf("middleware: %s: %q is no single value of visible characters without quotes "+
				"(RFC 6749 section 3.3); pass each as an argument of its own", method.name, bad)
			kit.WantPanic(t, want, func() { method.call(g, "good", bad) })
			kit.WantPanic(t, want, func() { method.call(nil, bad) })
		}
	}
	for _, method := range []struct {
		name string
		call func(*middleware.Guard, ...string) *middleware.Guard
	}{{"AnyScope", (*middleware.Guard).AnyScope}, {"AnyRole", (*middleware.Guard).AnyRole}, {"ACR", (*middleware.Guard).ACR}} {
		kit.WantPanic(t, "middleware: "+method.name+": it needs at least one argument, since one of none can never be met", func() { method.call(g) })
	}
	v := kit.NewValidator(t, nil)
	kit.WantPanic(t, `middleware: Require: "a b" is no single value of visible characters without quotes (RFC 6749 section 3.3); pass each as an argument of its own`,
		func() { v.Require("a b") })
	kit.WantPanic(t, "middleware: AnyRole: a role is empty", func() { g.AnyRole("a", "") })
	kit.WantPanic(t, "middleware: MaxAge: -1ns is negative", func() { g.MaxAge(-1) })
	kit.WantPanic(t, "middleware: Allow: the rule is nil", func() { g.Allow(nil) })
}

// Every byte of a scope-token (RFC 6749 section 3.3) is fine, alone.
func TestScopeTokenAlphabet(t *testing.T) {
	g := kit.NewValidator(t, nil).Require()
	for c := range 256 {
		scope := string([]byte{byte(c)})
		allowed := c == 0x21 || 0x23 <= c && c <= 0x5b || 0x5d <= c && c <= 0x7e
		panicked := func() (p bool) {
			defer func() { p = recover() != nil }()
			g.Require(scope)
			return false
		}()
		if panicked == allowed {
			t.Errorf("Require(%q): panicked %v, want %v", scope, panicked, !allowed)
		}
	}
}

func TestRouteRequirementIsObserved(t *testing.T) {
	var w kit.Decisions
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Observe = w.Observe })
	kit.Serve(v.Require("read").AnyScope("write", "admin").Require("read"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
	if got, want := w.Last(t).Scopes.Slice(), []string{"read", "write", "admin"}; !slices.Equal(got, want) {
		t.Errorf("Decision.Scopes is %q, want %q", got, want)
	}
}
