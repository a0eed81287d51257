package middleware

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
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

// addScopes adds a group of scopes, one of which must be had, itself or through a scope that implies it.
func (n *requirement) addScopes(group []string, impliedBy map[string][]string) {
	enough := slices.Clone(group)
	for _, scope := range group {
		enough = append(enough, impliedBy[scope]...)
	}
	n.scopes = append(slices.Clip(n.scopes), claims.Distinct(enough))
	n.named = SetOf(append(n.named.Slice(), group...)...)
}

// judge judges a token that has been proven good. The step-up comes after it for that reason (RFC 9470 section 8), but
// before a refusal for a scope: the client that has to ask for another token should learn everything at once, so the step-up
// challenge names missing scopes too.
func (n *requirement) judge(v *verified, now time.Time) *Error {
	token := &v.token
	if n.bound && v.bound.None() {
		return invalid(ReasonConfirmation, errMustBeBound)
	}
	missing := n.missingScope(token)
	if refusal := n.stepUp(token, now, v.trust.leeway); refusal != nil {
		if missing {
			refusal.Scopes = n.named
		}
		return refusal
	}
	if missing {
		return &Error{Code: InsufficientScope, Reason: ReasonScope, Scopes: n.named, Err: errMissingScope}
	}
	for _, group := range n.roles {
		if !token.Roles.HasAny(group...) {
			return &Error{Code: InsufficientScope, Reason: ReasonRole, Scopes: n.named, Err: errMissingRole}
		}
	}
	if !n.actor.admits(token.Actor) {
		return &Error{Code: InsufficientScope, Reason: ReasonActor, Scopes: n.named, Err: errActing}
	}
	return nil
}

var (
	errMissingScope = errors.New("the token lacks a scope that the route needs")
	errMissingRole  = errors.New("the token lacks a role that the route needs")
	errACR          = errors.New("the token's acr is not one that the route needs")
	errAuthTime     = errors.New("the token's auth_time is absent, or too long ago for the route")
)

func (n *requirement) missingScope(token *Token) bool {
	for _, group := range n.scopes {
		if !token.Scopes.HasAny(group...) {
			return true
		}
	}
	return false
}

// stepUp judges acr and auth_time (RFC 9470). A claim that is absent or malformed never satisfies.
func (n *requirement) stepUp(token *Token, now time.Time, leeway time.Duration) *Error {
	for _, values := range n.acr {
		if token.ACR == "" || !values.Has(token.ACR) {
			return n.stepUpError(ReasonACR, errACR)
		}
	}
	if !n.hasMaxAge {
		return nil
	}
	age := now.Sub(token.AuthTime)
	if token.AuthTime.IsZero() || age-leeway > n.maxAge || age < -leeway {
		return n.stepUpError(ReasonAuthTime, errAuthTime)
	}
	return nil
}

func (n *requirement) stepUpError(reason Reason, cause error) *Error {
	refusal := &Error{Code: InsufficientUserAuthentication, Reason: reason, Err: cause}
	if len(n.acr) > 0 {
		refusal.acrValues = acceptableACR(n.acr)
	}
	refusal.maxAge, refusal.hasMaxAge = n.maxAge, n.hasMaxAge
	return refusal
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
func (n *requirement) ask(ctx context.Context, token *Token, c Credentials) *Error {
	for _, rule := range n.rules {
		if err := rule(ctx, token, c); err != nil {
			return n.ruleError(err)
		}
	}
	return nil
}

func (n *requirement) ruleError(err error) *Error {
	var own *Error
	if errors.As(err, &own) && own != nil {
		refusal := *own // the rule's may be shared between requests
		if refusal.Reason == "" {
			refusal.Reason = ReasonRule
		}
		return &refusal
	}
	if errors.Is(err, ErrUnavailable) {
		return &Error{Reason: ReasonRuleUnavailable, RetryAfter: retryHint(err), Err: err}
	}
	return &Error{Code: InsufficientScope, Reason: ReasonRule, Scopes: n.named, Err: err}
}
