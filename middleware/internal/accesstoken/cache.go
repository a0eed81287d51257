package accesstoken

import (
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

// Key is what remembers a token.
type Key = shards.Key

// Presented is the token of a request, and what it is recognised by. Of a JWT only the signature is hashed: what it signs is
// compared with the claims that are kept, which takes half the time of hashing it, and without its signature it is no token.
type Presented struct {
	raw    string
	signed string // a JWT's header and payload with the dot between them; empty for a token without two dots
	key    Key    // of what follows
	form   form   // for a server that is to judge it alone
}

// form is what a token that nobody here has verified looks like.
type form int

const (
	opaqueForm form = iota
	joseForm        // a JWT
	accessForm      // a JWT whose typ is at+jwt: if its server vouches for it, it does so for the typ as well
)

// Present looks for the dots from the front, where a search takes many bytes at a time.
func Present(raw string) Presented {
	first := strings.IndexByte(raw, '.')
	length := strings.IndexByte(raw[first+1:], '.')
	if length < 0 {
		return Presented{raw: raw, key: shards.KeyOf(raw)}
	}
	second := first + 1 + length
	return Presented{raw: raw, signed: raw[:second], key: shards.KeyOf(raw[second+1:])}
}

// WholeKey is the SHA-256 of the whole token, as the ath of a DPoP proof has it (RFC 9449 section 4.2).
func (p Presented) WholeKey() Key {
	if p.signed == "" {
		return p.key
	}
	return shards.KeyOf(p.raw)
}

// In reports whether text holds the token, for those who are about to show it.
func (p Presented) In(text string) bool { return p.raw != "" && strings.Contains(text, p.raw) }

// opaque is p for a token that is no JWT: two dots or not, all of it is a secret.
func (p Presented) opaque() Presented { return Presented{raw: p.raw, key: p.WholeKey()} }

// cache remembers tokens by their Key, and JWTs by what was signed and the Key of the signature, so that no bearer token
// stays in memory. It holds only what was judged in full and accepted once; what can change since then is judged again on
// every hit, see judgement.judge. Safe for concurrent use; a nil cache remembers nothing.
type cache struct {
	verified *shards.Cache[Verified, *Verified]
	maxAge   time.Duration // zero: no limit
	made     time.Time
}

func newCache(most shards.Limits, maxAge time.Duration) *cache {
	if most.Entries < 0 {
		return nil
	}
	return &cache{verified: shards.New[Verified](most), maxAge: maxAge, made: time.Now()}
}

func (c *cache) get(token Presented) (*Verified, bool) {
	if c == nil {
		return nil, false
	}
	known, ok := c.verified.Get(token.key)
	if !ok || !known.signs(token.signed) {
		return nil, false
	}
	if c.maxAge > 0 && time.Since(c.made)-known.storedAfter > c.maxAge { // on the monotonic clock
		return nil, false
	}
	return known, true
}

// add takes over v, of whose text no part of the signature may be within reach.
func (c *cache) add(token Presented, v *Verified) {
	if c == nil {
		return
	}
	if c.maxAge > 0 {
		v.storedAfter = time.Since(c.made)
	}
	c.verified.Add(token.key, v, v.size())
}
