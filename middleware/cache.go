package middleware

import (
	"crypto/sha256"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

// digest stands for a token wherever one is remembered, so that the token itself is not.
type digest [sha256.Size]byte

// digestOf hashes without allocating, however long text is: converting it for Sum256 would copy all of it.
func digestOf(text string) (d digest) {
	hash := sha256.New()
	var room [512]byte
	for len(text) > 0 {
		n := copy(room[:], text)
		_, _ = hash.Write(room[:n]) // never fails
		text = text[n:]
	}
	hash.Sum(d[:0])
	return d
}

// presented is the token of a request, and what it is recognised by. Of a JWT only the signature is hashed: what it signs is
// compared as it stands, which takes a small part of the time of hashing it, and without its signature it is no token.
type presented struct {
	raw    string
	signed string // a JWT's header and payload with the dot between them; empty for a token without two dots
	digest digest // of what follows
	form   form   // for a server that is to judge it alone
}

// form is what a token that nobody here has verified looks like.
type form int

const (
	opaqueForm form = iota
	joseForm        // a JWT
	accessForm      // a JWT whose typ is at+jwt: if its server vouches for it, it does so for the typ as well
)

// present looks for the dots from the front, where a search takes many bytes at a time.
func present(raw string) presented {
	first := strings.IndexByte(raw, '.')
	length := strings.IndexByte(raw[first+1:], '.')
	if length < 0 {
		return presented{raw: raw, digest: digestOf(raw)}
	}
	second := first + 1 + length
	return presented{raw: raw, signed: raw[:second], digest: digestOf(raw[second+1:])}
}

// whole is the digest of the whole token.
func (t presented) whole() digest {
	if t.signed == "" {
		return t.digest
	}
	return digestOf(t.raw)
}

// opaque is t for a token that is no JWT: two dots or not, all of it is a secret.
func (t presented) opaque() presented { return presented{raw: t.raw, digest: t.whole()} }

// tokenCache remembers tokens by their digest, and JWTs by what was signed and the digest of the signature, so that no bearer token
// stays in memory. It holds only what was judged in full and accepted once; what can change since then is judged again on
// every hit, see Validator.judge. Safe for concurrent use; a nil tokenCache remembers nothing.
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

func (c *tokenCache) get(token presented, now time.Time) (*verified, bool) {
	if c == nil {
		return nil, false
	}
	known, ok := c.verified.Peek(token.digest)
	if !ok || known.signed != token.signed {
		return nil, false
	}
	// Which token was used least recently is known to the second, and costs next to nothing.
	if second := now.Unix(); known.usedIn.Load() != second {
		known.usedIn.Store(second)
		c.verified.Get(token.digest)
	}
	if c.maxAge > 0 && time.Since(known.storedAt) > c.maxAge { // on the monotonic clock
		return nil, false
	}
	return known, true
}

// add takes over v, whose text must not be part of one that holds the signature too.
func (c *tokenCache) add(token presented, v *verified) {
	if c == nil {
		return
	}
	if c.maxAge > 0 {
		v.storedAt = time.Now()
	}
	c.verified.Add(token.digest, v)
}
