package revocation

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// offer is a record for the Store.
type offer struct {
	sealed []byte
	until  uint32
}

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
		s.pending.add(o)
		s.failed("entries could not be shared, and are offered again", err)
		return fmt.Errorf("%w: %w", ErrNotShared, err)
	}
	return nil
}

func (s *shared) append(ctx context.Context, o offer) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	return s.store.Append(ctx, o.sealed, time.Unix(int64(o.until), 0))
}

// pending are the records that the Store has not taken yet.
type pending struct {
	wake chan struct{}

	mu      sync.Mutex
	offers  []offer
	offered int // taken out to be offered now
}

func (p *pending) add(offers ...offer) {
	p.mu.Lock()
	p.offers = append(p.offers, offers...)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pending) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.offers) + p.offered
}

// take takes out the oldest that have not ended.
func (p *pending) take(now time.Time) []offer {
	p.mu.Lock()
	defer p.mu.Unlock()
	var taken []offer
	for len(p.offers) > 0 && len(taken) < offeredAtOnce {
		if !p.offers[0].ended(now) {
			taken = append(taken, p.offers[0])
		}
		p.offers = p.offers[1:]
	}
	p.offered = len(taken)
	return taken
}

// settle ends an offering: refused are those that the Store did not take.
func (p *pending) settle(refused []offer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offered = 0
	p.offers = append(p.offers, refused...)
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
	s.pending.settle(refused)
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
