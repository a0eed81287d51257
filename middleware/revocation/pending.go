package revocation

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
)

// offer is a record for the Store.
type offer struct {
	sealed []byte
	until  uint32
	id     uint64
	of     *entry // nil: it is no entry
}

// entry is what an offer says, if it is one.
type entry struct {
	digest entries.Digest
	record entries.Record

	replaced bool             // guarded by pending.mu
	instead  []entries.Record // in whose place it stands: they may be in the Store all the same; guarded by pending.mu
}

// mostInstead bounds the entries in whose place one stands.
const mostInstead = 1000

func (o offer) ended(now time.Time) bool { return int64(o.until) < now.Unix() }

const (
	// appendTimeout bounds how long whoever revokes waits for the Store.
	appendTimeout = 5 * time.Second

	// offeredAtOnce is how many pending entries are offered at the same time.
	offeredAtOnce = 32

	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// share gives a record to the Store. If that does not take it, it is offered again later.
func (s *shared) share(ctx context.Context, o offer) error {
	if err := s.append(ctx, o); err != nil {
		if replaced := s.pending.add(o); replaced != nil {
			s.forget(replaced)
		}
		s.failed("entries could not be shared, and are offered again", err)
		return fmt.Errorf("%w: %w", ErrNotShared, err)
	}
	return nil
}

// forget takes an entry out of the table in whose place there is another.
func (s *shared) forget(e *entry) {
	s.list.table.Remove(e.digest, func(r entries.Record) bool { return r.ID() == e.record.ID() })
}

func (s *shared) append(ctx context.Context, o offer) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	return survived(func() error { return s.store.Append(ctx, o.sealed, time.Unix(int64(o.until), 0)) })
}

// survived calls a function of the Store, whose panic is an error: it must not end a process that has others to serve.
func survived(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the Store panicked with a %T", p)
		}
	}()
	return call()
}

// pending are the records that the Store has not taken yet.
type pending struct {
	wake chan struct{}

	mu      sync.Mutex
	offers  []offer
	offered []offer // taken out to be offered now

	// latest are the last entries about each thing that are among offers, so that one that says as much takes their place: what is revoked
	// again and again while the Store is away must not fill the List.
	latest  map[entries.Digest]*entry
	dropped int // of offers: those that were replaced
}

// add adds offers. It returns the entry that the last of them has replaced, if any.
func (p *pending) add(offers ...offer) (replaced *entry) {
	p.mu.Lock()
	for _, o := range offers {
		replaced = p.replace(o)
		p.offers = append(p.offers, o)
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return replaced
}

// replace drops the entry that o says as much as. The caller holds mu.
func (p *pending) replace(o offer) *entry {
	if o.of == nil {
		return nil
	}
	if p.latest == nil {
		p.latest = make(map[entries.Digest]*entry)
	}
	last := p.latest[o.of.digest]
	p.latest[o.of.digest] = o.of
	if last == nil || !o.of.record.Covers(last.record) || len(last.instead) >= mostInstead {
		return nil
	}
	o.of.instead = append(append(o.of.instead, last.instead...), last.record)
	last.replaced = true
	p.dropped++
	return last
}

// replacedBy are the entries in whose place one about d stands that waits.
func (p *pending) replacedBy(d entries.Digest) []entries.Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	if last := p.latest[d]; last != nil {
		return slices.Clone(last.instead)
	}
	for _, o := range p.offered {
		if o.of != nil && o.of.digest == d {
			return slices.Clone(o.of.instead)
		}
	}
	return nil
}

func (p *pending) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.offers) + len(p.offered) - p.dropped
}

// take takes out the oldest that have not ended.
func (p *pending) take(now time.Time) []offer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken []offer
	for len(p.offers) > 0 && len(taken) < offeredAtOnce {
		next := p.offers[0]
		p.offers = p.offers[1:]
		switch {
		case next.of != nil && next.of.replaced:
			p.dropped--
			continue
		case next.of != nil && p.latest[next.of.digest] == next.of:
			delete(p.latest, next.of.digest) // from now on it may be in the Store
		}
		if !next.ended(now) {
			taken = append(taken, next)
		}
	}
	p.offered = taken
	return taken
}

// settle ends an offering: refused are those that the Store did not take. It returns those of them that say nothing more than what has come
// since.
func (p *pending) settle(refused []offer) (replaced []*entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offered = nil
	for _, o := range refused {
		if o.of != nil {
			last := p.latest[o.of.digest]
			if last != nil && last.record.Covers(o.of.record) && len(last.instead) < mostInstead {
				last.instead = append(append(last.instead, o.of.instead...), o.of.record)
				replaced = append(replaced, o.of)
				continue
			}
			if last == nil {
				p.latest[o.of.digest] = o.of
			}
		}
		p.offers = append(p.offers, o)
	}
	return replaced
}

// ids are the identifiers of all that wait: they will be offered later than now.
func (p *pending) ids() map[uint64]struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := make(map[uint64]struct{}, len(p.offers))
	for _, o := range p.offers {
		ids[o.id] = struct{}{}
	}
	return ids
}

// offerPending offers pending records until the List is closed.
func (s *shared) offerPending() {
	pause := shortestPause
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.pending.wake:
		}
		for s.pending.count() > 0 {
			if s.offerSome() {
				pause = shortestPause
				continue
			}
			if !s.rest(pause) {
				return
			}
			pause = min(2*pause, longestPause)
		}
	}
}

// offerSome offers some, and reports whether the Store took them all.
func (s *shared) offerSome() bool {
	offers := s.pending.take(time.Now())
	errs := make([]error, len(offers))
	var all sync.WaitGroup
	for i, o := range offers {
		all.Go(func() { errs[i] = s.append(s.ctx, o) })
	}
	all.Wait()
	var refused []offer
	var last error
	for i, err := range errs {
		if err != nil {
			refused, last = append(refused, offers[i]), err
		}
	}
	for _, replaced := range s.pending.settle(refused) {
		s.forget(replaced)
	}
	if last != nil && s.ctx.Err() == nil {
		s.failed("entries could not be shared, and are offered again", last)
	}
	return last == nil
}

// rest waits, and reports false when the List is closed meanwhile.
func (s *shared) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
