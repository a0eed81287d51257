package middleware

import (
	"errors"
	"slices"
)

// delegate is what a Guard demands of the actor of a token (RFC 8693 section 4.1). Only the current actor counts; those
// before it are history, and may_act is a promise to the authorization server that grants nothing here.
type delegate struct {
	forbidden bool
	required  bool
	allowed   [][]Actor // of each group the actor must fit one
}

var errActing = errors.New("the token's actor is not one that the route allows, or it has one, or none, where the route wants the opposite")

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

func (d delegate) admits(a Actor) bool {
	if a == (Actor{}) {
		return !d.required
	}
	if d.forbidden {
		return false
	}
	for _, group := range d.allowed {
		if !fitsAny(a, group) {
			return false
		}
	}
	return true
}

func fitsAny(a Actor, patterns []Actor) bool {
	return slices.ContainsFunc(patterns, func(p Actor) bool {
		return (p.Issuer == "" || p.Issuer == a.Issuer) && (p.Subject == "" || p.Subject == a.Subject) && (p.ClientID == "" || p.ClientID == a.ClientID)
	})
}
