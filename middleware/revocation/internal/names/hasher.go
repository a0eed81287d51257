// Package names says by what tokens can be named in entries, and which of the names of one that comes again have to be looked up.
package names

import (
	"encoding/binary"
	"hash/maphash"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
)

// Token is everything about a token that decides whether an entry hits it.
type Token struct {
	Issuer string
	Values [entries.Places]string // by the places of the kinds; empty: it cannot be named so
	Issued time.Time
}

// wholeIssuer is the place of the kind that names a token by its issuer alone, so that there is no value.
const wholeIssuer = entries.Places - 1

// Has reports whether the token can be named by this kind.
func (t *Token) Has(place int) bool { return t.Values[place] != "" || place == wholeIssuer }

// named is how many kinds the token can be named by.
func (t *Token) named() (n int) {
	for place := range t.Values {
		if t.Has(place) {
			n++
		}
	}
	return n
}

// Hasher makes the digests of this process.
type Hasher [2]maphash.Seed

// NewHasher makes a Hasher unlike all others.
func NewHasher() Hasher { return Hasher{maphash.MakeSeed(), maphash.MakeSeed()} }

// Digest is what an entry is known by that names issuer and value.
func (h Hasher) Digest(place int, issuer, value string) entries.Digest {
	var space [1 + 2*maxWritten]byte
	return h.sum(h.write(h.write(append(space[:0], byte(place)), issuer), value))
}

func (h Hasher) sum(b []byte) (d entries.Digest) {
	for half, seed := range h {
		binary.LittleEndian.PutUint64(d[8*half:], maphash.Bytes(seed, b))
	}
	return d
}

// longestWritten is how long a text may be that is hashed together with others. Of a longer one the hash is taken instead, so that nothing
// is allocated for it.
const (
	longestWritten = 63
	maxWritten     = 1 + longestWritten
)

// write appends a text so that it cannot be mistaken for a part of its neighbours.
func (h Hasher) write(b []byte, text string) []byte {
	if len(text) <= longestWritten {
		return append(append(b, byte(len(text))), text...)
	}
	b = append(b, longestWritten+1)
	for _, seed := range h {
		b = binary.LittleEndian.AppendUint64(b, maphash.String(seed, text))
	}
	return b
}
