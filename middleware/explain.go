package middleware

import (
	"context"
	"maps"
	"slices"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/record"
)

// Explanation is one decision, step by step, for operators. It holds no token, signature, secret or proof, but what the token says of the
// things that decide: it is not for the client. Package explain renders it.
type Explanation struct {
	_ [0]func() // keyed literals only

	Outcome Outcome
	Reason  Reason // of the first step that failed; empty when allowed
	Steps   []Step // all of them, in the order of the decision
}

// Step is one step of a decision. Its texts are one line of ASCII, in which what the request or the token says is escaped and cut short.
type Step struct {
	_ [0]func() // keyed literals only

	Name     StepName
	Result   StepResult
	Verified bool   // the token's signature stood, or its server vouched for it, when the step was judged: Got is the issuer's word
	Expected string // what passes; empty where that cannot be said in a few words
	Got      string // what came; empty likewise
	Why      string // which check failed; empty unless one did
	Hint     string // what most often lies behind the failure, and the remedy; empty where nothing does
	Clause   string // of the specification; empty: it is Cardea's own
}

// StepName names a step. The set is closed.
type StepName string

// The steps, in the order of the decision.
const (
	StepCredential    StepName = "credential"    // the request carries one token, well-formed
	StepForm          StepName = "form"          // a compact JWS, or opaque
	StepHeader        StepName = "header"        // the JOSE header
	StepClaims        StepName = "claims"        // the payload is one strict JSON object
	StepIssuer        StepName = "issuer"        // iss, or the prefix of an opaque token, leads to a configured issuer
	StepType          StepName = "type"          // it is an access token
	StepTenant        StepName = "tenant"        // the tenant is let in
	StepAlgorithm     StepName = "algorithm"     // the issuer may use it
	StepKey           StepName = "key"           // the issuer has such a key
	StepSignature     StepName = "signature"     // it verifies
	StepIntrospection StepName = "introspection" // the issuer's server vouches for the token
	StepContent       StepName = "content"       // sub, jti, client id and dates are of their types, and exp is there
	StepAudience      StepName = "audience"      // the token is meant for this API
	StepConfirmation  StepName = "confirmation"  // what the token is bound to can be understood
	StepDetails       StepName = "details"       // authorization_details are well-formed
	StepActor         StepName = "actor"         // act is well-formed
	StepProfile       StepName = "profile"       // the claims that Issuer.Profile requires are there
	StepKind          StepName = "kind"          // where no audience speaks: it does not look like an ID token
	StepClaimRules    StepName = "claim_rules"   // Issuer.ClaimRules
	StepTime          StepName = "time"          // exp, nbf, iat
	StepAccept        StepName = "accept"        // Issuer.Accept
	StepRevocation    StepName = "revocation"    // Config.Revocations
	StepBinding       StepName = "binding"       // possession is proven, and demanded where the route demands it
	StepStepUp        StepName = "step_up"       // acr and auth_time
	StepScope         StepName = "scope"         // of the route
	StepRole          StepName = "role"          // of the route
	StepDelegation    StepName = "delegation"    // the actor may act here
	StepRule          StepName = "rule"          // the application's own
)

// StepResult says how a step ended.
type StepResult string

// The results.
const (
	StepPassed     StepResult = "passed"
	StepFailed     StepResult = "failed"
	StepNotReached StepResult = "not_reached" // an earlier step failed, and this one needs it; or the token does not go this way, or nobody is asked
)

// stepNames are the steps of the recording, each with the clause that it comes from.
var stepNames = [record.Steps]struct {
	name   StepName
	clause string
}{
	record.Credential:    {StepCredential, "RFC 6750 section 2"},
	record.Form:          {StepForm, "RFC 7515 section 3.1"},
	record.Header:        {StepHeader, "RFC 7515 section 4"},
	record.Claims:        {StepClaims, "RFC 7519 section 4"},
	record.Issuer:        {StepIssuer, "RFC 9068 section 4"},
	record.Type:          {StepType, "RFC 9068 section 4"},
	record.Tenant:        {StepTenant, ""},
	record.Algorithm:     {StepAlgorithm, "RFC 8725 section 3.1"},
	record.Key:           {StepKey, "RFC 8725 section 3.8"},
	record.Signature:     {StepSignature, "RFC 7515 section 5.2"},
	record.Introspection: {StepIntrospection, "RFC 7662 section 2.2"},
	record.Content:       {StepContent, "RFC 7519 section 4.1"},
	record.Audience:      {StepAudience, "RFC 9068 section 4"},
	record.Confirmation:  {StepConfirmation, "RFC 7800 section 3.1"},
	record.Details:       {StepDetails, "RFC 9396 section 2"},
	record.Actor:         {StepActor, "RFC 8693 section 4.1"},
	record.Profile:       {StepProfile, "RFC 9068 section 2.2"},
	record.Kind:          {StepKind, "RFC 7662 section 2.1"},
	record.ClaimRules:    {StepClaimRules, ""},
	record.Time:          {StepTime, "RFC 7519 section 4.1.4"},
	record.Accept:        {StepAccept, ""},
	record.Revocation:    {StepRevocation, ""},
	record.Binding:       {StepBinding, "RFC 9449 section 7.1, RFC 8705 section 3"},
	record.StepUp:        {StepStepUp, "RFC 9470 section 3"},
	record.Scope:         {StepScope, "RFC 6750 section 3.1"},
	record.Role:          {StepRole, ""},
	record.Delegation:    {StepDelegation, "RFC 8693 section 4.1"},
	record.Rule:          {StepRule, ""},
}

