package middleware

import (
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The ceilings of the ReplayStore of this process, which no request could reach in the time of a test.
const (
	MaxProofs          = maxProofs
	MaxProofsPerClient = maxProofsPerClient
)

// NewReplays makes a ReplayStore as New does.
func NewReplays(clock func() time.Time) ReplayStore { return newReplays(clock) }

// Remembered returns the number of proofs that it holds.
func Remembered(s ReplayStore) int { return s.(*replays).total }

// ProofKey reads the jwk of a proof.
func ProofKey(jwk, algorithm string) (*jwks.Key, error) {
	value, err := strictjson.Parse(jwk)
	if err != nil {
		return nil, err
	}
	return readJWK(value, algorithm)
}
