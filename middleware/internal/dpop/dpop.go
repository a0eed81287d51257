// Package dpop judges proofs of possession: RFC 9449. It knows nothing of HTTP but the values of one field.
package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// clockSkew is by how much the clocks of replicas may differ.
const clockSkew = 30 * time.Second

// Store remembers proofs until they expire. Add puts key in and reports whether it was not there yet, as one atomic step.
type Store interface {
	Add(ctx context.Context, key string, until time.Time) (fresh bool, err error)
}

// Verifier judges proofs. It is safe for concurrent use.
type Verifier struct {
	maxAge time.Duration
	bases  []targeturi.URI
	keys   clientKeys
	nonces *nonces // nil: none are wanted

	store  Store   // nil: memory
	memory *memory // nil: store
}

// Call is a request with a token that is bound to a key.
type Call struct {
	Proofs         []string // the values of the DPoP field
	Method, Target string   // of the request; Target is the request-target, as it arrived
	Now            time.Time
	Keep           bool // the proof is judged and not spent

	Thumbprint                string // of the key to which the token is bound: jkt
	Issuer, Subject, ClientID string // of the token: whose proofs are counted together
}

// Verify judges the proof that a bound token needs: RFC 9449 section 4.3, what is cheap before what is dear, the signature at last, and
// remembering the proof after everything else, so that nobody can fill the store with junk. tokenHash, which ath must be, is asked
// when what is cheaper fits. nonce goes with the answer, whatever that is; empty: none.
func (v *Verifier) Verify(ctx context.Context, call *Call, tokenHash func() shards.Key) (nonce string, refusal Refusal) {
	jws, err := onlyProof(call.Proofs)
	if err != nil {
		return "", refuse(BadProof, err)
	}
	offered, err := v.keys.read(jws.Header)
	if err != nil {
		return "", refuse(BadProof, err)
	}
	if offered.thumbprint != call.Thumbprint {
		return "", refuse(OtherKey, errOtherKey)
	}
	proof, err := readProof(jws.Payload)
	if err != nil {
		return "", refuse(BadProof, err)
	}
	if err := v.fits(proof, call, tokenHash); err != nil {
		return "", refuse(BadProof, err)
	}
	nonce, err = v.nonces.next(proof.nonce, call.Now)
	if err != nil {
		return nonce, refuse(BadNonce, err)
	}
	signature, err := jws.Signature()
	if err != nil {
		return nonce, refuse(BadProof, errSignature)
	}
	key, err := offered.verify(jws.SigningInput, signature)
	switch {
	case errors.Is(err, jwks.ErrSignature):
		return nonce, refuse(BadProof, errSignature)
	case err != nil:
		return nonce, refuse(BadProof, errKey)
	}
	if offered.known == nil {
		v.keys.learn(&offered, key)
	}
	if call.Keep {
		return nonce, Refusal{}
	}
	return nonce, v.spend(ctx, call, proof)
}

// fits judges whether the proof was made for this call and this token, and lately.
func (v *Verifier) fits(proof *proof, call *Call, tokenHash func() shards.Key) error {
	if proof.method != call.Method {
		return cause.Method(errMethod, proof.method, call.Method)
	}
	if !v.names(proof.uri, call.Target) {
		target := call.Target
		return cause.Target(errTarget, proof.uri, func() []string { return v.addresses(target) })
	}
	if age := call.Now.Sub(proof.issuedAt); age > v.maxAge || age < -v.maxAge {
		return cause.ProofAge(errTime, proof.issuedAt, call.Now, v.maxAge)
	}
	if hash := tokenHash(); proof.tokenHash != base64.RawURLEncoding.EncodeToString(hash[:]) {
		return errToken
	}
	return nil
}

// names reports whether uri is the address of a request-target under one of the names that the API has.
func (v *Verifier) names(uri, target string) bool {
	named, valid := targeturi.Parse(uri)
	return valid && slices.ContainsFunc(v.bases, func(base targeturi.URI) bool {
		called, ok := base.At(target)
		return ok && called == named
	})
}

// addresses are those of a request-target under each name of the API.
func (v *Verifier) addresses(target string) []string {
	var all []string
	for _, base := range v.bases {
		if address, ok := base.At(target); ok {
			all = append(all, address.String())
		}
	}
	return all
}

// spend remembers the proof until it expires, by the clock of every replica. A store that cannot tell leaves the request
// unjudged.
func (v *Verifier) spend(ctx context.Context, call *Call, proof *proof) Refusal {
	key, until := storeKey(call.Thumbprint, proof.id), proof.issuedAt.Add(v.maxAge+clockSkew)
	var fresh bool
	var err error
	if v.store != nil {
		fresh, err = v.store.Add(ctx, key, until)
	} else {
		fresh, err = v.memory.add(partyOf(call), key, call.Now, until)
	}
	switch {
	case err != nil:
		return refuse(StoreUnavailable, err)
	case !fresh:
		return refuse(Replayed, errReplay)
	}
	return Refusal{}
}

// storeKey is what a Store remembers of a proof. jti alone would let one client spend another's proof, and is of any
// length (RFC 9449 section 11.1). The thumbprint, which is that of a token's cnf as well, would tell whoever reads the Store which proofs are
// of one client. Processes of different versions share stores, so its form stays as it is: with two forms a proof would be good once in each.
func storeKey(thumbprint, jti string) string {
	digest := sha256.Sum256([]byte(thumbprint + "." + jti)) // no thumbprint has a dot
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// FirstNonce is for a client that has to come again anyway, and saves it a round trip; empty where nonces are not in force.
func (v *Verifier) FirstNonce(now time.Time) string {
	if v.nonces == nil {
		return ""
	}
	return v.nonces.issue(now)
}
