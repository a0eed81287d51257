package jwks

import (
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
	"github.com/cardea-auth/cardea/jwks/internal/keydoc"
)

// keySet is what a JWKS document holds for us.
type keySet struct {
	entries []*entry
	skipped []skip
}

// skip says which key of a document is not used, and why. Its text is ours, never that of the document.
type skip struct {
	index  int
	reason error
}

func (s skip) String() string { return fmt.Sprintf("key %d: %v", s.index, s.reason) }

var (
	errAlgorithm   = errors.New("its alg is not supported")
	errMismatch    = errors.New("its alg does not fit its type, curve or size")
	errUnsupported = errors.New("its kty or crv is not supported, or its type, size or exponent is not allowed")
)

// parseSet skips each key of a document that is of no use. The error is for the document as a whole.
func parseSet(document []byte) (keySet, error) {
	readings, err := keydoc.ReadSet(document)
	if err != nil {
		return keySet{}, fmt.Errorf("the key set is refused: %w", err)
	}
	var set keySet
	for i, reading := range readings {
		e, err := entryOf(reading)
		if err != nil {
			set.skipped = append(set.skipped, skip{i, err})
			continue
		}
		set.entries = append(set.entries, e)
	}
	return set, nil
}

func entryOf(reading keydoc.Reading) (*entry, error) {
	if reading.Err != nil {
		return nil, reading.Err
	}
	return newEntry(reading.JWK.ID, reading.JWK.Issuer, reading.JWK.Algorithm, reading.JWK.Public)
}

// unusable is nil if there is a key to verify with.
func (s keySet) unusable() error {
	if len(s.entries) > 0 {
		return nil
	}
	if len(s.skipped) == 0 {
		return errors.New("the key set is empty; if the issuer signs with a shared secret, use HMAC")
	}
	const shown = 5
	var reasons []string
	for _, skipped := range s.skipped[:min(shown, len(s.skipped))] {
		reasons = append(reasons, skipped.String())
	}
	return fmt.Errorf("the key set holds no usable key, %d skipped (%s)", len(s.skipped), strings.Join(reasons, "; "))
}

// newEntry judges a public key with the rules that hold whatever it was read from. An empty alg is none.
func newEntry(id, issuer, alg string, public crypto.PublicKey) (*entry, error) {
	if err := jwa.Broken(public); err != nil {
		return nil, err // rather than "does not fit": its owner must hear of it
	}
	e := &entry{id: id, issuer: issuer, material: seal(public)}
	if alg == "" {
		if len(jwa.Fitting(public)) == 0 {
			return nil, errUnsupported
		}
		return e, nil
	}
	e.alg = jwa.Named(alg)
	if e.alg == nil {
		return nil, errAlgorithm
	}
	if e.alg.Symmetric() || e.alg.Check(public) != nil {
		return nil, errMismatch
	}
	return e, nil
}
