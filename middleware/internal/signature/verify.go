// Package signature finds the key that verifies a JWS, and tells whether that key is still its issuer's. Which algorithms an issuer may
// use, and what the token claims, is for the judge.
package signature

import (
	"context"
	"errors"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// KeySource finds the keys that may have made a signature: middleware.KeySource.
type KeySource interface {
	VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error)
}

// Ref remembers which key has verified a JWS, and how it was found.
type Ref struct {
	Key              *jwks.Key // nil: none has
	KeyID, Algorithm string    // of the header
}

// Outcome says how the search for a key ended. Every outcome but Found comes with an error.
type Outcome int

// The outcomes.
const (
	Found       Outcome = iota
	Unknown             // the issuer has no such key
	Unavailable         // whether there is one cannot be told
)

var (
	errNoSuchKey = errors.New("the key source knows no such key")
	errSignature = errors.New("no key of the issuer verifies the signature")
	errKeyGone   = errors.New("the key that had verified the token is no longer among the issuer's keys")
	errForeign   = errors.New("the issuer publishes the key for another iss (its JWK has a member issuer): " +
		"if both are names of one server, add that name to Issuer.Aliases")
)

// Find asks the source for the keys that may have signed under this header. Of those, keys for which mayServe is false do not count.
func Find(ctx context.Context, source KeySource, header compact.Header, mayServe func(*jwks.Key) bool) ([]*jwks.Key, Outcome, error) {
	keys, outcome, err := candidates(ctx, source, header.KeyID, header.Algorithm)
	if outcome != Found {
		return nil, outcome, err
	}
	for _, key := range keys {
		if mayServe(key) {
			return keys, Found, nil
		}
	}
	return nil, Unknown, errForeign
}

// candidates asks the source. Not finding a key is a verdict; not being able to tell is none.
func candidates(ctx context.Context, source KeySource, kid, alg string) ([]*jwks.Key, Outcome, error) {
	keys, err := source.VerificationKeys(ctx, kid, alg)
	switch {
	case errors.Is(err, jwks.ErrKeyNotFound):
		return nil, Unknown, err
	case err != nil:
		return nil, Unavailable, err
	case len(keys) == 0:
		return nil, Unknown, errNoSuchKey
	}
	return keys, Found, nil
}

// maxTries bounds the signature checks that one token can cause.
const maxTries = 4

// Verify returns the one of keys that made the signature.
func Verify(keys []*jwks.Key, header compact.Header, signingInput string, signature []byte, mayServe func(*jwks.Key) bool) (Ref, error) {
	tries := 0
	for _, key := range keys {
		// A KeySource of the application's own could answer a key of another algorithm.
		if key.Algorithm() != header.Algorithm || tries == maxTries || !mayServe(key) {
			continue
		}
		if tries++; key.Verify(signingInput, signature) == nil {
			return Ref{Key: key, KeyID: header.KeyID, Algorithm: header.Algorithm}, nil
		}
	}
	return Ref{}, errSignature
}
