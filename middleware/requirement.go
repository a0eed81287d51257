package middleware

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/record"
)

// Rule is a requirement of the application's own. It passes with nil. An error that wraps ErrUnavailable is 503, an
// *Error is taken as it is, and any other error is 403. The text of the error goes to the log and never to the client.
// A Rule must be safe for concurrent use, and should end when ctx does. The Token is the request's own copy.
type Rule func(ctx context.Context, t *Token, c Credentials) error

// requirement is what a Guard demands of a verified token. It is shared between Guards: slices in it are never written,
// only replaced by longer copies.
type requirement struct {
	scopes [][]string // of each group the token must have one; alternatives by ScopeImplies are in it
	roles  [][]string // of each group the token must have one
	acr    []Set      // acr must be in each
	rules  []Rule

	bound bool     // the token must be bound to its sender
	actor delegate // who may act for the subject

	maxAge    time.Duration // of auth_time, in whole seconds
	hasMaxAge bool

	named Set // the scopes as the route names them, for challenges and decisions
}

// delegate is what a Guard demands of the actor of a token (RFC 8693 section 4.1). Only the current actor counts; those
// before it are history, and may_act is a promise to the authorization server that grants nothing here.
type delegate struct {
	forbidden bool
	required  bool
	allowed   [][]Actor // of each group the actor must fit one
}

// addScopes adds a group of scopes, one of which must be had, itself or through a scope that implies it.
func (n *requirement) addScopes(group []string, impliedBy map[string][]string) {
	enough := slices.Clone(group)
	for _, scope := range group {
		enough = append(enough, impliedBy[scope]...)
	}
	n.scopes = append(slices.Clip(n.scopes), claims.Distinct(enough))
	n.named = SetOf(append(n.named.Slice(), group...)...)
}

// requirementRow are the steps of a route's requirement. The step-up comes after the token has been proven good for that reason (RFC 9470
// section 8), but before a refusal for a scope: the client that has to ask for another token should learn everything at once, so
// the step-up challenge names missing scopes too.
var requirementRow = []record.Step{record.Binding, record.StepUp, record.Scope, record.Role, record.Delegation}

// meets judges whether a token that has been proven good suffices for the route. Recorded, it goes on after the first refusal, which is
// the answer.
func (n *requirement) meets(v *accesstoken.Verified, call *call) refusal {
	var first refusal
	for _, step := range requirementRow {
		refused := n.meetsStep(step, v, call.now)
		call.note(step, refused)
		if !refused.refused() {
			continue
		}
		if !call.recorder.On() {
			return refused
		}
		if !first.refused() {
			first = refused
		}
	}
	return first
}

func (n *requirement) meetsStep(step record.Step, v *accesstoken.Verified, now time.Time) refusal {
	facts := &v.Facts
	switch step {
	case record.Binding:
		if n.bound && v.Bound.None() {
			return invalid(ReasonConfirmation, errMustBeBound)
		}
	case record.StepUp:
		return n.stepUp(facts, now, v.Issuer.Leeway)
	case record.Scope:
		if n.missingScope(facts) {
			return refusal{code: InsufficientScope, reason: ReasonScope, scopes: n.named, err: errMissingScope}
		}
	case record.Role:
		if !hasOneOfEach(facts.Roles, n.roles) {
			return refusal{code: InsufficientScope, reason: ReasonRole, scopes: n.named, err: errMissingRole}
		}
	case record.Delegation:
		if !n.actor.admits(Actor(facts.Actor)) {
			return refusal{code: InsufficientScope, reason: ReasonActor, scopes: n.named, err: errActing}
		}
	}
	return refusal{}
}

var (
	errMissingScope = errors.New("the token lacks a scope that the route needs")
	errMissingRole  = errors.New("the token lacks a role that the route needs")
	errActing       = errors.New("the token's actor is not one that the route allows, or it has one, or none, where the route wants the opposite")
	errACR          = errors.New("the token's acr is not one that the route needs")
	errAuthTime     = errors.New("the token's auth_time is absent, or too long ago for the route")
)

func (n *requirement) missingScope(facts *accesstoken.Facts) bool {
	return !hasOneOfEach(facts.Scopes, n.scopes)
}

// hasOneOfEach reports whether list holds at least one element of each group.
func hasOneOfEach(list []string, groups [][]string) bool {
	for _, group := range groups {
		if !slices.ContainsFunc(group, func(elem string) bool { return slices.Contains(list, elem) }) {
			return false
		}
	}
	return true
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

// stepUp judges acr and auth_time (RFC 9470). A claim that is absent or malformed never satisfies.
func (n *requirement) stepUp(facts *accesstoken.Facts, now time.Time, leeway time.Duration) refusal {
	for _, values := range n.acr {
		if facts.ACR == "" || !values.Has(facts.ACR) {
			return n.stepUpRefusal(ReasonACR, errACR, facts)
		}
	}
	if !n.hasMaxAge {
		return refusal{}
	}
	age := now.Sub(facts.AuthTime)
	if facts.AuthTime.IsZero() || age-leeway > n.maxAge || age < -leeway {
		return n.stepUpRefusal(ReasonAuthTime, errAuthTime, facts)
	}
	return refusal{}
}

func (n *requirement) stepUpRefusal(reason Reason, cause error, facts *accesstoken.Facts) refusal {
	refused := refusal{
		code:   InsufficientUserAuthentication,
		reason: reason,
		stepUp: stepUp{maxAge: n.maxAge, hasMaxAge: n.hasMaxAge},
		err:    cause,
	}
	if n.missingScope(facts) {
		refused.scopes = n.named
	}
	if len(n.acr) > 0 {
		refused.stepUp.acrValues = acceptableACR(n.acr)
	}
	return refused
}

// acceptableACR is what all groups have in common, in the order of the first; if that is nothing, no acr can be met and
// the first group is as good an answer as any.
func acceptableACR(groups []Set) Set {
	common := slices.DeleteFunc(groups[0].Slice(), func(value string) bool {
		return slices.ContainsFunc(groups, func(s Set) bool { return !s.Has(value) })
	})
	if len(common) == 0 {
		return groups[0]
	}
	return Set{elems: common}
}

// ask asks the rules, in order.
func (n *requirement) ask(ctx context.Context, token *Token, c Credentials) refusal {
	for _, rule := range n.rules {
		if err := rule(ctx, token, c); err != nil {
			return n.ruleRefusal(err)
		}
	}
	return refusal{}
}

// ruleRefusal takes a Rule's own Error as it is. It is copied, because requests may share it.
func (n *requirement) ruleRefusal(err error) refusal {
	var own *Error
	if errors.As(err, &own) && own != nil {
		return refusal{
			code:        own.Code,
			reason:      cmp.Or(own.Reason, ReasonRule),
			description: own.Description,
			scopes:      own.Scopes,
			retryAfter:  own.RetryAfter,
			stepUp:      own.stepUp,
			err:         own.Err,
		}
	}
	if errors.Is(err, ErrUnavailable) {
		return refusal{reason: ReasonRuleUnavailable, retryAfter: retryHint(err), err: err}
	}
	return refusal{code: InsufficientScope, reason: ReasonRule, scopes: n.named, err: err}
}
