package revocation

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// hasher makes the digests of this process.
type hasher [2]maphash.Seed

func newHasher() hasher { return hasher{maphash.MakeSeed(), maphash.MakeSeed()} }

func (h hasher) digest(place int, issuer, value string) (d entries.Digest) {
	for half, seed := range h {
		var m maphash.Hash
		m.SetSeed(seed)
		_ = m.WriteByte(byte(place))
		writeText(&m, issuer)
		_, _ = m.WriteString(value)
		setHalf(&d, half, m.Sum64())
	}
	return d
}

// of is the digest of all values of a token together.
func (h hasher) of(t *middleware.TokenFacts) (d entries.Digest) {
	for half, seed := range h {
		var m maphash.Hash
		m.SetSeed(seed)
		writeText(&m, t.Issuer)
		for _, value := range valuesOf(t) {
			writeText(&m, value)
		}
		setHalf(&d, half, m.Sum64())
	}
	return d
}

// writeText writes a text so that it cannot be mistaken for a part of its neighbours.
func writeText(m *maphash.Hash, text string) {
	var length [4]byte
	for i := range length {
		length[i] = byte(len(text) >> (8 * i))
	}
	_, _ = m.Write(length[:])
	_, _ = m.WriteString(text)
}

func setHalf(d *entries.Digest, half int, sum uint64) {
	for i := range 8 {
		d[8*half+i] = byte(sum >> (8 * i))
	}
}

// names are the digests of one token under each secret, by the places of the kinds. They are costly to make, so they are kept for tokens
// that come again.
type names struct {
	of  entries.Digest // by the hasher of this process
	all [][entries.Places]entries.Digest
}

const keptNames = 1 << 15

// nameCache keeps the names of the tokens that came last. One that falls into the place of another takes it.
type nameCache struct {
	hasher hasher
	seal   *sealed.Sealer
	slots  []atomic.Pointer[names]
}

func newNameCache(seal *sealed.Sealer) *nameCache {
	return &nameCache{hasher: newHasher(), seal: seal, slots: make([]atomic.Pointer[names], keptNames)}
}

func (c *nameCache) names(t *middleware.TokenFacts) *names {
	of := c.hasher.of(t)
	slot := &c.slots[(int(of[0])|int(of[1])<<8)%len(c.slots)]
	if kept := slot.Load(); kept != nil && kept.of == of {
		return kept
	}
	made := &names{of: of, all: make([][entries.Places]entries.Digest, c.seal.Secrets())}
	for place, value := range valuesOf(t) {
		if kinds[place].names() == (value == "") {
			continue
		}
		for i := range made.all {
			made.all[i][place] = c.seal.Digest(i, place, t.Issuer, value)
		}
	}
	slot.Store(made)
	return made
}

// valuesOf are the values of a token by the places of their kinds.
func valuesOf(t *middleware.TokenFacts) [len(kinds)]string {
	return [...]string{t.ID, t.SessionID, t.Subject, t.ClientID, ""}
}
