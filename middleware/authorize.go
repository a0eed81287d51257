package middleware

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// call is what is known of one request on its way through the decision.
type call struct {
	Credentials

	now   time.Time
	used  string // the scheme of the Authorization field, "Bearer" or "DPoP"; empty: none that is accepted
	dpop  bool   // it was DPoP
	token presented

	fromForm bool // the token was found in a form

	nextNonce string // to go with the answer, whatever it is; empty: none
}

// authorize decides, and reports what it has decided. r is nil where the transport is not net/http.
func (g *Guard) authorize(ctx context.Context, c Credentials, r *http.Request) (context.Context, error) {
	if g == nil || g.validator.unusable() {
		return nil, &Error{Reason: ReasonInternal, Err: errUnusable}
	}
	p := g.validator.policy
	call := &call{Credentials: c, now: p.clock()}
	d := Decision{Outcome: Allowed, Scopes: g.needs.named, Start: call.now, Rechecked: c.Anew}
	admitted, refusal := g.decide(ctx, call, r, &d)
	if refusal != nil {
		g.complete(refusal, call)
		d.Outcome, d.Reason, d.Err = refusal.outcome(), refusal.Reason, refusal
		p.report(ctx, &d)
		return nil, refusal
	}
	p.report(admitted, &d)
	return admitted, nil
}

// decide is the one decision. Its order is fixed: the syntax of the request, the token, its binding to the caller, then what
// it may do. Whatever is judged by the time of the request is judged on every request, also for a token that was
// verified before.
func (g *Guard) decide(ctx context.Context, call *call, r *http.Request, d *Decision) (context.Context, *Error) {
	v := g.validator
	if v.closed.Load() {
		return nil, &Error{Reason: ReasonClosed, Err: errClosed}
	}
	raw, refusal := v.policy.credential(call, r)
	d.Start = call.now
	if refusal != nil {
		return nil, refusal
	}
	outer := admissionFrom(ctx)
	if call.Anew && raw == "" && v.policy.mayHaveReadForm(outer, v, r) {
		return nil, &Error{Reason: ReasonNoToken, Err: errReadForm}
	}
	if raw == "" {
		return g.withoutToken(ctx, call.Credentials, d)
	}

	call.token = present(raw)
	if !outer.judged(v, call) {
		outer = nil
	}
	if outer != nil && !call.Anew {
		return g.nested(ctx, outer, call, d)
	}
	proven, refusal := v.judge(ctx, call.token, d)
	d.of(proven)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := v.policy.bound(ctx, call, proven, outer); refusal != nil {
		return nil, refusal
	}
	if refusal := g.needs.judge(proven, call.now); refusal != nil {
		return nil, refusal
	}
	admitted := &admission{
		Context:   parentOf(ctx, call),
		token:     proven.token,
		validator: v,
		digest:    call.digestOf(proven),
		verified:  proven,
		nextNonce: call.nextNonce,
		keptProof: call.KeepProof,
		fromForm:  call.fromForm,
		boundTo:   v.policy.boundCall(call, proven),
	}
	if refusal := g.needs.ask(ctx, &admitted.token, call.Credentials); refusal != nil {
		return nil, refusal
	}
	if refusal := v.policy.bindKey(proven); refusal != nil {
		return nil, refusal
	}
	return admitted, nil
}

// mayHaveReadForm reports whether a request without a token may have been admitted by one in its form: that form is gone, and the
// request must not pass for anonymous.
func (p *policy) mayHaveReadForm(outer *admission, v *Validator, r *http.Request) bool {
	if outer != nil && outer.validator == v && outer.fromForm {
		return true
	}
	if r == nil || !p.readsForms() || !mayCarryForm(r) {
		return false
	}
	return r.PostForm == nil || len(filled(r.PostForm[formParameter])) > 0
}

func (p *policy) readsForms() bool {
	return slices.ContainsFunc(p.sources, func(s TokenSource) bool { return s.kind == formSource })
}

// parentOf is the context that an admission stands in. One that takes the place of an earlier admission drops it, or a stream that is
// judged again every minute would make an endless chain.
func parentOf(ctx context.Context, call *call) context.Context {
	if replaced, ok := ctx.(*admission); ok && call.Anew {
		return replaced.Context
	}
	return ctx
}

// judge decides whether a token is good at this moment, for this API. Which way it goes depends on its shape and on the
// configuration; that one way failed is never a reason to try another. With a refusal, the token that it is about is
// returned as well if it was proven, for the record.
func (v *Validator) judge(ctx context.Context, token presented, d *Decision) (*verified, *Error) {
	if token.signed != "" {
		if known, ok := v.tokens.get(token, d.Start); ok {
			refusal := v.again(ctx, known, d)
			if refusal == nil || refusal.Err != errKeyGone {
				return v.confirm(ctx, known, refusal, token, d)
			}
			d.Cached = false // its key may have been published anew, under another id
		}
	}
	if known := v.recall(token, d); known != nil {
		return known, known.current(ctx, d.Start)
	}
	if v.headers.begin(token.raw) || compact.LooksJOSE(token.raw) {
		proven, refusal := v.firstSight(ctx, token, d)
		return v.confirm(ctx, proven, refusal, token, d)
	}
	if refusal := checkToken(token.raw); refusal != nil {
		return nil, refusal
	}
	if compact.HasEmptySegment(token.raw) {
		return nil, invalid(ReasonMalformed, errEmptySegment)
	}
	return v.opaqueToken(ctx, token, d)
}

