package storetest

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

// crowds are the clauses about many at once.
func crowds() []clause {
	return []clause{
		{"crowd: 64 appenders and followers that are cut off", "Nobody misses anything, however commits interleave.", nil, crowd},
		{"crowd: a slow follower", "A follower that is slow gets everything, and holds up nobody.", nil, slowFollower},
	}
}

const appenders, each = 64, 12

func crowd(e Engine) error {
	l, stores := newLedger(), []revocation.Store{e.Open(), e.Open(), e.Open()}
	steady, cut := newWatcher(), newWatcher()
	r := steady.follow(e.Open(), "")
	var finished atomic.Bool
	cuts := make(chan error, 1)
	go func() { cuts <- keepCutting(cut, e.Open(), &finished) }()

	var appending sync.WaitGroup
	failed := make(chan error, appenders)
	for n := range appenders {
		appending.Go(func() {
			for i := range each {
				if err := appendOne(e, l, stores[n%len(stores)], e.Delay != nil && n%8 == 0 && i%4 == 0); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	appending.Wait()
	finished.Store(true)
	close(failed)
	err := errors.Join(<-failed, <-cuts)
	if err != nil {
		r.cancel()
		return err
	}
	if err := r.untilAlive(time.Now()); err != nil {
		return err
	}
	if err := r.stop(); err != nil {
		return err
	}
	if err := steady.wants(l.all(), l); err != nil {
		return fmt.Errorf("a follower: %w", err)
	}
	if _, err := cut.resumeFrom(e.Open(), cut.position()); err != nil {
		return err
	}
	if err := cut.wants(l.all(), l); err != nil {
		return fmt.Errorf("a follower that was cut off and resumed: %w", err)
	}
	return nil
}

// appendOne appends an entry, and if it is delayed lets others pass before it commits.
func appendOne(e Engine, l *ledger, s revocation.Store, delayed bool) error {
	if !delayed {
		return l.append(s, newEntry())
	}
	commit, err := late(e, l)
	if err != nil {
		return err
	}
	time.Sleep(20 * time.Millisecond)
	return commit()
}

// keepCutting follows and is cut off again and again, after 1, 2, 3 … entries, and after ever more of them.
func keepCutting(w *watcher, s revocation.Store, finished *atomic.Bool) error {
	left := 0
	w.before = func([]byte) error {
		if left--; left < 0 {
			return errCut
		}
		return nil
	}
	defer func() { w.before = nil }()
	for n := 1; !finished.Load(); n += 1 + n/5 {
		left = n
		r := w.follow(s, w.position())
		for !finished.Load() {
			select {
			case <-r.done:
			case <-time.After(5 * time.Millisecond):
				continue
			}
			break
		}
		r.cancel()
		if err := r.wait(); err != nil {
			return err
		}
		if isGap(r.err) {
			return fmt.Errorf("a position that was given out a moment ago is a gap: %w", r.err)
		}
	}
	return nil
}

func slowFollower(e Engine) error {
	l, s := newLedger(), e.Open()
	slow, quick := newWatcher(), newWatcher()
	if err := l.appendN(s, 3); err != nil {
		return err
	}
	release := make(chan struct{})
	waits := true
	slow.before = func([]byte) error {
		if waits {
			<-release
			waits = false
		}
		return nil
	}
	late, other := slow.follow(e.Open(), ""), quick.follow(e.Open(), "")
	var appending sync.WaitGroup
	failed := make(chan error, 16)
	for range 16 {
		appending.Go(func() { failed <- l.appendN(s, 200) })
	}
	appending.Wait()
	for range 16 {
		if err := <-failed; err != nil {
			close(release)
			return err
		}
	}
	err := other.untilDelivered(l.all())
	close(release)
	if err != nil {
		return fmt.Errorf("beside a slow follower: %w", err)
	}
	if err := late.untilAlive(time.Now()); err != nil {
		return err
	}
	if err := errors.Join(late.stop(), other.stop()); err != nil {
		return err
	}
	return errors.Join(slow.wants(l.all(), l), quick.wants(l.all(), l))
}
