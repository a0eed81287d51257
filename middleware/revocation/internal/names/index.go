package names

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

const keptStamps = 1 << 14

// Index says which tokens the entries of a table hit, where these are known by digests that are costly to make. It is safe for concurrent use.
type Index struct {
	seal  *sealed.Sealer
	table *entries.Table

	// Entries are numbered as they come. The stamp of a name is the number of the last entry about it, or about another name that has
	// the same place. came is the last number: that entry and all before it are in the table and have their stamps.
	came   atomic.Uint64
	stamps [keptStamps]atomic.Uint64
	coming sync.Mutex
}

// NewIndex makes an Index of a table.
func NewIndex(seal *sealed.Sealer, table *entries.Table) *Index {
	return &Index{seal: seal, table: table}
}

// Add must be called for every entry once it is in the table, and before anybody is told that it holds.
func (x *Index) Add(d entries.Digest) {
	x.coming.Lock()
	defer x.coming.Unlock()
	n := x.came.Load() + 1
	x.stamps[stampOf(d)].Store(n)
	x.came.Store(n)
}

func stampOf(d entries.Digest) uint16 { return (uint16(d[0]) | uint16(d[1])<<8) % keptStamps }

// Hit returns the place of the kind of an entry that hits the token; -1: none does.
func (x *Index) Hit(t *Token) (place int) {
	for secret := range x.seal.Secrets() {
		for place, value := range t.Values {
			if t.Has(place) && x.table.Used(secret, place) && x.table.Has(x.seal.Digest(secret, place, t.Issuer, value), t.Issued) {
				return place
			}
		}
	}
	return -1
}

// Known is a token whose names are kept because it comes again. It is safe for concurrent use.
type Known struct {
	index   *Index
	issued  time.Time
	names   []name
	unhitBy atomic.Uint64 // how many entries had come when none of them hit the token
}

// name is what a token can be named by in entries, under one of the secrets.
type name struct {
	digest entries.Digest
	stamp  uint16
	place  uint8
}

// Known makes the names of a token.
func (x *Index) Known(t *Token) *Known {
	k := &Known{index: x, issued: t.Issued, names: make([]name, 0, x.seal.Secrets()*t.named())}
	for secret := range x.seal.Secrets() {
		for place, value := range t.Values {
			if t.Has(place) {
				d := x.seal.Digest(secret, place, t.Issuer, value)
				k.names = append(k.names, name{d, stampOf(d), uint8(place)})
			}
		}
	}
	return k
}

// Hit is Index.Hit. Of a token that was not hit before, only those names are looked up that may have had an entry since. An entry that goes
// makes no difference to such a token.
func (k *Known) Hit() (place int) {
	came := k.index.came.Load() // before the look-ups, so that what comes during them is seen next time
	before := k.unhitBy.Load()
	for i := range k.names {
		name := &k.names[i]
		if k.index.stamps[name.stamp].Load() > before && k.index.table.Has(name.digest, k.issued) {
			return int(name.place)
		}
	}
	k.unhitBy.Store(came)
	return -1
}