// again judges a JWT that was verified before. Its key must still be the issuer's.
func (v *Validator) again(ctx context.Context, known *verified, d *Decision) *Error {
	d.Cached, d.Issuer = true, known.trust.url
	if refusal := known.key.stillThere(ctx, known.trust); refusal != nil {
		return refusal
	}
	return known.current(ctx, d.Start)
}

// firstSight judges a token of JOSE shape that is not in the cache, and puts it there.
func (v *Validator) firstSight(ctx context.Context, token presented, d *Decision) (*verified, *Error) {
	var landed, mine *flight
	if v.tokens != nil {
		landed, mine = v.flights.join(ctx, token)
		switch {
		case landed == nil:
			defer v.flights.land(token, mine)
		case landed.unjudged != nil:
			return nil, landed.refusal(d)
		default:
			return landed.verified, v.again(ctx, landed.verified, d)
		}
	}
	proven, refusal := v.jwt(ctx, token, d)
	if refusal != nil {
		mine.fail(ctx, refusal, d)
		return nil, refusal
	}
	if refusal := proven.current(ctx, d.Start); refusal != nil {
		return proven, refusal
	}
	if v.tokens != nil && proven.answer == nil { // otherwise the issuer's server has judged it, and is asked again next time
		v.tokens.add(token, proven)
		mine.verified = proven
	}
	return proven, nil
}

// confirm asks the issuer's server, if the configuration wants that, about a JWT that was verified here without a
// refusal. The answer's claims are the token's.
func (v *Validator) confirm(ctx context.Context, proven *verified, refusal *Error, token presented, d *Decision) (*verified, *Error) {
	if refusal != nil || proven.trust.jwts != VerifyAndIntrospectJWTs {
		return proven, refusal
	}
	known := d.Cached
	d.Cached = false
	answered, refusal := v.introspected(ctx, proven.trust, proven, token, d)
	if refusal != nil {
		return proven, refusal
	}
	d.Cached = d.Cached && known
	return answered, answered.current(ctx, d.Start)
}

// withoutToken answers a request without credentials.
func (g *Guard) withoutToken(ctx context.Context, c Credentials, d *Decision) (context.Context, *Error) {
	if g.optional {
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
func (g *Guard) nested(ctx context.Context, outer *admission, call *call, d *Decision) (context.Context, *Error) {
	proven := outer.verified
	call.nextNonce = outer.nextNonce
	d.Nested, d.Cached = true, true
	d.of(proven)
	if refusal := proven.inTime(call.now); refusal != nil {
		return nil, refusal
	}
	if refusal := g.needs.judge(proven, call.now); refusal != nil {
		return nil, refusal
	}
	if len(g.needs.rules) > 0 {
		own := proven.token
		if refusal := g.needs.ask(ctx, &own, call.Credentials); refusal != nil {
			return nil, refusal
		}
	}
	return ctx, nil
}

// judged reports whether a holds v's verdict about the credentials of call. One that left the proof unspent is none for a
// call that wants it spent, and that a bound token was proven for one call says nothing of another.
func (a *admission) judged(v *Validator, call *call) bool {
	if a == nil || a.validator != v || a.keptProof && !call.KeepProof {
		return false
	}
	if a.verified.signed != "" && a.verified.signed != call.token.signed {
		return false
	}
	return a.digest == call.digestOf(a.verified) && a.boundTo.equal(v.policy.boundCall(call, a.verified))
}

// digestOf is what an admission remembers of the call's token where it was judged as proven is: by its parts, or as a whole.
func (c *call) digestOf(proven *verified) digest {
	if proven.signed == "" {
		return c.token.whole()
	}
	return c.token.digest
}

// isPreflight recognises a CORS preflight, to say in the log why it was refused. It is refused all the same: two header
// fields would otherwise open every handler that does not look at the method.
func isPreflight(c Credentials) bool {
	return c.Method == http.MethodOptions && len(c.values("Origin")) > 0 && len(c.values("Access-Control-Request-Method")) > 0
}

// complete adds to a refusal what a client needs to do better: the schemes that are accepted, a fresh nonce, and, if it must
// fetch another token anyway, what the route needs.
func (g *Guard) complete(refusal *Error, call *call) {
	p := g.validator.policy
	refusal.realm, refusal.nextNonce = p.realm, call.nextNonce
	refusal.schemes = schemes{noBearer: p.dpop.demanded(), used: call.used}
	if p.dpop != nil {
		refusal.schemes.algorithms = p.dpop.names
		if refusal.Status() == http.StatusUnauthorized && refusal.nextNonce == "" {
			refusal.nextNonce = p.dpop.firstNonce(call.now) // saves the client a round trip
		}
	}
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
	errReadForm      = errors.New("the request is judged again, and a token in its form cannot be: the form has been read; send tokens of streams in the Authorization field")
	errPreflight     = errors.New("a CORS preflight carries no token: put the CORS middleware outside the Guard, so that it answers first")
)

// of fills in what a verified token tells.
func (d *Decision) of(v *verified) {
	if v == nil {
		return
	}
	d.Issuer, d.Opaque = v.trust.url, v.token.Opaque
	d.Subject, d.ClientID, d.TokenID = v.token.Subject, v.token.ClientID, v.token.ID
}

// report hands the decision to those who look.
func (p *policy) report(ctx context.Context, d *Decision) {
	if p.observe == nil && p.logger == nil {
		return
	}
	d.Duration = max(0, p.clock().Sub(d.Start))
	if p.logger != nil {
		p.log(ctx, d)
	}
	if p.observe != nil {
		p.observe(ctx, *d)
	}
}
