package middleware

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
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
	label *label
}

// label is what a route needs in words that are made once, when they are first asked for: refusals are counted by them where the router's
// pattern is not known. A nil label is of a Guard that needs nothing.
type label struct {
	guard *Guard // whose needs are complete when somebody asks
	once  sync.Once
	text  string
}

func (l *label) String() string {
	if l == nil {
		return ""
	}
	l.once.Do(func() { l.text = needsOf(l.guard.needs.named, l.guard.needs.namedRoles()) })
	return l.text
}

// needsOf names what a route needs, for people.
func needsOf(scopes, roles Set) string {
	needs := scopes.Slice()
	for role := range roles.All() {
		needs = append(needs, "role:"+role)
	}
	return strings.Join(needs, " ")
}

func (n *requirement) namedRoles() Set { return SetOf(slices.Concat(n.roles...)...) }

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
	var first *refusal
	for _, step := range requirementRow {
		if n.holds(step, v, call.now) {
			call.recorder.Pass(step)
			continue
		}
		refused := n.refusal(step, v, call)
		call.recorder.Fail(step, refused.err)
		if first == nil {
			first = call.refuse(refused)
		}
		if !call.recorder.On() {
			break
		}
	}
	return first
}

func (n *requirement) holds(step record.Step, v *accesstoken.Verified, now time.Time) bool {
	facts := &v.Facts
	switch step {
	case record.Binding:
		return !n.bound || !v.Bound().None()
	case record.StepUp:
		return n.acceptsACR(facts) && n.acceptsAge(facts, now, v.Issuer.Leeway)
	case record.Scope:
		return hasOneOfEach(facts.Scopes, n.scopes)
	case record.Role:
		return hasOneOfEach(facts.Roles, n.roles)
	default: // record.Delegation
		return n.actor.admits(Actor(v.Actor()))
	}
}

// refusal is that of a step which does not hold.
func (n *requirement) refusal(step record.Step, v *accesstoken.Verified, call *call) refusal {
	facts := &v.Facts
	switch step {
	case record.Binding:
		return invalid(ReasonConfirmation, call.bindingCause(errMustBeBound, "a token bound to a DPoP key or a client certificate", v))
	case record.StepUp:
		if !n.acceptsACR(facts) {
			var wanted [][]string
			for _, values := range n.acr {
				wanted = append(wanted, values.elems)
			}
			return n.stepUpRefusal(ReasonACR, cause.ACR(errACR, wanted, facts.ACR), facts)
		}
		return n.stepUpRefusal(ReasonAuthTime, cause.Authenticated(errAuthTime, facts.AuthTime, call.now, n.maxAge, v.Issuer.Leeway), facts)
	case record.Scope:
		return refusal{
			code: InsufficientScope, reason: ReasonScope, scopes: n.named,
			err: cause.Scope(errMissingScope, func() cause.Grant { return n.scopeGrant(v) }),
		}
	case record.Role:
		return refusal{code: InsufficientScope, reason: ReasonRole, scopes: n.named, err: cause.Role(errMissingRole, func() cause.Grant { return n.roleGrant(v) })}
	default: // record.Delegation
		actor := v.Actor()
		return refusal{
			code: InsufficientScope, reason: ReasonActor, scopes: n.named,
			err: cause.Actor(errActing, n.actor.String(), actor.Issuer, actor.Subject, actor.ClientID),
		}
	}
}

func (n *requirement) scopeGrant(v *accesstoken.Verified) cause.Grant {
	g := cause.Grant{Needs: n.scopes, Had: v.Facts.Scopes, From: v.ScopesFrom(), Mapped: v.Issuer.Scopes, Text: v.Claims}
	if v.Issuer.ComputeScopes != nil {
		g.By = "Issuer.Claims.ScopesFunc"
	}
	return g
}

func (n *requirement) roleGrant(v *accesstoken.Verified) cause.Grant {
	g := cause.Grant{Needs: n.roles, Had: v.Facts.Roles, From: v.RolesFrom(), Mapped: v.Issuer.Roles, Text: v.Claims}
	if v.Issuer.ComputeRoles != nil {
		g.By = "Issuer.Claims.RolesFunc"
	}
	return g
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

// String says what actor is wanted, for people.
func (d delegate) String() string {
	switch {
	case d.forbidden:
		return "no actor"
	case len(d.allowed) > 0:
		return "an actor that the route names"
	default:
		return "an actor"
	}
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
