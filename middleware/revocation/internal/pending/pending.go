// Package pending holds what a List has for its Store that this has not taken yet.
package pending

import (
	"slices"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
)

// Offer is a record for the Store.
type Offer struct {
	Sealed []byte
	Until  uint32 // unix seconds
	ID     uint64
	Of     *Entry // nil: it is no entry, or stands for itself whatever else says as much
}

// Entry is what an offer says, if it is one.
type Entry struct {
	Digest entries.Digest
	Record entries.Record

	replaced bool             // guarded by Queue.mu
	instead  []entries.Record // in whose place it stands: they may be in the Store all the same; guarded by Queue.mu
}

// mostInstead bounds the entries in whose place one stands.
const mostInstead = 1000

// Ended reports whether the Store may forget it.
func (o Offer) Ended(now time.Time) bool { return int64(o.Until) < now.Unix() }

// atOnce is how many are offered at the same time.
const atOnce = 32

// Queue holds the records that the Store has not taken yet. It is safe for concurrent use.
type Queue struct {
	wake chan struct{}

	mu      sync.Mutex
	closed  bool
	offers  []Offer
	offered []Offer // taken out to be offered now

	// latest are the last entries about each thing that are among offers, so that one that says as much takes their place: what is revoked
	// again and again while the Store is away must not fill the List.
	latest  map[entries.Digest]*Entry
	dropped int // of offers: those that were replaced

	// taken are those in whose place one stood that the Store has taken. They may be in the Store as well, and yet to come from there.
	taken        map[entries.Digest][]entries.Record
	sweepTakenAt int // when there are so many digests, those whose records have ended are forgotten
}

// NewQueue makes an empty Queue.
func NewQueue() *Queue { return &Queue{wake: make(chan struct{}, 1)} }

// Woken has a value once something was added since the last one was received.
func (q *Queue) Woken() <-chan struct{} { return q.wake }

// Add adds offers. It returns the entry that the last of them has replaced, if any, and false after Close: nobody will offer them.
func (q *Queue) Add(offers ...Offer) (replaced *Entry, open bool) {
	q.mu.Lock()
	for _, o := range offers {
		replaced = q.replace(o)
		q.offers = append(q.offers, o)
	}
	open = !q.closed
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return replaced, open
}

// Close says that nobody offers any more, and returns how many there are.
func (q *Queue) Close() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	return q.count()
}

// replace drops the entry that o says as much as. The caller holds mu.
func (q *Queue) replace(o Offer) *Entry {
	if o.Of == nil {
		return nil
	}
	if q.latest == nil {
		q.latest = make(map[entries.Digest]*Entry)
	}
	last := q.latest[o.Of.Digest]
	q.latest[o.Of.Digest] = o.Of
	if last == nil || !o.Of.Record.Covers(last.Record) || len(last.instead) >= mostInstead {
		return nil
	}
	o.Of.instead = append(append(o.Of.instead, last.instead...), last.Record)
	last.replaced, last.instead = true, nil
	q.dropped++
	return last
}

// ReplacedBy are the entries in whose place others about d stand, or stood until the Store took them.
func (q *Queue) ReplacedBy(d entries.Digest) []entries.Record {
	q.mu.Lock()
	defer q.mu.Unlock()
	replaced := slices.Clone(q.taken[d])
	for _, waiting := range [][]Offer{q.offers, q.offered} {
		for _, o := range waiting {
			if o.Of != nil && o.Of.Digest == d {
				replaced = append(replaced, o.Of.instead...)
			}
		}
	}
	return replaced
}

// Count is how many there are.
func (q *Queue) Count() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.count()
}

func (q *Queue) count() int {
	return len(q.offers) + len(q.offered) - q.dropped
}

// Take takes out the oldest that have not ended.
func (q *Queue) Take(now time.Time) []Offer {
	q.mu.Lock()
	defer q.mu.Unlock()
	var taken []Offer
	for len(q.offers) > 0 && len(taken) < atOnce {
		next := q.offers[0]
		q.offers = q.offers[1:]
		switch {
		case next.Of != nil && next.Of.replaced:
			q.dropped--
			continue
		case next.Of != nil && q.latest[next.Of.Digest] == next.Of:
			delete(q.latest, next.Of.Digest) // from now on it may be in the Store
		}
		if !next.Ended(now) {
			taken = append(taken, next)
		}
	}
	q.offered = taken
	return taken
}

// Settle ends an offering: refused are those that the Store did not take. It returns those of them that say nothing more than what has come
// since.
func (q *Queue) Settle(refused []Offer, now time.Time) (replaced []*Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range q.offered {
		if o.Of != nil && len(o.Of.instead) > 0 && !slices.ContainsFunc(refused, func(r Offer) bool { return r.Of == o.Of }) {
			q.keepTaken(o.Of, now)
		}
	}
	q.offered = nil
	for _, o := range refused {
		if o.Of != nil {
			last := q.latest[o.Of.Digest]
			if last != nil && last.Record.Covers(o.Of.Record) && len(last.instead) < mostInstead {
				last.instead = append(append(last.instead, o.Of.instead...), o.Of.Record)
				replaced = append(replaced, o.Of)
				continue
			}
			if last == nil {
				q.latest[o.Of.Digest] = o.Of
			}
		}
		q.offers = append(q.offers, o)
	}
	return replaced
}

// keepTaken remembers those in whose place e stood, until they end. The caller holds mu.
func (q *Queue) keepTaken(e *Entry, now time.Time) {
	if len(q.taken) >= q.sweepTakenAt {
		for d, records := range q.taken {
			if !slices.ContainsFunc(records, func(r entries.Record) bool { return int64(r.Until) >= now.Unix() }) {
				delete(q.taken, d)
			}
		}
		q.sweepTakenAt = max(64, 2*len(q.taken))
	}
	if q.taken == nil {
		q.taken = make(map[entries.Digest][]entries.Record)
	}
	q.taken[e.Digest] = append(q.taken[e.Digest], e.instead...)
	e.instead = nil
}

// IDs are the identifiers of all that wait: they will be offered later than now.
func (q *Queue) IDs() map[uint64]struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := make(map[uint64]struct{}, len(q.offers))
	for _, o := range q.offers {
		ids[o.ID] = struct{}{}
	}
	return ids
}

// Holds reports whether a record waits, or is being offered now.
func (q *Queue) Holds(id uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	is := func(o Offer) bool { return o.ID == id }
	return slices.ContainsFunc(q.offers, is) || slices.ContainsFunc(q.offered, is)
}
