package middleware

import (
	"fmt"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/challenge"
)

// Guard is the requirement of one route, or of a group of routes. It is an immutable value: the methods that add to it
// return a changed copy, and everything added must hold. A Guard is safe for concurrent use. A nil or zero Guard refuses
// every request with 500, so a forgotten one does not open a route.
//
// A Guard inside a Guard of the same Validator takes over the verdict about the same credentials, and judges only the
// time and its own requirement: nesting costs no second signature check.
//
// Guards of two Validators, also of equal ones, know nothing of each other: each judges for itself, and each spends the DPoP
// proof, which the inner one refuses if both have one ReplayStore. Let one Validator make all Guards of an API.
type Guard struct {
	validator *Validator
	optional  bool
	needs     requirement
}

// Require adds scopes, all of which the token must have, itself or through Config.ScopeImplies:
//
//	api := auth.Require("api")
//	mux.Handle("GET /orders", api.Require("orders:read").HandlerFunc(listOrders))
//
// Each scope is one argument. What can never be right panics, as [http.ServeMux.Handle] does: an argument that is no
// scope-token of RFC 6749 section 3.3, such as "" or "a b".
func (g *Guard) Require(scopes ...string) *Guard {
	checkScopes("Require", scopes)
	changed := g.copy()
	for _, scope := range scopes {
		changed.needs.addScopes([]string{scope}, g.implied())
	}
	return changed
}

// AnyScope adds a choice of scopes, of which the token must have at least one. Calls add up: AnyScope("a",
// "b").AnyScope("c", "d") wants one of each pair. It panics as Require does, and without arguments. The challenge of a
// refusal names all scopes of a choice.
func (g *Guard) AnyScope(scopes ...string) *Guard {
	checkScopes("AnyScope", scopes)
	checkSome("AnyScope", scopes)
	changed := g.copy()
	changed.needs.addScopes(scopes, g.implied())
	return changed
}

// AnyRole adds a choice of roles, of which the token must have at least one. Roles are found by ClaimMapping.Roles; an
// issuer without it grants none, and where no issuer has any that is logged, once. It panics without arguments, on an empty role, and on
// one with blanks at an end or control characters.
func (g *Guard) AnyRole(roles ...string) *Guard {
	checkSome("AnyRole", roles)
	for _, role := range roles {
		switch {
		case role == "":
			panic("middleware: AnyRole: a role is empty")
		case hasStrayCharacters(role):
			panic(fmt.Sprintf("middleware: AnyRole: %+q has blanks at an end or control characters, and is compared byte for byte", role))
		}
	}
	changed := g.copy()
	changed.missRoles()
	changed.needs.roles = append(slices.Clip(changed.needs.roles), slices.Clone(roles))
	return changed
}

// ACR adds a choice of authentication context classes, in order of preference: the token's acr claim must be one of
// values, byte for byte. A token without it is answered with the step-up challenge of RFC 9470. It panics without
// arguments, and on a value that a challenge cannot carry (spaces, quotes).
func (g *Guard) ACR(values ...string) *Guard {
	checkScopes("ACR", values)
	checkSome("ACR", values)
	changed := g.copy()
	changed.needs.acr = append(slices.Clip(changed.needs.acr), SetOf(values...))
	return changed
}

// MaxAge adds a limit to the time since the user's last active authentication, the token's auth_time claim. A token
// that is beyond it, or has no auth_time, is answered with the step-up challenge of RFC 9470. The shortest limit counts.
// Fractions of a second are dropped. It panics on a negative d.
func (g *Guard) MaxAge(d time.Duration) *Guard {
	if d < 0 {
		panic(fmt.Sprintf("middleware: MaxAge: %v is negative", d))
	}
	changed := g.copy()
	d = d.Truncate(time.Second)
	if !changed.needs.hasMaxAge || d < changed.needs.maxAge {
		changed.needs.hasMaxAge, changed.needs.maxAge = true, d
	}
	return changed
}

