package revocation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/pending"
)

const (
	// appendTimeout bounds how long whoever revokes waits for the Store.
	appendTimeout = 5 * time.Second

	shortestPause = 50 * time.Millisecond
	longestPause  = 5 * time.Second
)

// share gives a record to the Store. If that does not take it, it is offered again later.
func (s *shared) share(ctx context.Context, o pending.Offer) error {
	if err := s.append(ctx, o); err != nil {
		replaced, open := s.pending.Add(o)
		if replaced != nil {
			s.forget(replaced)
		}
		if !open { // Close has counted before this one came
			s.lost(1)
			return fmt.Errorf("%w: %w", ErrNotShared, ErrClosed)
		}
		if s.ctx.Err() == nil {
			s.failed("entries could not be shared, and are offered again", err)
		}
		return fmt.Errorf("%w: %w", ErrNotShared, err)
	}
	return nil
}

// forget takes an entry out of the table in whose place there is another.
func (s *shared) forget(e *pending.Entry) {
	s.list.table.Remove(e.Digest, func(r entries.Record) bool { return r.ID() == e.Record.ID() })
}

func (s *shared) append(ctx context.Context, o pending.Offer) error {
	ctx, cancel := context.WithTimeout(ctx, appendTimeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	return survived(func() error { return s.store.Append(ctx, o.Sealed, time.Unix(int64(o.Until), 0)) })
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

// offerPending offers pending records until the List is closed.
func (s *shared) offerPending() {
	pause := shortestPause
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.pending.Woken():
		}
		for s.pending.Count() > 0 {
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
	offers := s.pending.Take(time.Now())
	errs := make([]error, len(offers))
	var all sync.WaitGroup
	for i, o := range offers {
		all.Go(func() { errs[i] = s.append(s.ctx, o) })
	}
	all.Wait()
	var refused []pending.Offer
	var last error
	for i, err := range errs {
		if err != nil {
			refused, last = append(refused, offers[i]), err
		}
	}
	for _, replaced := range s.pending.Settle(refused, time.Now()) {
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
