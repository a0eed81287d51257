package jwks

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

// tie joins the Keys made from one JWK that names no algorithm: the first algorithm that is bound is the only one.
type tie struct{ bound atomic.Pointer[bond] }

type bond struct {
	alg *jwa.Algorithm
	by  string // completes "the JWK names no alg and …"
}

const (
	byUse      = "has been used with"
	byMetadata = "the issuer's metadata says that it signs with"
)

// bind returns the bond that counts: the first. It writes only if there is none yet.
func (t *tie) bind(alg *jwa.Algorithm, by string) *bond {
	if held := t.bound.Load(); held != nil {
		return held
	}
	t.bound.CompareAndSwap(nil, &bond{alg, by})
	return t.bound.Load()
}

// ErrAlgorithmConflict is wrapped by the error of [Key.Bind]. The issuer's keys and its tokens disagree, or nobody has said which
// algorithm is right; a token that is good in all else is no worse for it, and is best not judged.
var ErrAlgorithmConflict = errors.New("jwks: one key for two algorithms")

// Bind ties the JWK behind k to k's algorithm, for good. A key must be used with one algorithm only (RFC 8725bis section 3.1), but
// an RSA JWK that names none fits six, and a key source then offers a Key for whichever the token asks. Bind returns nil if
// k's algorithm is the one that the JWK is tied to, or the first. Otherwise its error wraps [ErrAlgorithmConflict] and names both
// algorithms and the remedy. Whoever is bound first decides, so call it only for a token that has been accepted in full, and not if
// the algorithms of the issuer are configured. A [Cache] with an Issuer has tied the key already if the metadata leaves one choice. For
// a key that named its algorithm Bind is always nil. It writes once at most. Verify does not look at it.
func (k *Key) Bind() error {
	if k.zero() || k.tie == nil {
		return nil
	}
	held := k.tie.bind(k.alg, byUse)
	if held.alg == k.alg {
		return nil
	}
	return fmt.Errorf("%w: the JWK names no alg and %s %s, so it is not good for %s; set the issuer's Algorithms to what its tokens are signed with, or let its JWK name an alg",
		ErrAlgorithmConflict, held.by, held.alg.Name(), k.alg.Name())
}

// settle ties each JWK that names no algorithm to the one that its issuer says it signs with, if that leaves one choice. A JWK that is
// tied already stays as it is.
func (t *table) settle(signs []string) {
	for _, e := range t.entries {
		var fit []*Key
		for _, k := range e.keys {
			if k.tie != nil && slices.Contains(signs, k.alg.Name()) {
				fit = append(fit, k)
			}
		}
		if len(fit) == 1 {
			fit[0].tie.bind(fit[0].alg, byMetadata)
		}
	}
}
