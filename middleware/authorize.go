package middleware

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// authorize decides, and reports what it has decided. r is nil where the transport is not net/http.
func (g *Guard) authorize(ctx context.Context, c Credentials, r *http.Request) (context.Context, error) {
	if g == nil || g.validator.unusable() {
		return nil, &Error{Reason: ReasonInternal, Err: errUnusable}
	}
	p := g.validator.policy
	d := Decision{Outcome: Allowed, Scopes: g.needs.named, Start: p.clock()}
	admitted, refusal := g.decide(ctx, c, r, &d)
	if refusal != nil {
		refusal.realm = p.realm
		g.nameScopes(refusal)
		d.Outcome, d.Reason, d.Err = refusal.outcome(), refusal.Reason, refusal
		p.report(ctx, d)
		return nil, refusal
	}
	p.report(admitted, d)
	return admitted, nil
}

// decide is the one decision. Its order is fixed: the syntax of the request, the token, then what it may do. Whatever is
// judged by the time of the request is judged on every request, also for a token that was verified before.
func (g *Guard) decide(ctx context.Context, c Credentials, r *http.Request, d *Decision) (context.Context, *Error) {
	v := g.validator
	if v.closed.Load() {
		return nil, &Error{Reason: ReasonClosed, Err: errClosed}
	}
	raw, refusal := v.policy.credential(c, r)
	if refusal != nil {
		return nil, refusal
	}
	if raw == "" {
		return g.withoutToken(ctx, c, d)
	}

	digest := sha256.Sum256([]byte(raw))
	if outer := admissionFrom(ctx); outer.judged(v, digest) {
		return g.nested(ctx, outer, c, d)
	}
	proven, refusal := v.judge(ctx, raw, digest, d)
	d.of(proven)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := g.needs.judge(&proven.token, d.Start, proven.trust.leeway); refusal != nil {
		return nil, refusal
	}
	admitted := &admission{Context: ctx, token: proven.token, validator: v, digest: digest, verified: proven}
	if refusal := g.needs.ask(ctx, &admitted.token, c); refusal != nil {
		return nil, refusal
	}
	return admitted, nil
}

// judge decides whether a token is good at this moment, for this API. Which way it goes depends on its shape and on the
// configuration; that one way failed is never a reason to try another.
func (v *Validator) judge(ctx context.Context, raw string, digest [sha256.Size]byte, d *Decision) (*verified, *Error) {
	proven, refusal := v.prove(ctx, raw, digest, d)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := proven.current(ctx, d.Start); refusal != nil {
		return proven, refusal
	}
	if proven.key.key == nil {
		return proven, nil
	}
	if !d.Cached {
		v.tokens.add(digest, proven)
	}
	if proven.trust.jwts != VerifyAndIntrospectJWTs {
		return proven, nil
	}
	return v.confirm(ctx, proven, raw, d)
}

// confirm asks the issuer's server about a JWT that was verified here. The answer's claims are the token's.
func (v *Validator) confirm(ctx context.Context, proven *verified, raw string, d *Decision) (*verified, *Error) {
	known := d.Cached
	d.Cached = false
	answered, refusal := v.introspected(ctx, proven.trust, raw, d)
	if refusal != nil {
		return proven, refusal
	}
	d.Cached = d.Cached && known
	return answered, answered.current(ctx, d.Start)
}

// prove establishes what the token says and that its issuer says so.
func (v *Validator) prove(ctx context.Context, raw string, digest [sha256.Size]byte, d *Decision) (*verified, *Error) {
	if known, ok := v.tokens.get(digest); ok {
		d.Cached = true
		d.Issuer = known.trust.url
		if refusal := known.key.stillThere(ctx, known.trust); refusal != nil {
			return nil, refusal
		}
		return known, nil
	}
	if refusal := checkToken(raw); refusal != nil {
		return nil, refusal
	}
	switch {
	case compact.LooksJOSE(raw):
		return v.jwt(ctx, raw, d)
	case compact.HasEmptySegment(raw):
		return nil, invalid(ReasonMalformed, errEmptySegment)
	default:
		return v.opaqueToken(ctx, raw, d)
	}
}

// withoutToken answers a request without credentials.
func (g *Guard) withoutToken(ctx context.Context, c Credentials, d *Decision) (context.Context, *Error) {
	if g.optional && g.needs.none() {
		d.Outcome = Anonymous
		if admissionFrom(ctx) == nil {
			return ctx, nil
		}
		return ContextWithToken(ctx, nil), nil // a token of some other Guard is not this one's verdict
	}
	if isPreflight(c) {
		return nil, &Error{Reason: ReasonPreflight, Err: errPreflight}
	}
	return nil, &Error{Reason: ReasonNoToken, Err: errNoCredentials}
}

// nested takes over the verdict of an outer Guard about the same credentials. It judges the verdict, not the handler's
// copy of the token, which code between the two Guards may have changed.
func (g *Guard) nested(ctx context.Context, outer *admission, c Credentials, d *Decision) (context.Context, *Error) {
	proven := outer.verified
	d.Nested, d.Cached, d.Opaque = true, true, proven.token.Opaque
	d.of(proven)
	if refusal := proven.inTime(d.Start); refusal != nil {
		return nil, refusal
	}
	if refusal := g.needs.judge(&proven.token, d.Start, proven.trust.leeway); refusal != nil {
		return nil, refusal
	}
	if len(g.needs.rules) > 0 {
		own := proven.token
		if refusal := g.needs.ask(ctx, &own, c); refusal != nil {
			return nil, refusal
		}
	}
	return ctx, nil
}

// judged reports whether a holds v's verdict about the token of this digest.
func (a *admission) judged(v *Validator, digest [sha256.Size]byte) bool {
	return a != nil && a.validator == v && a.digest == digest
}

// none reports whether nothing is required beyond what the Guard was made for.
func (n *requirement) none() bool {
	return len(n.scopes)+len(n.roles)+len(n.acr)+len(n.rules) == 0 && !n.hasMaxAge
}

// isPreflight recognises a CORS preflight, to say in the log why it was refused. It is refused all the same: two header
// fields would otherwise open every handler that does not look at the method.
func isPreflight(c Credentials) bool {
	return c.Method == http.MethodOptions && len(c.values("Origin")) > 0 && len(c.values("Access-Control-Request-Method")) > 0
}

// nameScopes lets a client that must fetch a new token anyway learn at once what the route needs.
func (g *Guard) nameScopes(refusal *Error) {
	if refusal.Scopes.Len() > 0 {
		return
	}
	switch refusal.Reason {
	case ReasonNoToken, ReasonPreflight, ReasonOtherScheme:
		refusal.Scopes = g.needs.named
	default:
		if refusal.Code == InvalidToken {
			refusal.Scopes = g.needs.named
		}
	}
}

var (
	errClosed        = errors.New("middleware: the Validator has been closed")
	errNoCredentials = errors.New("the request carries no token")
	errPreflight     = errors.New("a CORS preflight carries no token: put the CORS middleware outside the Guard, so that it answers first")
)

// of fills in what a verified token tells.
func (d *Decision) of(v *verified) {
	if v == nil {
		return
	}
	d.Issuer = v.trust.url
	d.Subject, d.ClientID, d.TokenID = v.token.Subject, v.token.ClientID, v.token.ID
}

// report hands the decision to those who look.
func (p *policy) report(ctx context.Context, d Decision) {
	if p.observe == nil && p.logger == nil {
		return
	}
	d.Duration = max(0, p.clock().Sub(d.Start))
	if p.logger != nil {
		p.log(ctx, d)
	}
	if p.observe != nil {
		p.observe(ctx, d)
	}
}
