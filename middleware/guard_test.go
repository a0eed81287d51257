package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

func refuse(text string) middleware.Rule {
	return func(context.Context, *middleware.Token, middleware.Credentials) error { return errors.New(text) }
}

func pass(context.Context, *middleware.Token, middleware.Credentials) error { return nil }

// A Guard that nobody made, or whose Validator nobody made, opens nothing, however it is narrowed.
func TestUnusableGuardsRefuse(t *testing.T) {
	var noValidator *middleware.Validator
	for name, g := range map[string]*middleware.Guard{
		"a nil Guard":                             nil,
		"a zero Guard":                            {},
		"a narrowed nil Guard":                    (*middleware.Guard)(nil).Require("read").AnyScope("a").AnyRole("a").ACR("a").MaxAge(0).Allow(pass),
		"a Guard of a nil Validator":              noValidator.Require("read"),
		"an optional Guard of a nil Validator":    noValidator.Optional(),
		"a Guard of a zero Validator":             new(middleware.Validator).Require(),
		"an optional Guard of a zero Validator":   new(middleware.Validator).Optional(),
		"a narrowed Guard of a zero Validator":    new(middleware.Validator).Require("a").AnyScope("b"),
		"a Guard inside one of another Validator": new(middleware.Guard).Require(),
	} {
		for credentials, r := range map[string]string{"a good token": mint(good(nil)), "no token": ""} {
			req := bearer(r)
			if r == "" {
				req = request("GET", nil)
			}
			if got := serve(g, req); got.String() != "500" {
				t.Errorf("%s, %s: got %v, want 500", name, credentials, got)
			}
			if _, err := g.Check(req); err == nil {
				t.Errorf("%s, %s: Check passes", name, credentials)
			}
		}
	}
}

func TestOptional(t *testing.T) {
	v := validator(t, nil)
	anonymous, known := request("GET", nil), bearer(mint(good(nil)))
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
		{"a rule is added", opt().Allow(pass), "401", "200"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := serve(row.guard, anonymous)
			if got.String() != row.anonymous {
				t.Errorf("anonymous: got %v, want %s", got, row.anonymous)
			}
			if got.token != nil {
				t.Errorf("anonymous: the handler has the token %+v", got.token)
			}
			if got := serve(row.guard, known); got.String() != row.known {
				t.Errorf("with a token: got %v, want %s", got, row.known)
			}
		})
	}
}

// Only the absence of credentials is anonymous.
func TestOptionalRefusesBadCredentials(t *testing.T) {
	v := validator(t, nil)
	for _, row := range []struct{ name, field, want string }{
		{"a forged token", "Bearer " + sign(edHeader, string(toJSON(good(nil))), strangeKey()), "401 invalid_token"},
		{"an expired token", "Bearer " + mint(good(claims{"exp": now.Unix() - 60})), "401 invalid_token"},
		{"garbage", "Bearer garbage", "401 invalid_token"},
		{"no token behind the scheme", "Bearer", "400 invalid_request"},
		{"another scheme", "Basic dXNlcjpwYXNz", "401"},
	} {
		if got := serve(v.Optional(), request("GET", fields("Authorization", row.field))); got.String() != row.want {
			t.Errorf("%s: got %v, want %s", row.name, got, row.want)
		}
	}
}

// Guards share what they are made of and must never write it: two children of one parent, made in any order, do not see
// each other's additions, and the parent sees none.
func TestGuardsAreImmutable(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	token := bearer(mint(good(claims{"scope": "s0 s1 s2 s3 left", "roles": []string{"r0", "left"}, "acr": "left", "auth_time": now.Unix() - 60})))

	parent := v.Require("s0").Require("s1").Require("s2").AnyRole("r0").AnyRole("r0").AnyRole("r0").
		ACR("left", "x").ACR("left", "y").ACR("left", "z").Allow(pass).Allow(pass).Allow(pass) // three of each leave room behind the slices
	for _, row := range []struct {
		name        string
		left, right func(*middleware.Guard) *middleware.Guard
	}{
		{"scopes", func(g *middleware.Guard) *middleware.Guard { return g.Require("left") }, func(g *middleware.Guard) *middleware.Guard { return g.Require("right") }},
		{"choices of scopes", func(g *middleware.Guard) *middleware.Guard { return g.AnyScope("left", "x") }, func(g *middleware.Guard) *middleware.Guard { return g.AnyScope("right", "x") }},
		{"roles", func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("left") }, func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("right") }},
		{"authentication contexts", func(g *middleware.Guard) *middleware.Guard { return g.ACR("left") }, func(g *middleware.Guard) *middleware.Guard { return g.ACR("right") }},
		{"ages", func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Hour) }, func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Second) }},
		{"rules", func(g *middleware.Guard) *middleware.Guard { return g.Allow(pass) }, func(g *middleware.Guard) *middleware.Guard { return g.Allow(refuse("no")) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			left := row.left(parent)
			right := row.right(parent)
			left2 := row.left(parent)
			for _, g := range []*middleware.Guard{parent, left, left2} {
				if got := serve(g, token); got.String() != "200" {
					t.Errorf("a Guard changed when its sibling was made: got %v, want 200", got)
				}
			}
			if got := serve(right, token); got.StatusCode == 200 {
				t.Error("a Guard lost its own requirement when its sibling was made")
			}
		})
	}
}

