package middleware

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// dpop is Config.DPoP in its compiled form; nil without a PublicURL.
type dpop struct {
	required   bool
	maxAge     time.Duration
	base       target // PublicURL
	algorithms map[string]bool
	names      string // of the algorithms, for challenges
	replays    ReplayStore
	nonces     *nonces // nil: none are wanted
}

const (
	maxProofBytes = 8 << 10
	maxProofID    = 1 << 10 // of jti
)

var (
	errNoProof      = errors.New("the token is bound to a key, and the request carries no DPoP proof")
	errSeveralProof = errors.New("the request carries more than one DPoP field")
	errProofForm    = errors.New("the proof is no compact JWS of strict JSON and reasonable length")
	errProofType    = errors.New("the proof's typ is not dpop+jwt")
	errProofKey     = errors.New("the proof's jwk is missing, private, symmetric or unfit for its alg")
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

// check judges the proof that a bound token needs: RFC 9449 section 4.3, what is cheap before the signature, and
// remembering the proof after everything else, so that nobody can fill the store with junk.
func (p *dpop) check(ctx context.Context, call *call, thumbprint string) *Error {
	jws, refusal := proofOf(call.Credentials)
	if refusal != nil {
		return refusal
	}
	key, err := p.proofKey(jws.Header)
	if err != nil {
		return badProof(err)
	}
	if key.Thumbprint() != thumbprint {
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
	signature, err := jws.Signature()
	if err != nil || key.Verify(jws.SigningInput, signature) != nil {
		return badProof(errProofSig)
	}
	if call.KeepProof {
		return nil
	}
	return p.spend(ctx, thumbprint, proof)
}

// proofOf takes the one proof of a call apart.
func proofOf(c Credentials) (compact.JWS, *Error) {
	fields := c.values("Dpop")
	switch {
	case len(fields) == 0:
		return compact.JWS{}, badProof(errNoProof)
	case len(fields) > 1:
		return compact.JWS{}, badProof(errSeveralProof)
	case len(fields[0]) > maxProofBytes:
		return compact.JWS{}, badProof(errProofForm)
	}
	jws, err := compact.Split(fields[0])
	if err != nil {
		return compact.JWS{}, badProof(errProofForm)
	}
	return jws, nil
}

// proofKey reads the header and the key in it. Here, and nowhere else, a token brings its own key: the thumbprint in the
// access token vouches for it.
func (p *dpop) proofKey(segment string) (*jwks.Key, error) {
	text, err := compact.Text(segment)
	if err != nil {
		return nil, errProofForm
	}
	header, err := strictjson.Parse(text)
	if err != nil {
		return nil, errProofForm
	}
	for _, name := range []string{"crit", "b64", "zip", "cty"} {
		if _, has := header.Member(name); has {
			return nil, errProofForm
		}
	}
	typ, _ := header.Member("typ")
	if kind, _ := typ.Text(); compact.MediaType(kind) != "dpop+jwt" {
		return nil, errProofType
	}
	alg, _ := header.Member("alg")
	jwk, _ := header.Member("jwk")
	name, _ := alg.Text()
	if !p.algorithms[name] || jwk.Kind() != strictjson.Object {
		return nil, errProofKey
	}
	key, err := jwks.ParseKey([]byte(jwk.Raw()), name)
	if err != nil {
		return nil, errProofKey
	}
	return key, nil
}

// proof holds the claims of a DPoP proof (RFC 9449 section 4.2).
type proof struct {
	id, method, uri, tokenHash, nonce string
	issuedAt                          time.Time
}

// readProof reads the claims, all of which are required but the nonce.
func readProof(segment string) (*proof, error) {
	text, err := compact.Text(segment)
	if err != nil {
		return nil, errProofForm
	}
	var p proof
	var issuedAt strictjson.Value
	complete := true
	err = strictjson.Walk(text, func(name string, v strictjson.Value) error {
		var into *string
		switch name {
		case "jti":
			into = &p.id
		case "htm":
			into = &p.method
		case "htu":
			into = &p.uri
		case "ath":
			into = &p.tokenHash
		case "nonce":
			into = &p.nonce
		case "iat":
			issuedAt = v
		}
		if into != nil {
			var ok bool
			*into, ok = v.Text()
			complete = complete && ok
		}
		return nil
	})
	if err != nil {
		return nil, errProofForm
	}
	if p.issuedAt, err = issuedAt.NumericDate(); err != nil || !complete {
		return nil, errProofClaims
	}
	if p.id == "" || len(p.id) > maxProofID || p.method == "" || p.uri == "" || p.tokenHash == "" {
		return nil, errProofClaims
	}
	return &p, nil
}

// fits judges whether the proof was made for this call and this token, and lately.
func (p *dpop) fits(proof *proof, call *call) error {
	if proof.method != call.Method {
		return errProofMethod
	}
	here, ok := p.base.at(call.Target)
	if there, valid := parseTarget(proof.uri); !ok || !valid || there != here {
		return errProofTarget
	}
	if age := call.now.Sub(proof.issuedAt); age > p.maxAge || age < -p.maxAge {
		return errProofTime
	}
	if proof.tokenHash != base64.RawURLEncoding.EncodeToString(call.id[:]) { // the digest is the SHA-256 that ath wants
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

// spend remembers the proof until it expires, by the clock of every replica. A store that cannot tell leaves the request
// unjudged.
func (p *dpop) spend(ctx context.Context, thumbprint string, proof *proof) *Error {
	fresh, err := p.replays.Add(ctx, replayKey(thumbprint, proof.id), proof.issuedAt.Add(p.maxAge+defaultLeeway))
	switch {
	case err != nil:
		return &Error{Reason: ReasonReplaysUnavailable, RetryAfter: retryHint(err), Err: err}
	case !fresh:
		return &Error{Code: InvalidDPoPProof, Reason: ReasonProofReplay, Err: errProofReplay}
	}
	return nil
}
