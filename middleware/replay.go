package middleware

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// ReplayStore remembers DPoP proofs until they expire. Add puts key in and reports whether it was not there yet, as one
// atomic step; an error is 503. It must be safe for concurrent use. A store that several processes share makes a proof
// good once among all of them; keys are digests of fixed length and hold nothing of the proof.
type ReplayStore interface {
	Add(ctx context.Context, key string, until time.Time) (fresh bool, err error)
}

// replayKey is what a ReplayStore remembers of a proof. jti alone would let one client spend another's proof, and is of any
// length (RFC 9449 section 11.1). Processes of different versions share stores, so its form stays as it is: with two forms a proof
// would be good once in each.
func replayKey(thumbprint, jti string) string {
	digest := sha256.Sum256([]byte(jti))
	return thumbprint + "." + base64.RawURLEncoding.EncodeToString(digest[:])
}