// Bound wants tokens that are bound to their sender, by a DPoP key or a client certificate: a bearer token is answered with
// 401. What a bound token must prove is judged on every route, with or without it.
func (g *Guard) Bound() *Guard {
	changed := g.copy()
	changed.needs.bound = true
	return changed
}

// Undelegated wants tokens that their subject uses itself: one with an actor (act, RFC 8693 section 4.1) is answered with
// 403.
func (g *Guard) Undelegated() *Guard {
	changed := g.copy()
	changed.needs.actor.forbidden = true
	return changed
}

// Delegated wants tokens that somebody uses on behalf of their subject; others are answered with 403. With actors, the
// current actor must be one of them, as with ActingOnly.
func (g *Guard) Delegated(actors ...Actor) *Guard {
	changed := g.copy()
	if len(actors) > 0 {
		changed = g.ActingOnly(actors...)
	}
	changed.needs.actor.required = true
	return changed
}

// ActingOnly lets delegated tokens pass only if their current actor is one of actors; in each, what is empty fits
// everything. Tokens without an actor pass. Calls narrow one another. It panics without arguments, and on an Actor that
// is empty altogether: it would let everybody act.
func (g *Guard) ActingOnly(actors ...Actor) *Guard {
	checkSome("ActingOnly", actors)
	if slices.Contains(actors, Actor{}) {
		panic("middleware: ActingOnly: an actor is empty, so it would fit everybody")
	}
	changed := g.copy()
	changed.needs.actor.allowed = append(slices.Clip(changed.needs.actor.allowed), slices.Clone(actors))
	return changed
}

// Allow adds a rule of one's own. Rules are asked after everything else has been met, in the order in which they were
// added, on every request. It panics on nil.
func (g *Guard) Allow(rule Rule) *Guard {
	if rule == nil {
		panic("middleware: Allow: the rule is nil")
	}
	changed := g.copy()
	changed.needs.rules = append(slices.Clip(changed.needs.rules), rule)
	return changed
}

// missRoles says, once, that no token can have the roles that a route needs. It is no mistake of this route, so it does not panic.
func (g *Guard) missRoles() {
	if g.validator.unusable() || g.validator.policy.mapsRoles {
		return
	}
	const complaint = "middleware: a Guard asks for roles, and no issuer maps any, so every token will be refused (403)"
	p := g.validator.policy
	if _, told := p.complaints.LoadOrStore([2]string{"", complaint}, nil); !told {
		p.log().Error(complaint, "remedy", `set Issuer.Claims.Roles to the claim that holds them, such as "roles" or "/realm_access/roles"`)
	}
}

// copy returns a copy to add to, which no anonymous request meets. Of a nil Guard it is a zero Guard, which refuses.
func (g *Guard) copy() *Guard {
	if g == nil {
		return new(Guard)
	}
	changed := *g
	changed.optional = false
	changed.needs.label = &label{guard: &changed}
	return &changed
}

// implied answers which scopes carry a scope with them; nil without a Validator.
func (g *Guard) implied() map[string][]string {
	if g == nil || g.validator.unusable() {
		return nil
	}
	return g.validator.policy.impliedBy
}

func checkScopes(method string, scopes []string) {
	for _, scope := range scopes {
		if !isScopeToken(scope) {
			panic(fmt.Sprintf("middleware: %s: %q is no single value of visible characters without quotes "+
				"(RFC 6749 section 3.3); pass each as an argument of its own", method, scope))
		}
	}
}

func checkSome[T any](method string, values []T) {
	if len(values) == 0 {
		panic("middleware: " + method + ": it needs at least one argument, since one of none can never be met")
	}
}

// isScopeToken reports whether s is 1*( %x21 / %x23-5B / %x5D-7E ).
func isScopeToken(s string) bool {
	for i := range len(s) {
		if s[i] == ' ' || !challenge.IsSafe(s[i]) {
			return false
		}
	}
	return s != ""
}
