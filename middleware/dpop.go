package middleware

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// dpop is Config.DPoP in its compiled form; nil without a PublicURL.
type dpop struct {
	required bool
	maxAge   time.Duration
	base     targeturi.URI // PublicURL
	keys     proofKeys
	names    string      // of the algorithms, for challenges
	shared   ReplayStore // nil: own
	own      *replays    // nil: shared
	nonces   *nonces     // nil: none are wanted
}

var (
	errNoProof      = errors.New("the token is bound to a key, and the request carries no DPoP proof")
	errSeveralProof = errors.New("the request carries more than one DPoP field")
	errProofForm    = errors.New("the proof is no compact JWS of strict JSON and reasonable length")
	errProofType    = errors.New("the proof's typ is not dpop+jwt")
	errProofKey     = errors.New("the proof's jwk is missing, private, symmetric or unfit for its alg")
	errProofKeySize = errors.New("the proof's jwk is an RSA key of more than 4096 bits, or with an exponent above 65537")
	errOtherKey     = errors.New("the proof was made with another key than the token is bound to")
	errProofSig     = errors.New("the proof's signature does not fit its jwk")
	errProofClaims  = errors.New("the proof's claims are incomplete or of the wrong type")
	errProofMethod  = errors.New("the proof's htm is not the method of the request")
	errProofTarget  = errors.New("the proof's htu is not the address of the request: compare Config.PublicURL with what clients call")
	errProofTime    = errors.New("the proof's iat is further away than DPoP.MaxAge; if this is often so, compare the clocks")
	errProofToken   = errors.New("the proof's ath is not the hash of the token")
	errProofReplay  = errors.New("the proof has been used before")
)

func (p *dpop) demanded() bool { return p != nil && p.required }

func badProof(cause error) *Error {
	return &Error{Code: InvalidDPoPProof, Reason: ReasonProof, Err: cause}
}

// check judges the proof that a bound token needs: RFC 9449 section 4.3, what is cheap before what is dear, the signature at last, and
// remembering the proof after everything else, so that nobody can fill the store with junk.
func (p *dpop) check(ctx context.Context, call *call, proven *accesstoken.Verified) *Error {
	jws, refusal := proofOf(call.Credentials)
	if refusal != nil {
		return refusal
	}
	offered, err := p.keys.of(jws.Header)
	if err != nil {
		return badProof(err)
	}
	if offered.thumbprint != proven.Bound.Key {
		return invalid(ReasonConfirmation, errOtherKey)
	}
	proof, err := readProof(jws.Payload)
	if err != nil {
		return badProof(err)
	}
	if err := p.fits(proof, call); err != nil {
		return badProof(err)
	}
	if refusal := p.nonce(proof, call); refusal != nil {
		return refusal
	}
	key, err := offered.checked()
	if err != nil {
		return badProof(err)
	}
	signature, err := jws.Signature()
	if err != nil || key.Verify(jws.SigningInput, signature) != nil {
		return badProof(errProofSig)
	}
	if offered.known == nil {
		p.keys.learn(jws.Header, proofKey{key, offered.thumbprint})
	}
	if call.KeepProof {
		return nil
	}
	return p.spend(ctx, call, proven, proof)
}

// fits judges whether the proof was made for this call and this token, and lately.
func (p *dpop) fits(proof *proof, call *call) error {
	if proof.method != call.Method {
		return errProofMethod
	}
	here, ok := p.base.At(call.Target)
	if there, valid := targeturi.Parse(proof.uri); !ok || !valid || there != here {
		return errProofTarget
	}
	if age := call.now.Sub(proof.issuedAt); age > p.maxAge || age < -p.maxAge {
		return errProofTime
	}
	if whole := call.token.WholeKey(); proof.tokenHash != base64.RawURLEncoding.EncodeToString(whole[:]) {
		return errProofToken
	}
	return nil
}

// nonce judges the nonce. Once nonces are in force a proof without one is never accepted (RFC 9449 section 11.3). The next
// nonce is handed out with the answer, whatever that will be, when the present one has lived half its life.
func (p *dpop) nonce(proof *proof, call *call) *Error {
	if p.nonces == nil {
		return nil
	}
	early, err := p.nonces.judge(proof.nonce, call.now)
	if err != nil {
		call.nextNonce = p.nonces.issue(call.now)
		return &Error{Code: UseDPoPNonce, Reason: ReasonProofNonce, Err: err}
	}
	if early {
		call.nextNonce = p.nonces.issue(call.now)
	}
	return nil
}

// firstNonce is for a client that has to come again; empty where nonces are not in force.
func (p *dpop) firstNonce(now time.Time) string {
	if p.nonces == nil {
		return ""
	}
	return p.nonces.issue(now)
}

// spend remembers the proof until it expires, by the clock of every replica. A store that cannot tell leaves the request
// unjudged.
func (p *dpop) spend(ctx context.Context, call *call, proven *accesstoken.Verified, proof *proof) *Error {
	thumbprint := proven.Bound.Key
	key, until := replayKey(thumbprint, proof.id), proof.issuedAt.Add(p.maxAge+defaultLeeway)
	var fresh bool
	var err error
	if p.shared != nil {
		fresh, err = p.shared.Add(ctx, key, until)
	} else {
		fresh, err = p.own.add(partyOf(proven, thumbprint), key, call.now, until)
	}
	switch {
	case err != nil:
		return &Error{Reason: ReasonReplaysUnavailable, RetryAfter: retryHint(err), Err: err}
	case !fresh:
		return &Error{Code: InvalidDPoPProof, Reason: ReasonProofReplay, Err: errProofReplay}
	}
	return nil
}
