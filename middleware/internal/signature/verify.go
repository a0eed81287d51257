// Package signature finds the key that verifies a JWS, and tells whether that key is still its issuer's. Which algorithms an issuer may
// use, and what the token claims, is for the judge.
package signature

import (
	"context"
	"errors"
	"slices"

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

// ErrTooManyKeys says that the issuer publishes more keys of one name than a token is tried with, so that a good one may fail.
var ErrTooManyKeys = errors.New("the issuer publishes more keys that fit the token's kid and algorithm than are tried, and none of those tried " +
	"verifies it: give each key a kid of its own, and let tokens name it")

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

// Verify returns the one of keys that made the signature, of as many as jwks.Tries lets a token be tried with. If there are more, and
// none of those made it, the error is ErrTooManyKeys.
func Verify(keys []*jwks.Key, header compact.Header, signingInput string, signature []byte, mayServe func(*jwks.Key) bool) (Ref, error) {
	tried, more := jwks.Tries(header.KeyID, serving(keys, header.Algorithm, mayServe))
	for _, key := range tried {
		if key.Verify(signingInput, signature) == nil {
			return Ref{Key: key, KeyID: header.KeyID, Algorithm: header.Algorithm}, nil
		}
	}
	if more {
		return Ref{}, ErrTooManyKeys
	}
	return Ref{}, errSignature
}

// serving leaves out keys that may not serve, and those of another algorithm, which a source of the application's own could answer.
func serving(keys []*jwks.Key, algorithm string, mayServe func(*jwks.Key) bool) []*jwks.Key {
	serves := func(key *jwks.Key) bool { return key.Algorithm() == algorithm && mayServe(key) }
	for i, key := range keys {
		if serves(key) {
			continue
		}
		kept := slices.Clone(keys[:i])
		for _, later := range keys[i+1:] {
			if serves(later) {
				kept = append(kept, later)
			}
		}
		return kept
	}
	return keys
}
