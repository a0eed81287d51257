package middleware

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
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

	ruling  ruling
	refused refusal // see refuse
}

// ruling is what there is to say of a decision beside how it ended.
type ruling struct {
	record accesstoken.Record
	proven *accesstoken.Verified // nil: no token was proven

	revokedBy string // Verdict.Kind; empty: the token was not revoked

	nested    bool // the verdict is that of an outer Guard
	anonymous bool
}

// authorize decides, and reports what it has decided. r is nil where the transport is not net/http.
func (g *Guard) authorize(ctx context.Context, c Credentials, r *http.Request) (context.Context, error) {
	if g == nil || g.validator.unusable() {
		logUnusable(ctx)
		return nil, &Error{Reason: ReasonInternal, Err: errUnusable}
	}
	call := &call{Credentials: c, now: g.validator.policy.clock()}
	admitted, refused := g.decide(ctx, call, r)
	if refused != nil {
		err := g.refuse(refused, call)
		g.report(ctx, call, err)
		return nil, err
	}
	g.report(admitted, call, nil)
	return admitted, nil
}

// decide is the one decision. Its order is fixed: the syntax of the request, the token, its revocation, its binding to the caller, then what
// it may do. Whatever is judged by the time of the request is judged on every request, also for a token that was
// verified before.
func (g *Guard) decide(ctx context.Context, call *call, r *http.Request) (context.Context, *refusal) {
	v := g.validator
	if v.closed.Load() {
		return nil, call.refuse(refusal{reason: ReasonClosed, err: errClosed})
	}
	raw, refused := v.policy.credential(call, r)
	if refused != nil {
		call.recorder.Fail(record.Credential, refused.err)
		return nil, refused
	}
	if raw == "" {
		return g.withoutToken(ctx, call, r)
	}
	call.recorder.Pass(record.Credential)
	call.token = accesstoken.Present(raw)
	outer := admissionOf(ctx, v)
	if !outer.judged(v, call) {
		outer = nil
	}
	if outer != nil && !call.Anew && admissionFrom(ctx).validator != nil { // a token made by hand says that something was replaced
		return g.nested(ctx, outer, call)
	}
	return g.judged(ctx, call, outer)
}

// judged judges the token of a call. outer is this Validator's admission of the same token for the same call; nil: there is none.
func (g *Guard) judged(ctx context.Context, call *call, outer *admission) (context.Context, *refusal) {
	v := g.validator
	proven, said, bad := v.policy.judge.Judge(ctx, accesstoken.Question{
		Token:    call.token,
		Now:      call.now,
		OwnClock: v.policy.ownClock,
		Recorder: call.recorder,
	})
	call.ruling = ruling{record: said, proven: proven}
	if bad.Refused() {
		if call.recorder.On() {
			g.recordRest(ctx, call, cmp.Or(proven, said.Seen), outer)
		}
		if bad.Reason == accesstoken.TooManyKeys && !call.recorder.On() {
			v.policy.complain(said.Issuer, "tokens of an issuer are not judged, as it publishes too many keys of one name", bad.Err)
		}
		return nil, call.refuse(tokenRefusal(bad))
	}
	refused := v.policy.unrevoked(ctx, proven, &g.needs, call)
	if refused != nil {
		return nil, g.recordNeeds(proven, call, refused)
	}
	refused = v.policy.bound(ctx, call, proven, outer)
	call.note(record.Binding, refused)
	if refused != nil {
		return nil, g.recordNeeds(proven, call, refused)
	}
	if refused := g.needs.meets(proven, call); refused != nil {
		return nil, refused
	}
	if call.Anew {
		ctx, _ = withoutAdmissions(ctx, v)
	}
	admitted := &admission{
		Context:   ctx,
		token:     tokenOf(proven),
		validator: v,
		key:       proven.KeyOf(call.token),
		verified:  proven,
		nextNonce: call.nextNonce,
		keptProof: call.KeepProof,
		fromForm:  call.fromForm,
		boundTo:   v.policy.boundCall(call, proven),

		revocationsWithin: shortest(v.policy.revocationsWithin, g.needs.revocationsWithin),
	}
	refused = g.needs.ask(ctx, &admitted.token, call)
	call.note(record.Rule, refused)
	if refused != nil {
		return nil, refused
	}
	if call.recorder.On() {
		return admitted, nil // what follows leaves traces
	}
	refused = v.policy.bindKey(proven, call)
	if refused != nil {
		return nil, refused
	}
	if !said.Cached && !proven.Facts.Opaque {
		v.policy.clocks[proven.Issuer.URL].Accepted(proven.Facts.IssuedAt, call.now)
	}
	return admitted, nil
}

// recordRest judges for the record alone what can be judged of a token that was refused: its binding and the requirement. No function of the
// application is asked.
func (g *Guard) recordRest(ctx context.Context, call *call, v *accesstoken.Verified, outer *admission) {
	if v == nil {
		return
	}
	call.note(record.Binding, g.validator.policy.bound(ctx, call, v, outer))
	g.needs.meets(v, call)
}

// recordNeeds judges the requirement for the record alone: the refusal stays what it was.
func (g *Guard) recordNeeds(proven *accesstoken.Verified, call *call, refused *refusal) *refusal {
	if !call.recorder.On() {
		return refused
	}
	first := *refused
	g.needs.meets(proven, call)
	return call.refuse(first)
}

