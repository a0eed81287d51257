// Package signature finds the key that verifies a JWS, and tells whether that key is still its issuer's. Which algorithms an issuer may
// use, and what the token claims, is for the judge.
package signature

import (
	"errors"
	"slices"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// Ref remembers which key has verified a JWS, and how it was found.
type Ref struct {
	Key    *jwks.Key // nil: none has
	Header *Header   // that named it; nil where none was read
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

// Verify returns the one of keys that made the signature, of as many as jwks.Tries lets a token be tried with. If there are more, and
// none of those made it, the error is ErrTooManyKeys.
func Verify(keys []*jwks.Key, header compact.Header, signingInput string, signature []byte, mayServe func(*jwks.Key) bool) (*jwks.Key, error) {
	tried, more := jwks.Tries(header.KeyID, serving(keys, header.Algorithm, mayServe))
	for _, key := range tried {
		if key.Verify(signingInput, signature) == nil {
			return key, nil
		}
	}
	if more {
		return nil, ErrTooManyKeys
	}
	return nil, errSignature
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
