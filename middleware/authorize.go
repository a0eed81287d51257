package middleware

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/challenge"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/record"
)

// call is what is known of one request on its way through the decision.
type call struct {
	Credentials

	now    time.Time
	scheme credential.Scheme // of the Authorization field; empty: none that is accepted
	token  accesstoken.Presented

	fromForm bool             // the token was found in a form
	recorder *record.Recorder // nil: nothing is recorded

	nextNonce string // to go with the answer, whatever it is; empty: none
}

// ruling is what there is to say of a decision beside how it ended.
type ruling struct {
	record accesstoken.Record
	proven *accesstoken.Verified // nil: no token was proven

	nested    bool // the verdict is that of an outer Guard
	anonymous bool
}

// authorize decides, and reports what it has decided. r is nil where the transport is not net/http.
func (g *Guard) authorize(ctx context.Context, c Credentials, r *http.Request) (context.Context, error) {
	if g == nil || g.validator.unusable() {
		return nil, &Error{Reason: ReasonInternal, Err: errUnusable}
	}
	call := &call{Credentials: c, now: g.validator.policy.clock()}
	admitted, ruling, refusal := g.decide(ctx, call, r)
	if refusal != nil {
		g.complete(refusal, call)
		g.report(ctx, call, &ruling, refusal)
		return nil, refusal
	}
	g.report(admitted, call, &ruling, nil)
	return admitted, nil
}

// decide is the one decision. Its order is fixed: the syntax of the request, the token, its binding to the caller, then what
// it may do. Whatever is judged by the time of the request is judged on every request, also for a token that was
// verified before.
func (g *Guard) decide(ctx context.Context, call *call, r *http.Request) (context.Context, ruling, *Error) {
	v := g.validator
	if v.closed.Load() {
		return nil, ruling{}, &Error{Reason: ReasonClosed, Err: errClosed}
	}
	raw, refusal := v.policy.credential(call, r)
	if refusal != nil {
		call.recorder.Fail(record.Credential, refusal.Err)
		return nil, ruling{}, refusal
	}
	outer := admissionFrom(ctx)
	if raw == "" {
		return g.withoutToken(ctx, call, r, outer)
	}
	call.recorder.Pass(record.Credential)
	call.token = accesstoken.Present(raw)
	if !outer.judged(v, call) {
		outer = nil
	}
	if outer != nil && !call.Anew {
		return g.nested(ctx, outer, call)
	}
	return g.judged(ctx, call, outer)
}

// judged judges the token of a call. outer is this Validator's admission of the same token for the same call; nil: there is none.
func (g *Guard) judged(ctx context.Context, call *call, outer *admission) (context.Context, ruling, *Error) {
	v := g.validator
	proven, said, refused := v.policy.judge.Judge(ctx, accesstoken.Question{
		Token:    call.token,
		Now:      call.now,
		Began:    v.policy.realTime(call.now),
		Recorder: call.recorder,
	})
	ruling := ruling{record: said, proven: proven}
	if refused.Refused() {
		if proven != nil && call.recorder.On() {
			g.needs.meets(proven, call)
		}
		return nil, ruling, tokenError(refused)
	}
	refusal := v.policy.bound(ctx, call, proven, outer)
	call.note(record.Binding, refusal)
	if refusal == nil || call.recorder.On() {
		refusal = firstOf(refusal, g.needs.meets(proven, call))
	}
	if refusal != nil {
		return nil, ruling, refusal
	}
	admitted := &admission{
		Context:   parentOf(ctx, call),
		token:     tokenOf(proven),
		validator: v,
		key:       proven.KeyOf(call.token),
		verified:  proven,
		nextNonce: call.nextNonce,
		keptProof: call.KeepProof,
		fromForm:  call.fromForm,
		boundTo:   v.policy.boundCall(call, proven),
	}
	refusal = g.needs.ask(ctx, &admitted.token, call.Credentials)
	call.note(record.Rule, refusal)
	if refusal != nil {
		return nil, ruling, refusal
	}
	refusal = v.policy.bindKey(proven)
	call.note(record.KeyBinding, refusal)
	if refusal != nil {
		return nil, ruling, refusal
	}
	return admitted, ruling, nil
}

// note records how a step ended.
func (c *call) note(step record.Step, refusal *Error) {
	if refusal != nil {
		c.recorder.Fail(step, refusal.Err)
		return
	}
	c.recorder.Pass(step)
}