// note records how a step ended.
func (c *call) note(step record.Step, refused *refusal) {
	if refused != nil {
		c.recorder.Fail(step, refused.err)
		return
	}
	c.recorder.Pass(step)
}

// credential finds the one token of a call; "" if there is none. r is nil where the transport is not net/http.
func (p *policy) credential(c *call, r *http.Request) (token string, _ *refusal) {
	found, refused := p.credentials.Find(credential.Request{Header: c.Header, Method: c.Method, HTTP: r, NoForm: c.Anew})
	c.scheme, c.fromForm = found.Scheme, found.FromForm
	if found.ReadBody {
		c.now = p.clock() // a body comes as slowly as the client likes, and a token counts from when it can be judged
	}
	if refused.Refused() {
		return "", c.refuse(credentialRefusal(refused))
	}
	return found.Token, nil
}

// mayHaveReadForm reports whether a request without a token may have been admitted by one in its form: that form is gone, and the
// request must not pass for anonymous.
func (g *Guard) mayHaveReadForm(ctx context.Context, r *http.Request) bool {
	credentials := g.validator.policy.credentials
	if admissionAt(ctx, admissionByForm{}) != nil && credentials.ReadsForms() { // another Validator's form would have been ours as well
		return true
	}
	return credentials.MayHaveReadForm(r)
}

// withoutToken answers a request without credentials.
func (g *Guard) withoutToken(ctx context.Context, call *call, r *http.Request) (context.Context, *refusal) {
	outer := admissionFrom(ctx)
	switch {
	case call.Anew && g.mayHaveReadForm(ctx, r):
		return g.noToken(call, refusal{reason: ReasonNoToken, err: errReadForm})
	case g.optional && (outer == nil || outer.anonymous):
		call.ruling.anonymous = true
		return ctx, nil
	case g.optional: // a token of some other Guard is not this one's verdict
		call.ruling.anonymous = true
		return ContextWithToken(ctx, nil), nil
	case isPreflight(call.Credentials):
		return g.noToken(call, refusal{reason: ReasonPreflight, err: errPreflight})
	default:
		return g.noToken(call, refusal{reason: ReasonNoToken, err: errNoCredentials})
	}
}

func (g *Guard) noToken(call *call, refused refusal) (context.Context, *refusal) {
	call.recorder.Fail(record.Credential, refused.err)
	return nil, call.refuse(refused)
}

// nested takes over the verdict of an outer Guard about the same credentials. It judges the verdict, not the handler's
// copy of the token, which code between the two Guards may have changed.
func (g *Guard) nested(ctx context.Context, outer *admission, call *call) (context.Context, *refusal) {
	proven := outer.verified
	call.nextNonce = outer.nextNonce
	call.ruling = ruling{proven: proven, nested: true, record: accesstoken.Record{Cached: true}}
	if bad := proven.CheckTime(call.now); bad.Refused() {
		return nil, call.refuse(tokenRefusal(bad))
	}
	if refused := g.validator.policy.unrevoked(ctx, proven, &g.needs, call); refused != nil {
		return nil, refused
	}
	if refused := g.needs.meets(proven, call); refused != nil {
		return nil, refused
	}
	if len(g.needs.rules) > 0 {
		own := tokenOf(proven)
		if refused := g.needs.ask(ctx, &own, call); refused != nil {
			return nil, refused
		}
	}
	within := shortest(outer.revocationsWithin, g.needs.revocationsWithin)
	if admissionFrom(ctx) == outer && within == outer.revocationsWithin {
		return ctx, nil
	}
	again := *outer // above what another Validator has admitted meanwhile
	again.revocationsWithin = within
	again.Context, again.token = ctx, tokenOf(proven)
	return &again, nil
}

// judged reports whether a holds v's verdict about the credentials of call. One that left the proof unspent is none for a
// call that wants it spent, and that a bound token was proven for one call says nothing of another.
func (a *admission) judged(v *Validator, call *call) bool {
	if a == nil || a.validator != v || a.keptProof && !call.KeepProof {
		return false
	}
	if call.scheme == credential.DPoP && a.verified.Bound().Key == "" {
		return false // to be refused as such
	}
	return a.verified.Is(call.token, a.key) && a.boundTo.equal(v.policy.boundCall(call, a.verified))
}

// isPreflight recognises a CORS preflight, to say in the log why it was refused. It is refused all the same: two header
// fields would otherwise open every handler that does not look at the method.
func isPreflight(c Credentials) bool {
	return c.Method == http.MethodOptions && len(c.values("Origin")) > 0 && len(c.values("Access-Control-Request-Method")) > 0
}

var (
	errClosed        = errors.New("middleware: the Validator has been closed")
	errNoCredentials = cause.Hint(
		"the request carries no token",
		"if the client did send one, a proxy may have removed the Authorization field; a token in the query is never read",
	)
	errReadForm = errors.New(
		"the request is judged again, and a token in its form cannot be: the form has been read; send tokens of streams in the Authorization field",
	)
	errPreflight = errors.New("a CORS preflight carries no token: put the CORS middleware outside the Guard, so that it answers first")
)
