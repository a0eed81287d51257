package middleware

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

// boundCall stands for the call for which the possession of a bound token was proven: the scheme, the method, the target, the proof and
// what shows the certificate (RFC 9449 section 4.3, points 8 and 9; RFC 8705 section 3). It is a digest, so that no proof is kept.
type boundCall [sha256.Size]byte

// boundCall returns nil for a token that whoever holds it may use: its verdict does not depend on the call.
func (p *policy) boundCall(c *call, v *accesstoken.Verified) *boundCall {
	if v.Bound.None() {
		return nil
	}
	var buf [10 * sha256.Size]byte // more than the parts of an ordinary call
	parts := appendDigests(buf[:0], string(c.scheme), c.Method, c.Target)
	parts = appendList(parts, c.values("Dpop"))
	if c.Certificate != nil {
		digest := sha256.Sum256(c.Certificate.Raw)
		parts = append(parts, digest[:]...)
	}
	if header := p.certificates.Header(); header != "" {
		parts = appendDigests(parts, c.RemoteAddr)
		parts = appendList(parts, c.values(header))
	}
	whole := boundCall(sha256.Sum256(parts))
	return &whole
}

// equal compares calls of tokens that are equally bound.
func (b *boundCall) equal(other *boundCall) bool {
	return b == nil && other == nil || b != nil && other != nil && *b == *other
}

// appendList puts the number of fields before them, so that no two lists are written alike.
func appendList(parts []byte, fields []string) []byte {
	return appendDigests(binary.BigEndian.AppendUint64(parts, uint64(len(fields))), fields...)
}

// appendDigests writes each field in the same number of bytes, whatever is in it, and without copying it.
func appendDigests(parts []byte, fields ...string) []byte {
	for _, field := range fields {
		key := shards.KeyOf(field)
		parts = append(parts, key[:]...)
	}
	return parts
}
