package statuslist

import (
	"context"
	"errors"
	"sync"
	"time"
)

// plan sets the timer of a list to what comes next. The caller holds mu.
func (l *Lists) plan(one *list, now time.Time) {
	held := one.held.Load()
	switch {
	case held == nil && len(one.watchers) == 0: // the next token that needs it asks again
	case held == nil || one.failures > 0:
		l.arm(one, one.barred)
	case now.Before(held.refresh):
		l.arm(one, held.refresh)
	case len(one.watchers) > 0:
		l.arm(one, now)
	default:
		l.arm(one, held.end)
	}
}

// tick fetches a list again while tokens or streams use it, and forgets it when it has ended without.
func (l *Lists) tick(one *list) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() || one.gone || one.flight != nil {
		return
	}
	now, held := time.Now(), one.held.Load()
	over := held == nil || !now.Before(held.end)
	wanted := len(one.watchers) > 0 || !over && one.usedSince(held.fetched.Sub(l.start))
	switch {
	case wanted:
		l.begin(one, now)
	case over:
		l.drop(one)
	default:
		one.unused.Store(true)
		l.arm(one, held.end)
	}
}

// Refresh fetches every list anew that is known, and waits until all are there or ctx ends: for whoever hears that something has changed, and
// for tests. It is not bound by MinTTL.
func (l *Lists) Refresh(ctx context.Context) error {
	known := *l.known.Load()
	errs := make(chan error, len(known))
	var all sync.WaitGroup
	for _, one := range known {
		all.Go(func() { errs <- l.refresh(ctx, one) })
	}
	all.Wait()
	close(errs)
	var failed []error
	for err := range errs {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// refresh waits for a fetch that began after the call did.
func (l *Lists) refresh(ctx context.Context, one *list) error {
	for own := false; !own; {
		l.mu.Lock()
		f := one.flight
		switch {
		case l.closed.Load():
			l.mu.Unlock()
			return errClosed
		case f == nil:
			f, own = l.begin(one, time.Now()), true
		}
		l.mu.Unlock()
		select {
		case <-f.done:
			if own {
				return f.err
			}
		case <-ctx.Done():
			return &unavailable{uri: one.key.uri, cause: ctx.Err()}
		}
	}
	return nil
}