// Explain decides about a call as Authorize does, and records each step: what was expected, what came, and how it ended. Where a step
// failed, later ones that can still be judged are judged, so that several mistakes show at once.
//
// Nothing comes of it: no verdict is kept, no proof is spent, nothing is logged or observed, and no fetch for an unknown key is caused, so
// a key that the issuer has published since the last refresh is not found. Keys that were never loaded are fetched, and an Introspector is
// asked, as for a request. Accept, Revocations and Rules are asked about a verified token only, and AllowTenant, as always, before any
// fetch. A token in a form is not looked for. An explanation judges from scratch, whatever ctx holds. It costs more than a decision: it is
// for people, not for requests.
func (g *Guard) Explain(ctx context.Context, c Credentials) *Explanation {
	if g == nil || g.validator.unusable() {
		return &Explanation{Outcome: Failed, Reason: ReasonInternal, Steps: g.steps(&call{})}
	}
	c.KeepProof, c.Anew = true, true
	call := &call{Credentials: c, now: g.validator.policy.clock(), recorder: new(record.Recorder)}
	_, refused := g.decide(ctx, call, nil)
	e := &Explanation{Outcome: Allowed}
	if call.ruling.anonymous {
		e.Outcome = Anonymous
	}
	if refused != nil {
		refusal := g.refuse(refused, call)
		e.Outcome, e.Reason = refusal.outcome(), refusal.Reason
	}
	e.Steps = g.steps(call)
	return e
}

// steps makes the steps of what was recorded. Of a step that was judged in two parts, the one that failed counts.
func (g *Guard) steps(call *call) []Step {
	steps := make([]Step, 0, record.Steps-1)
	for id := record.Step(1); id < record.Steps; id++ {
		step := Step{Name: stepNames[id].name, Clause: stepNames[id].clause, Result: StepNotReached}
		for _, entry := range call.recorder.Entries() {
			if entry.Step != id || step.Result == StepFailed {
				continue
			}
			step.Result, step.Verified = StepPassed, entry.Verified
			if entry.Result == record.Failed {
				step.Result = StepFailed
				why, sides := cause.Split(entry.Cause)
				if id == record.Signature {
					sides = cause.Signature(call.ruling.record.KeyID, call.ruling.record.Algorithm)
				}
				step.Why, step.Expected, step.Got, step.Hint = why, sides.Expected, sides.Got, sides.Hint
				if step.Hint == cause.ClockHint {
					step.Hint = g.validator.policy.clockHint(call.ruling.issuer(), call.now)
				}
			}
		}
		if step.Result == StepPassed {
			step.Expected, step.Got = g.passed(id, call)
		}
		steps = append(steps, step)
	}
	return steps
}

// passed says what a step that passed was about.
func (g *Guard) passed(id record.Step, call *call) (expected, got string) {
	v := call.ruling.record.Seen
	if v == nil {
		return "", ""
	}
	facts := &v.Facts
	switch id {
	case record.Issuer:
		return cause.Claim("iss", v.Issuer.URL), cause.Claim("iss", facts.Issuer)
	case record.Algorithm:
		return cause.Accepted(slices.Sorted(maps.Keys(v.Issuer.Algorithms))), cause.Claim("alg", v.Key.Header.Algorithm)
	case record.Key, record.Signature:
		return "", cause.Claim("kid", v.Key.Header.KeyID)
	case record.Audience:
		return audienceOf(v), cause.Claims("aud", facts.Audience)
	case record.Time:
		return "", cause.Dates(facts.Expiry, facts.NotBefore, facts.IssuedAt, call.now)
	case record.Confirmation:
		return "", boundText(v)
	case record.StepUp:
		if len(g.needs.acr) > 0 {
			return "", cause.Claim("acr", facts.ACR)
		}
		return "", ""
	case record.Scope:
		return cause.Needs("scope", g.needs.scopes), cause.Claims("scopes", facts.Scopes)
	case record.Role:
		return cause.Needs("role", g.needs.roles), cause.Claims("roles", facts.Roles)
	default:
		return "", ""
	}
}

func audienceOf(v *accesstoken.Verified) string {
	switch {
	case len(v.Issuer.Clients) > 0:
		return cause.Claims("client", v.Issuer.Clients)
	case v.Issuer.NoAudience:
		return "any aud (DangerouslyNoAudience)"
	default:
		return cause.Claims("aud", v.Issuer.Audiences)
	}
}

func boundText(v *accesstoken.Verified) string {
	switch {
	case v.Bound().None():
		return "no cnf"
	case v.Bound().Key != "" && v.Bound().Certificate != "":
		return "cnf with jkt and x5t#S256"
	case v.Bound().Key != "":
		return "cnf with jkt"
	default:
		return "cnf with x5t#S256"
	}
}
