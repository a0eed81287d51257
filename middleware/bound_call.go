package middleware

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
)

// boundCall stands for the call for which the possession of a bound token was proven: the scheme, the method, the target, the proof and
// what shows the certificate (RFC 9449 section 4.3, points 8 and 9; RFC 8705 section 3). It is a digest, so that no proof is kept.
type boundCall [sha256.Size]byte

// boundCall returns nil for a token that whoever holds it may use: its verdict does not depend on the call.
func (p *policy) boundCall(c *call, v *accesstoken.Verified) *boundCall {
	if v.Bound.None() {
		return nil
	}
	sum := sha256.New()
	writeField(sum, string(c.scheme))
	writeField(sum, c.Method)
	writeField(sum, c.Target)
	writeFields(sum, c.values("Dpop"))
	if c.Certificate != nil {
		writeField(sum, string(c.Certificate.Raw))
	}
	if p.mtls.header != "" {
		writeField(sum, c.RemoteAddr)
		writeFields(sum, c.values(p.mtls.header))
	}
	return (*boundCall)(sum.Sum(nil))
}

// equal compares calls of tokens that are equally bound.
func (b *boundCall) equal(other *boundCall) bool {
	return b == nil && other == nil || b != nil && other != nil && *b == *other
}

// writeFields writes how many fields there are before them, so that no two lists are written alike.
func writeFields(sum hash.Hash, fields []string) {
	writeLength(sum, len(fields))
	for _, field := range fields {
		writeField(sum, field)
	}
}

func writeField(sum hash.Hash, field string) {
	writeLength(sum, len(field))
	_, _ = sum.Write([]byte(field)) // never fails
}

func writeLength(sum hash.Hash, n int) {
	_, _ = sum.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
}
