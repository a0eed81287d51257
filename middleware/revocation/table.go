package revocation

import (
	"errors"
	"hash/maphash"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull says that a List holds as many live entries as it may (Config.MaxEntries), so that the entry holds nowhere. Nothing was
// forgotten for it.
var ErrFull = errors.New("revocation: the list is full of live entries: raise Config.MaxEntries, or revoke by subject or issuer")

// digest is what an entry is known by in memory. It is long enough that no two entries share one by chance, and nobody outside can make
// two that do, because the key is of this process.
type digest [16]byte

// hasher makes digests.
type hasher [2]maphash.Seed

func newHasher() hasher { return hasher{maphash.MakeSeed(), maphash.MakeSeed()} }

func (h hasher) digest(place int, issuer, value string) (d digest) {
	for half, seed := range h {
		var m maphash.Hash
		m.SetSeed(seed)
		_ = m.WriteByte(byte(place))
		_ = m.WriteByte(byte(len(issuer)))
		_ = m.WriteByte(byte(len(issuer) >> 8))
		_, _ = m.WriteString(issuer)
		_, _ = m.WriteString(value)
		sum := m.Sum64()
		for i := range 8 {
			d[8*half+i] = byte(sum >> (8 * i))
		}
	}
	return d
}

// record is one entry, without what it names.
type record struct {
	before uint32 // unix seconds; 0: whenever it was issued
	until  uint32 // unix seconds
}

// hits reports whether a token of this iat is revoked. Dates are compared by whole seconds, as most servers write no other.
func (r record) hits(issued time.Time) bool {
	return r.before == 0 || issued.IsZero() || issued.Unix() <= int64(r.before)
}

// table holds the entries.
type table struct {
	most int

	size   atomic.Int64
	used   [len(kinds)]atomic.Bool // a kind that was never revoked costs no look-up
	shards [64]shard

	sweeping  sync.Mutex
	sweptFull time.Time // when the whole table was last swept because it was full; guarded by sweeping
}

// shard is a part of the table with a lock of its own. Several entries of one digest, with different dates, are rare and stand apart.
type shard struct {
	mu      sync.RWMutex
	first   map[digest]record
	further map[digest][]record
	size    int
	sweepAt int
}

const leastSweep = 64

func newTable(most int) *table {
	t := &table{most: most}
	for i := range t.shards {
		t.shards[i] = shard{first: make(map[digest]record), further: make(map[digest][]record), sweepAt: leastSweep}
	}
	return t
}

func (t *table) shard(d digest) *shard { return &t.shards[d[0]%byte(len(t.shards))] }

// has reports whether an entry under d hits a token of this iat.
func (t *table) has(d digest, issued time.Time) bool {
	s := t.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.first[d]
	if !ok {
		return false
	}
	return r.hits(issued) || len(s.further) > 0 && slices.ContainsFunc(s.further[d], func(r record) bool { return r.hits(issued) })
}

// add enters an entry. One that says no more than what is there already is dropped.
func (t *table) add(place int, d digest, added record, now time.Time) error {
	if int(t.size.Load()) >= t.most {
		t.sweepAll(now)
	}
	s := t.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	t.used[place].Store(true)
	known, ok := s.first[d]
	switch {
	case ok && (known.covers(added) || slices.ContainsFunc(s.further[d], func(r record) bool { return r.covers(added) })):
		return nil
	case ok && added.covers(known):
		s.first[d] = added
		return nil
	}
	if s.size >= s.sweepAt {
		t.size.Add(-int64(s.sweep(now)))
	}
	if t.size.Add(1) > int64(t.most) {
		t.size.Add(-1)
		return ErrFull
	}
	if _, ok := s.first[d]; ok {
		s.further[d] = append(s.further[d], added)
	} else {
		s.first[d] = added
	}
	s.size++
	return nil
}

// covers reports whether r hits all that other does, for as long.
func (r record) covers(other record) bool {
	return r.until >= other.until && (r.before == 0 || other.before != 0 && r.before >= other.before)
}

// remove forgets what stands under d.
func (t *table) remove(d digest) (found bool) {
	s := t.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.first[d]; !ok {
		return false
	}
	gone := 1 + len(s.further[d])
	delete(s.first, d)
	delete(s.further, d)
	s.size -= gone
	t.size.Add(-int64(gone))
	return true
}

// sweepAll looks for room in a table that is full, once a second at most: that nothing has ended is soon known.
func (t *table) sweepAll(now time.Time) {
	t.sweeping.Lock()
	defer t.sweeping.Unlock()
	if !t.sweptFull.IsZero() && now.Sub(t.sweptFull) < time.Second {
		return
	}
	t.sweptFull = now
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		t.size.Add(-int64(s.sweep(now)))
		s.mu.Unlock()
	}
}

// sweep forgets the entries that have ended, and returns how many. The caller holds mu. It runs when the shard has doubled, so that each
// entry pays for it once.
func (s *shard) sweep(now time.Time) (gone int) {
	before := s.size
	second := uint32(now.Unix())
	ended := func(r record) bool { return r.until < second }
	for d, list := range s.further {
		kept := slices.DeleteFunc(list, ended)
		s.size -= len(list) - len(kept)
		s.further[d] = kept
		if len(kept) == 0 {
			delete(s.further, d)
		}
	}
	for d, r := range s.first {
		if !ended(r) {
			continue
		}
		s.size--
		list := s.further[d]
		if len(list) == 0 {
			delete(s.first, d)
			continue
		}
		s.first[d], s.further[d] = list[0], list[1:]
		if len(list) == 1 {
			delete(s.further, d)
		}
	}
	s.sweepAt = max(leastSweep, 2*s.size)
	return before - s.size
}
