package dpop

import (
	"errors"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

// Reason names the check that refused a proof. The zero Reason says that none did.
type Reason int

// The reasons.
const (
	_                Reason = iota
	BadProof                // there is none, or it is not good for this call
	OtherKey                // it was made with another key than the token is bound to
	BadNonce                // its nonce is missing, too old or not ours
	Replayed                // it has been used before
	StoreUnavailable        // not judged: the store is out of reach or full

	Reasons // how many there are, the zero Reason among them
)

// Refusal says why a proof is not taken. It is handed on by value and never changed; the zero Refusal is none.
type Refusal struct {
	Reason Reason
	Err    error // the cause
}

// Refused reports whether r is a refusal.
func (r Refusal) Refused() bool { return r.Reason != 0 }

func refuse(reason Reason, cause error) Refusal { return Refusal{reason, cause} }

var (
	errNoProof = cause.Hint(
		"the token is bound to a key, and the request carries no DPoP proof",
		"if the client did send one, a proxy may have removed the DPoP field",
	)
	errSeveral   = errors.New("the request carries more than one DPoP field")
	errForm      = errors.New("the proof is no compact JWS of strict JSON and reasonable length")
	errType      = errors.New("the proof's typ is not dpop+jwt")
	errKey       = errors.New("the proof's jwk is missing, private, symmetric or unfit for its alg")
	errKeySize   = errors.New("the proof's jwk is an RSA key of more than 4096 bits, or with an exponent above 65537")
	errOtherKey  = errors.New("the proof was made with another key than the token is bound to")
	errSignature = errors.New("the proof's signature does not fit its jwk")
	errClaims    = errors.New("the proof's claims are incomplete or of the wrong type")
	errMethod    = errors.New("the proof's htm is not the method of the request")
	errTarget    = errors.New("the proof's htu is not the address of the request")
	errTime      = errors.New("the proof's iat is further away than DPoP.MaxAge")
	errToken     = cause.Hint("the proof's ath is not the hash of the token", "the client has made the proof for another token, such as the one before")
	errNonce     = errors.New("the proof's nonce is missing, too old or not ours")
	errReplay    = cause.Hint(
		"the proof has been used before",
		"the client has to make a new one, with a jti of its own, for each request; a proxy that retries repeats the old one",
	)
)
