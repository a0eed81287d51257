package names

import (
	"sync"
	"sync/atomic"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// names are what a token can be named by in entries, by the places of the kinds under one secret after the other. They are costly to make.
type names struct {
	of      entries.Digest // by the hasher of this process
	unhitBy atomic.Uint64  // how many entries had come when none of them hit the token
	stamps  [entries.Secrets * entries.Places]uint16
	digests []entries.Digest
}

const (
	kept       = 1 << 15
	keptStamps = 1 << 14
)

// Cache keeps the names of the tokens that came last, and says which of them have to be looked up. It is safe for concurrent use.
type Cache struct {
	hasher Hasher
	seal   *sealed.Sealer
	table  *entries.Table
	pairs  [kept / 2][2]atomic.Pointer[names] // of each the one that came last is in front

	// Entries are numbered as they come. The stamp of a name is the number of the last entry about it, or about another name that has
	// the same place; the first place is of names that a token does not have. came is the last number: that entry and all before it are in the
	// table and have their stamps.
	came   atomic.Uint64
	stamps [1 + keptStamps]atomic.Uint64
	coming sync.Mutex
}

// NewCache makes a Cache in front of a table.
func NewCache(seal *sealed.Sealer, table *entries.Table) *Cache {
	return &Cache{hasher: NewHasher(), seal: seal, table: table}
}

func stampOf(d entries.Digest) uint16 { return 1 + (uint16(d[0])|uint16(d[1])<<8)%keptStamps }

// Add must be called for every entry once it is in the table, and before anybody is told that it holds.
func (c *Cache) Add(d entries.Digest) {
	c.coming.Lock()
	defer c.coming.Unlock()
	n := c.came.Load() + 1
	c.stamps[stampOf(d)].Store(n)
	c.came.Store(n)
}

// Hit returns the place of the kind of an entry that hits the token; -1: none does. Of a token that was not hit before, only those names are
// looked up that may have had an entry since. An entry that goes makes no difference to such a token.
func (c *Cache) Hit(t *Token) (place int) {
	known := c.names(t)
	came := c.came.Load() // before the look-ups, so that what comes during them is seen next time
	before := known.unhitBy.Load()
	for i, stamp := range known.stamps[:len(known.digests)] {
		if c.stamps[stamp].Load() > before && c.table.Has(known.digests[i], t.Issued) {
			return i % entries.Places
		}
	}
	known.unhitBy.Store(came)
	return -1
}

func (c *Cache) names(t *Token) *names {
	of := c.hasher.of(t)
	pair := &c.pairs[(int(of[0])|int(of[1])<<8)%len(c.pairs)]
	for i := range pair {
		if kept := pair[i].Load(); kept != nil && kept.of == of {
			return kept
		}
	}
	made := &names{of: of, digests: make([]entries.Digest, c.seal.Secrets()*entries.Places)}
	for i := range made.digests {
		if place := i % entries.Places; t.Has(place) {
			made.digests[i] = c.seal.Digest(i/entries.Places, place, t.Issuer, t.Values[place])
			made.stamps[i] = stampOf(made.digests[i])
		}
	}
	pair[1].Store(pair[0].Load())
	pair[0].Store(made)
	return made
}
