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

	revocationsWithin time.Duration // zero: no limit of the route's own

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
func (n *requirement) meets(v *accesstoken.Verified, call *call) *refusal {
	failed := record.Step(0)
	for _, step := range requirementRow {
		if n.holds(step, v, call.now) {
			call.recorder.Pass(step)
			continue
		}
		if failed == 0 {
			failed = step
		}
		if !call.recorder.On() {
			break
		}
		call.recorder.Fail(step, n.refusal(step, v).err)
	}
	if failed == 0 {
		return nil
	}
	return call.refuse(n.refusal(failed, v))
}

func (n *requirement) holds(step record.Step, v *accesstoken.Verified, now time.Time) bool {
	facts := &v.Facts
	switch step {
	case record.Binding:
		return !n.bound || !v.Bound.None()
	case record.StepUp:
		return n.acceptsACR(facts) && n.acceptsAge(facts, now, v.Issuer.Leeway)
	case record.Scope:
		return hasOneOfEach(facts.Scopes, n.scopes)
	case record.Role:
		return hasOneOfEach(facts.Roles, n.roles)
	default: // record.Delegation
		return n.actor.admits(Actor(facts.Actor))
	}
}

// refusal is that of a step which does not hold.
func (n *requirement) refusal(step record.Step, v *accesstoken.Verified) refusal {
	facts := &v.Facts
	switch step {
	case record.Binding:
		return invalid(ReasonConfirmation, errMustBeBound)
	case record.StepUp:
		if !n.acceptsACR(facts) {
			return n.stepUpRefusal(ReasonACR, errACR, facts)
		}
		return n.stepUpRefusal(ReasonAuthTime, errAuthTime, facts)
	case record.Scope:
		return refusal{code: InsufficientScope, reason: ReasonScope, scopes: n.named, err: errMissingScope}
	case record.Role:
		return refusal{code: InsufficientScope, reason: ReasonRole, scopes: n.named, err: errMissingRole}
	default: // record.Delegation
		return refusal{code: InsufficientScope, reason: ReasonActor, scopes: n.named, err: errActing}
	}
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

// acceptsACR judges acr (RFC 9470). A claim that is absent or malformed never satisfies.
func (n *requirement) acceptsACR(facts *accesstoken.Facts) bool {
	for _, values := range n.acr {
		if facts.ACR == "" || !values.Has(facts.ACR) {
			return false
		}
	}
	return true
}

// acceptsAge judges auth_time likewise.
func (n *requirement) acceptsAge(facts *accesstoken.Facts, now time.Time, leeway time.Duration) bool {
	if !n.hasMaxAge {
		return true
	}
	age := now.Sub(facts.AuthTime)
	return !facts.AuthTime.IsZero() && age-leeway <= n.maxAge && age >= -leeway
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
func (n *requirement) ask(ctx context.Context, token *Token, call *call) *refusal {
	for _, rule := range n.rules {
		if err := rule(ctx, token, call.Credentials); err != nil {
			return call.refuse(n.ruleRefusal(err))
		}
	}
	return nil
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