func firstOf(refusals ...*Error) *Error {
	for _, refusal := range refusals {
		if refusal != nil {
			return refusal
		}
	}
	return nil
}

// credential finds the one token of a call; "" if there is none. r is nil where the transport is not net/http.
func (p *policy) credential(c *call, r *http.Request) (token string, refusal *Error) {
	found, refused := p.credentials.Find(credential.Request{Header: c.Header, Method: c.Method, HTTP: r, NoForm: c.Anew})
	c.scheme, c.fromForm = found.Scheme, found.FromForm
	if found.ReadBody {
		c.now = p.clock() // a body comes as slowly as the client likes, and a token counts from when it can be judged
	}
	if refused.Refused() {
		return "", credentialError(refused)
	}
	return found.Token, nil
}

// mayHaveReadForm reports whether a request without a token may have been admitted by one in its form: that form is gone, and the
// request must not pass for anonymous.
func (g *Guard) mayHaveReadForm(outer *admission, r *http.Request) bool {
	return outer != nil && outer.validator == g.validator && outer.fromForm || g.validator.policy.credentials.MayHaveReadForm(r)
}

// parentOf is the context that an admission stands in. One that takes the place of an earlier admission drops it, or a stream that is
// judged again every minute would make an endless chain.
func parentOf(ctx context.Context, call *call) context.Context {
	if replaced, ok := ctx.(*admission); ok && call.Anew {
		return replaced.Context
	}
	return ctx
}

// withoutToken answers a request without credentials.
func (g *Guard) withoutToken(ctx context.Context, call *call, r *http.Request, outer *admission) (context.Context, ruling, *Error) {
	switch {
	case call.Anew && g.mayHaveReadForm(outer, r):
		return g.noToken(call, &Error{Reason: ReasonNoToken, Err: errReadForm})
	case g.optional && outer == nil:
		return ctx, ruling{anonymous: true}, nil
	case g.optional: // a token of some other Guard is not this one's verdict
		return ContextWithToken(ctx, nil), ruling{anonymous: true}, nil
	case isPreflight(call.Credentials):
		return g.noToken(call, &Error{Reason: ReasonPreflight, Err: errPreflight})
	default:
		return g.noToken(call, &Error{Reason: ReasonNoToken, Err: errNoCredentials})
	}
}

func (g *Guard) noToken(call *call, refusal *Error) (context.Context, ruling, *Error) {
	call.recorder.Fail(record.Credential, refusal.Err)
	return nil, ruling{}, refusal
}

// nested takes over the verdict of an outer Guard about the same credentials. It judges the verdict, not the handler's
// copy of the token, which code between the two Guards may have changed.
func (g *Guard) nested(ctx context.Context, outer *admission, call *call) (context.Context, ruling, *Error) {
	proven := outer.verified
	call.nextNonce = outer.nextNonce
	ruling := ruling{proven: proven, nested: true, record: accesstoken.Record{Cached: true}}
	if refused := proven.CheckTime(call.now); refused.Refused() {
		return nil, ruling, tokenError(refused)
	}
	if refusal := g.needs.meets(proven, call); refusal != nil {
		return nil, ruling, refusal
	}
	if len(g.needs.rules) > 0 {
		own := tokenOf(proven)
		if refusal := g.needs.ask(ctx, &own, call.Credentials); refusal != nil {
			return nil, ruling, refusal
		}
	}
	return ctx, ruling, nil
}

// judged reports whether a holds v's verdict about the credentials of call. One that left the proof unspent is none for a
// call that wants it spent, and that a bound token was proven for one call says nothing of another.
func (a *admission) judged(v *Validator, call *call) bool {
	if a == nil || a.validator != v || a.keptProof && !call.KeepProof {
		return false
	}
	return a.verified.Is(call.token, a.key) && a.boundTo.equal(v.policy.boundCall(call, a.verified))
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
	refusal.schemes = challenge.Schemes{NoBearer: p.keyRequired, Algorithms: p.proofAlgorithms, Used: string(call.scheme)}
	if p.proofs != nil && refusal.Status() == http.StatusUnauthorized && refusal.nextNonce == "" {
		refusal.nextNonce = p.proofs.FirstNonce(call.now)
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
