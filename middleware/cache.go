package middleware

import (
	"crypto/sha256"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

// digest stands for a token wherever one is remembered, so that the token itself is not.
type digest [sha256.Size]byte

// digestOf hashes tokens of ordinary length without allocating: the compiler cannot see that Sum256 only reads.
func digestOf(raw string) digest {
	var ordinary [2 << 10]byte
	if len(raw) > len(ordinary) {
		return sha256.Sum256([]byte(raw))
	}
	return sha256.Sum256(ordinary[:copy(ordinary[:], raw)])
}

// tokenCache remembers verified JWTs by the SHA-256 digest of the whole token, so that no bearer token stays in memory.
// It holds only what was verified in full and accepted once; what can change since then is judged again on every hit, see
// Validator.judge. Safe for concurrent use; a nil tokenCache remembers nothing.
type tokenCache struct {
	verified *shards.Cache[*verified]
	maxAge   time.Duration // zero: no limit
}

func newTokenCache(entries int, maxAge time.Duration) *tokenCache {
	if entries < 0 {
		return nil
	}
	return &tokenCache{verified: shards.New[*verified](entries), maxAge: maxAge}
}

func (c *tokenCache) get(key digest) (*verified, bool) {
	if c == nil {
		return nil, false
	}
	known, ok := c.verified.Get(key)
	if ok && c.maxAge > 0 && time.Since(known.storedAt) > c.maxAge { // on the monotonic clock
		return nil, false
	}
	return known, ok
}

func (c *tokenCache) add(key digest, v *verified) {
	if c != nil {
		c.verified.Add(key, v)
	}
}
