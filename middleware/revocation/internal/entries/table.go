// Package entries holds what a List knows: entries by their digests, what was undone of them, and who wants to hear of new ones.
package entries

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull says that a List holds as many live entries as it may (Config.MaxEntries), so that the entry holds nowhere. Nothing was
// forgotten for it.
var ErrFull = errors.New("revocation: the list is full of live entries: raise Config.MaxEntries, or revoke by subject or issuer")

// Digest is what an entry is known by. It is long enough that no two entries share one by chance, and nobody outside can make two that
// do, because it depends on a key: one of this process alone or, with a Store, one that is derived from a secret.
type Digest [16]byte

// There are so many kinds of entries, by their places, and so many secrets that digests are made with.
const (
	Places  = 5
	Secrets = 8
)

// Record is one entry, without what it names.
type Record struct {
	Before uint32 // unix seconds; 0: whenever it was issued
	Until  uint32 // unix seconds

	// Label is the identifier that the entry has in a Store, 0 without one, and then eight bits that say of which kind it is and how it
	// is made anew.
	Label uint64
}

// The low bits of a label.
const (
	labelPlace  = 0b0000_0111 // place of the kind
	labelSecret = 0b0111_0000 // index of the secret
	labelOwn    = 0b1000_0000 // this process has made it
)

// NewLabel makes a Label. An id has 56 bits.
func NewLabel(id uint64, place, secret int, own bool) uint64 {
	label := id<<8 | uint64(secret)<<4 | uint64(place)
	if own {
		label |= labelOwn
	}
	return label
}

// ID is the identifier in a Store; 0 without one.
func (r Record) ID() uint64 { return r.Label >> 8 }

// Place is that of the kind.
func (r Record) Place() int { return int(r.Label & labelPlace) }

// Secret is the one that the digest is made with.
func (r Record) Secret() int { return int(r.Label & labelSecret >> 4) }

// Own reports whether this process has made it.
func (r Record) Own() bool { return r.Label&labelOwn != 0 }

// Hits reports whether a token of this iat is revoked. Dates are compared by whole seconds, as most servers write no other.
func (r Record) Hits(issued time.Time) bool {
	return r.Before == 0 || issued.IsZero() || issued.Unix() <= int64(r.Before)
}

// widerThan reports whether r hits more than other.
func (r Record) widerThan(other Record) bool {
	return other.Before != 0 && (r.Before == 0 || r.Before > other.Before)
}

// Covers reports whether r hits all that other does, for as long.
func (r Record) Covers(other Record) bool { return r.Until >= other.Until && !other.widerThan(r) }

// Table holds the entries.
type Table struct {
	most int

	size   atomic.Int64
	used   [Secrets][Places]atomic.Bool // a kind that was never revoked costs no look-up
	shards [64]shard
	lifted lifted

	forgotten atomic.Uint32 // the latest end of an entry that was forgotten as ended; unix seconds

	sweeping  sync.Mutex
	sweptFull time.Time // when the whole table was last swept because it was full; guarded by sweeping
}

// shard is a part of the table with a lock of its own. Entries of one digest beyond one are rare and stand apart; the one that stands in
// front is the widest, so that what it does not hit none of them does.
type shard struct {
	mu      sync.RWMutex
	first   map[Digest]Record
	further map[Digest][]Record
	size    int
	sweepAt int
}

const leastSweep = 64

// NewTable makes a Table of so many entries at most.
func NewTable(most int) *Table {
	t := &Table{most: most, lifted: lifted{most: 2*most + 1024, sweepAt: leastSweep}}
	for i := range t.shards {
		t.shards[i] = shard{first: make(map[Digest]Record), further: make(map[Digest][]Record), sweepAt: leastSweep}
	}
	return t
}

// Size is how many entries there are, some of which may have ended.
func (t *Table) Size() int { return int(t.size.Load()) }

// Used reports whether there ever was an entry of that kind, made with that secret.
func (t *Table) Used(secret, place int) bool { return t.used[secret][place].Load() }

// Forgotten is the latest end of all entries that were forgotten because they had ended. Where that is still ahead, the clock was wrong then.
func (t *Table) Forgotten() time.Time { return time.Unix(int64(t.forgotten.Load()), 0) }

// Forget takes note that an entry was not even entered, because it had ended.
func (t *Table) Forget(r Record) { t.noteEnd(r.Until) }

func (t *Table) noteEnd(until uint32) {
	for {
		known := t.forgotten.Load()
		if until <= known || t.forgotten.CompareAndSwap(known, until) {
			return
		}
	}
}

// Recall begins anew with what was forgotten.
func (t *Table) Recall() { t.forgotten.Store(0) }

// Lift remembers that an entry was undone, in case it comes again or for the first time. Removing it is for the caller.
func (t *Table) Lift(id uint64, until uint32, now time.Time) error {
	return t.lifted.add(id, until, now)
}

// Lifted reports whether an entry was undone.
func (t *Table) Lifted(id uint64) bool { return t.lifted.has(id) }

func (t *Table) shard(d Digest) *shard { return &t.shards[d[0]%byte(len(t.shards))] }

// Has reports whether an entry under d hits a token of this iat.
func (t *Table) Has(d Digest, issued time.Time) bool {
	s := t.shard(d)
	s.mu.RLock()
	r, ok := s.first[d]
	s.mu.RUnlock()
	return ok && r.Hits(issued)
}

