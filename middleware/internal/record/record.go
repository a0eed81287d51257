// Package record says what a decision was made of, step by step. A Recorder rides in the call and never in a context; without one nothing
// is noted, formatted or allocated.
package record

// Step is one step of the decision. The set is closed, and in the order of the decision.
type Step int

// The steps.
const (
	Credential    Step = iota + 1 // the request carries one token, well-formed
	Form                          // of the token: a compact JWS, or opaque
	Header                        // the JOSE header
	Claims                        // the payload is one strict JSON object
	Issuer                        // iss, or the prefix of an opaque token, leads to a configured issuer
	Type                          // it is an access token
	Tenant                        // the issuer's tenant is let in
	Algorithm                     // the issuer may use it
	Key                           // the issuer has such a key
	Signature                     // it verifies
	Introspection                 // the issuer's server vouches for the token
	Content                       // sub, jti, client id and dates are of their types, and exp is there
	Audience                      // the token is meant for this API
	Confirmation                  // cnf can be understood
	Details                       // authorization_details are well-formed
	Actor                         // act is well-formed
	Profile                       // the claims that the profile requires are there
	Kind                          // where no audience speaks: it does not look like an ID token
	ClaimRules                    // what the issuer demands of its claims
	Time                          // exp, nbf, iat
	Accept                        // the issuer's own last check
	Revocation                    // it was not taken back
	Binding                       // possession is proven
	StepUp                        // acr and auth_time
	Scope                         // of the route
	Role                          // of the route
	Delegation                    // the actor may act here
	Rule                          // the application's own

	Steps // one more than there are
)

// Result says how a step ended.
type Result int

// The results. A step that is not recorded was not reached.
const (
	Passed Result = iota + 1
	Failed
)

// Entry is what is known of one step.
type Entry struct {
	Step     Step
	Result   Result
	Verified bool  // the signature stood, or the server vouched, when the step was judged
	Cause    error // why it failed; nil: it passed
}

// Recorder notes the steps of one decision. A nil Recorder notes nothing. It is not safe for concurrent use.
type Recorder struct {
	entries  []Entry
	verified bool
}

// Pass notes that a step passed.
func (r *Recorder) Pass(step Step) {
	if r != nil {
		r.entries = append(r.entries, Entry{Step: step, Result: Passed, Verified: r.verified})
	}
}

// Fail notes that a step failed.
func (r *Recorder) Fail(step Step, cause error) {
	if r != nil {
		r.entries = append(r.entries, Entry{Step: step, Result: Failed, Verified: r.verified, Cause: cause})
	}
}

// Vouch notes that what the token says is now known to be the issuer's.
func (r *Recorder) Vouch() {
	if r != nil {
		r.verified = true
	}
}

// On reports whether anything is noted, so that a judge goes on after a refusal.
func (r *Recorder) On() bool { return r != nil }

// Entries returns the steps in the order in which they were judged.
func (r *Recorder) Entries() []Entry {
	if r == nil {
		return nil
	}
	return r.entries
}