func TestArgumentsAreCopied(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	scopes := []string{"read", "write"}
	all, choice := v.Require(scopes...), v.Require().AnyScope(scopes...)
	scopes[0], scopes[1] = "admin", "admin"
	for _, g := range []*middleware.Guard{all, choice} {
		if got := serve(g, bearer(mint(good(nil)))); got.String() != "200" {
			t.Errorf("got %v, want 200: the Guard changed with its caller's slice", got)
		}
	}
	roles, contexts := []string{"a"}, []string{"a"}
	byRole, byACR := v.Require().AnyRole(roles...), v.Require().ACR(contexts...)
	roles[0], contexts[0] = "b", "b"
	token := bearer(mint(good(claims{"acr": "b", "roles": []string{"b"}})))
	if got := serve(byACR, token); got.StatusCode != 401 {
		t.Errorf("ACR: got %v, want the step-up challenge", got)
	}
	if got := serve(byRole, token); got.StatusCode != 403 {
		t.Errorf("AnyRole: got %v, want 403", got)
	}
}

func TestGuardsAreMadeConcurrently(t *testing.T) {
	v := validator(t, nil)
	parent := v.Require("read").Require("write").Allow(pass)
	token := mint(good(nil))
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			want := []string{"200", "403 insufficient_scope"}[i%2]
			g := parent.Allow(pass)
			if i%2 == 1 {
				g = parent.Allow(refuse("no"))
			}
			for range 20 {
				if got := serve(g, bearer(token)); got.String() != want {
					t.Errorf("got %v, want %s", got, want)
				}
			}
		})
	}
	all.Wait()
}

// What can never be right is a mistake of the program, and shows at start-up.
func TestGuardPanics(t *testing.T) {
	g := validator(t, nil).Require()
	for _, method := range []struct {
		name string
		call func(*middleware.Guard, ...string) *middleware.Guard
	}{{"Require", (*middleware.Guard).Require}, {"AnyScope", (*middleware.Guard).AnyScope}, {"ACR", (*middleware.Guard).ACR}} {
		for _, bad := range []string{"", " ", "a b", " a", "a\tb", `a"b`, `a\b`, "a\n", "é", "a\x7f", "a\u00a0b"} {
			want := fmt.Sprintf("middleware: %s: %q is no single value of visible characters without quotes "+
				"(RFC 6749 section 3.3); pass each as an argument of its own", method.name, bad)
			wantPanic(t, want, func() { method.call(g, "good", bad) })
			wantPanic(t, want, func() { method.call(nil, bad) })
		}
	}
	for _, method := range []struct {
		name string
		call func(*middleware.Guard, ...string) *middleware.Guard
	}{{"AnyScope", (*middleware.Guard).AnyScope}, {"AnyRole", (*middleware.Guard).AnyRole}, {"ACR", (*middleware.Guard).ACR}} {
		wantPanic(t, "middleware: "+method.name+": it needs at least one argument, since one of none can never be met", func() { method.call(g) })
	}
	v := validator(t, nil)
	wantPanic(t, `middleware: Require: "a b" is no single value of visible characters without quotes (RFC 6749 section 3.3); pass each as an argument of its own`,
		func() { v.Require("a b") })
	wantPanic(t, "middleware: AnyRole: a role is empty", func() { g.AnyRole("a", "") })
	wantPanic(t, "middleware: MaxAge: -1ns is negative", func() { g.MaxAge(-1) })
	wantPanic(t, "middleware: Allow: the rule is nil", func() { g.Allow(nil) })
}

// Every byte of a scope-token (RFC 6749 section 3.3) is fine, alone.
func TestScopeTokenAlphabet(t *testing.T) {
	g := validator(t, nil).Require()
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
	var w witness
	v := validator(t, func(cfg *middleware.Config) { cfg.Observe = w.observe })
	serve(v.Require("read").AnyScope("write", "admin").Require("read"), bearer(mint(good(nil))))
	if got, want := w.last(t).Scopes.Slice(), []string{"read", "write", "admin"}; !slices.Equal(got, want) {
		t.Errorf("Decision.Scopes is %q, want %q", got, want)
	}
}