// Add enters an entry, and reports whether it was new. One with an identifier is known if it is there or was lifted; without
// identifiers one that says no more than what is there is.
func (t *Table) Add(d Digest, added Record, now time.Time) (isNew bool, _ error) {
	if int(t.size.Load()) >= t.most {
		t.sweepAll(now)
	}
	s := t.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	if added.ID() != 0 && t.lifted.has(added.ID()) {
		return false, nil
	}
	front, ok := s.first[d]
	if ok && (front.repeats(added) || slices.ContainsFunc(s.further[d], func(r Record) bool { return r.repeats(added) })) {
		return false, nil
	}
	t.used[added.Secret()][added.Place()].Store(true)
	if ok && added.ID() == 0 && added.Covers(front) {
		s.first[d] = added
		return true, nil
	}
	if s.size >= s.sweepAt {
		t.sweep(s, now)
		front, ok = s.first[d]
	}
	if t.size.Add(1) > int64(t.most) {
		t.size.Add(-1)
		return false, ErrFull
	}
	switch {
	case !ok:
		s.first[d] = added
	case added.widerThan(front):
		s.first[d], s.further[d] = added, append(s.further[d], front)
	default:
		s.further[d] = append(s.further[d], added)
	}
	s.size++
	return true, nil
}

// repeats reports whether added is known already where r is.
func (r Record) repeats(added Record) bool {
	if added.ID() != 0 {
		return r.ID() == added.ID()
	}
	return r.Covers(added)
}

// Remove forgets what stands under d, or of that only those that are named, and returns how many that were.
func (t *Table) Remove(d Digest, goes func(Record) bool) (gone int) {
	s := t.shard(d)
	s.mu.Lock()
	defer s.mu.Unlock()
	gone = s.drop(d, goes)
	t.size.Add(-int64(gone))
	return gone
}

// Under returns what stands under d.
func (t *Table) Under(d Digest) []Record {
	s := t.shard(d)
	s.mu.RLock()
	defer s.mu.RUnlock()
	front, ok := s.first[d]
	if !ok {
		return nil
	}
	return append([]Record{front}, s.further[d]...)
}

// Each calls visit with every entry, of one shard after the other.
func (t *Table) Each(visit func(Digest, Record)) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		for d, r := range s.first {
			visit(d, r)
			for _, r := range s.further[d] {
				visit(d, r)
			}
		}
		s.mu.RUnlock()
	}
}

// sweepAll looks for room in a table that is full, once a second at most: that nothing has ended is soon known.
func (t *Table) sweepAll(now time.Time) {
	t.sweeping.Lock()
	defer t.sweeping.Unlock()
	if !t.sweptFull.IsZero() && now.Sub(t.sweptFull) < time.Second {
		return
	}
	t.sweptFull = now
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		t.sweep(s, now)
		s.mu.Unlock()
	}
}

// sweep forgets the entries of a shard that have ended. The caller holds its mu. It runs when the shard has doubled, so that each entry pays
// for it once.
func (t *Table) sweep(s *shard, now time.Time) {
	second, gone, last := uint32(now.Unix()), 0, uint32(0)
	ended := func(r Record) bool {
		if r.Until < second {
			last = max(last, r.Until)
			return true
		}
		return false
	}
	for d, front := range s.first {
		if len(s.further) == 0 {
			if ended(front) {
				delete(s.first, d)
				s.size--
				gone++
			}
			continue
		}
		gone += s.drop(d, ended)
	}
	s.sweepAt = max(leastSweep, 2*s.size)
	t.size.Add(-int64(gone))
	t.noteEnd(last)
}

// drop forgets those entries under d that go, and returns how many. The caller holds mu.
func (s *shard) drop(d Digest, goes func(Record) bool) (gone int) {
	front, ok := s.first[d]
	if !ok {
		return 0
	}
	further := s.further[d]
	kept := slices.DeleteFunc(further, goes)
	gone = len(further) - len(kept)
	if goes(front) {
		gone++
		delete(s.first, d)
		if len(kept) > 0 {
			widest := 0
			for i := range kept {
				if kept[i].widerThan(kept[widest]) {
					widest = i
				}
			}
			s.first[d] = kept[widest]
			kept = slices.Delete(kept, widest, widest+1)
		}
	}
	if len(kept) > 0 {
		s.further[d] = kept
	} else {
		delete(s.further, d)
	}
	s.size -= gone
	return gone
}

// lifted remembers which entries were undone, for as long as the Store may still deliver them.
type lifted struct {
	most int

	mu      sync.Mutex
	until   map[uint64]uint32 // unix seconds, by identifier
	sweepAt int
}

// add remembers an identifier. When no more can be remembered it is ErrFull.
func (l *lifted) add(id uint64, until uint32, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.until[id]; known {
		return nil
	}
	if len(l.until) >= min(l.sweepAt, l.most) {
		second := uint32(now.Unix())
		for id, until := range l.until {
			if until < second {
				delete(l.until, id)
			}
		}
		l.sweepAt = max(leastSweep, 2*len(l.until))
	}
	if len(l.until) >= l.most {
		return fmt.Errorf("revocation: more was lifted than can be remembered until it ends: %w", ErrFull)
	}
	if l.until == nil {
		l.until = make(map[uint64]uint32)
	}
	l.until[id] = until
	return nil
}

func (l *lifted) has(id uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, is := l.until[id]
	return is
}
