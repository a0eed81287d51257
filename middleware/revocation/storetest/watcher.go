package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
)

// watcher follows a Store and notes what it is told. One watcher may follow several times, one after the other.
type watcher struct {
	inside atomic.Bool // a callback runs

	// before is called with every entry, outside of the lock; its error is what deliver returns. Nil: nothing.
	before func(entry []byte) error

	mu        sync.Mutex
	delivered map[string]int // number of deliveries before the first one of this entry
	count     int
	resume    string // the last position that was not empty
	known     []aliveness
	faults    []error
	changed   chan struct{} // closed when anything above changes
}

// aliveness is one call of alive.
type aliveness struct {
	t     time.Time
	count int // of deliveries before it
}

func newWatcher() *watcher {
	return &watcher{delivered: make(map[string]int), changed: make(chan struct{})}
}

// errOverlap says what the List relies on.
var errOverlap = errors.New("deliver and alive were called at the same time")

func (w *watcher) deliver(entry []byte, resume string) error {
	if !w.inside.CompareAndSwap(false, true) {
		w.note(func() { w.faults = append(w.faults, errOverlap) })
	}
	defer w.inside.Store(false)
	if w.before != nil {
		if err := w.before(entry); err != nil {
			return err
		}
	}
	w.note(func() {
		if _, again := w.delivered[string(entry)]; !again {
			w.delivered[string(entry)] = w.count
		}
		w.count++
		if resume != "" {
			w.resume = resume
		}
	})
	return nil
}

func (w *watcher) alive(t time.Time) {
	now := time.Now()
	if !w.inside.CompareAndSwap(false, true) {
		w.note(func() { w.faults = append(w.faults, errOverlap) })
	}
	defer w.inside.Store(false)
	w.note(func() {
		if t.Round(0) == t {
			w.faults = append(w.faults, errors.New("alive was called with a time that has no monotonic reading"))
		}
		if t.After(now) {
			w.faults = append(w.faults, fmt.Errorf("alive was called with a time that is %v ahead", t.Sub(now)))
		}
		w.known = append(w.known, aliveness{t, w.count})
	})
}

func (w *watcher) note(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what()
	close(w.changed)
	w.changed = make(chan struct{})
}

// run is one call of Follow.
type run struct {
	w      *watcher
	cancel context.CancelFunc
	done   chan struct{}
	err    error // of Follow, once done
}

// follow begins to follow s.
func (w *watcher) follow(s revocation.Store, after string) *run {
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{w: w, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		defer cancel()
		r.err = s.Follow(ctx, after, w.deliver, w.alive)
		if r.err == nil {
			r.err = errors.New("Follow returned nil")
		}
	}()
	return r
}

// stop ends the run and says what was wrong with it.
func (r *run) stop() error {
	r.cancel()
	if err := r.wait(); err != nil {
		return err
	}
	if !errors.Is(r.err, context.Canceled) {
		return fmt.Errorf("Follow returned %w, want the error of its ctx", r.err)
	}
	return r.w.fault()
}

// wait waits for Follow to return.
func (r *run) wait() error {
	select {
	case <-r.done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("Follow did not return within %v", patience)
	}
}

func (w *watcher) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.faults...)
}

// until waits until what is true of the watcher. A run that ends before that is an error.
func (r *run) until(what string, is func() bool) error {
	limit := time.After(patience)
	for {
		r.w.mu.Lock()
		ok, changed := is(), r.w.changed
		r.w.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-r.done:
			return fmt.Errorf("Follow returned before %s: %w", what, r.err)
		case <-limit:
			return fmt.Errorf("waited %v for this in vain: %s", patience, what)
		}
	}
}

// untilDelivered waits until every entry was delivered.
func (r *run) untilDelivered(entries []string) error {
	return r.until(fmt.Sprintf("%d entries were delivered", len(entries)), func() bool { return r.w.missing(entries) == 0 })
}

// untilAlive waits for a call of alive with a time after t.
func (r *run) untilAlive(t time.Time) error {
	return r.until("alive was called for a time after now", func() bool { return r.w.aliveAfter(t) })
}

func (w *watcher) aliveAfter(t time.Time) bool {
	return len(w.known) > 0 && w.known[len(w.known)-1].t.After(t)
}

// missing counts the entries that were not delivered. The caller holds the lock.
func (w *watcher) missing(entries []string) int {
	n := 0
	for _, e := range entries {
		if _, ok := w.delivered[e]; !ok {
			n++
		}
	}
	return n
}

// position returns the last position that was not empty.
func (w *watcher) position() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.resume
}

// judge says what was wrong with all that w was told, now that l is complete: alive while something was missing, or entries that nobody
// appended.
func (w *watcher) judge(l *ledger) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	faults := append([]error(nil), w.faults...)
	for e := range w.delivered {
		if !l.begun[e] {
			faults = append(faults, fmt.Errorf("an entry of %d bytes was delivered that nobody appended: %.40x", len(e), e))
			break
		}
	}
	early := 0
	for e, at := range l.acked {
		index, ok := w.delivered[e]
		for _, a := range w.known {
			if a.t.After(at) && (!ok || index >= a.count) {
				early++
				break
			}
		}
	}
	if early > 0 {
		faults = append(faults, fmt.Errorf("alive was called for a time before which %d entries were appended that had not been delivered", early))
	}
	return errors.Join(faults...)
}

// isGap reports whether err is a position that a Store cannot resume from.
func isGap(err error) bool {
	var gap interface{ Gap() bool }
	return errors.As(err, &gap) && gap.Gap()
}

// resumeFrom follows s from a position until it is alive, as a List does: after a gap it reads everything. It says whether there was a gap.
func (w *watcher) resumeFrom(s revocation.Store, after string) (gap bool, err error) {
	if gap, err = w.goesOnFrom(s, after); gap {
		_, err = w.goesOnFrom(s, "")
	}
	return gap, err
}

// goesOnFrom follows s from a position until it is alive, or says that the position is a gap.
func (w *watcher) goesOnFrom(s revocation.Store, after string) (gap bool, err error) {
	start := time.Now()
	r := w.follow(s, after)
	if err = r.untilAlive(start); err == nil {
		return false, r.stop()
	}
	r.cancel()
	if stuck := r.wait(); stuck != nil {
		return false, errors.Join(err, stuck)
	}
	if after != "" && isGap(r.err) {
		return true, nil
	}
	return false, err
}
