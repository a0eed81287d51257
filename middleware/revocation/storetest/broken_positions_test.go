package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// numbered is a log in which an entry has its number before it is seen, as a sequence of a database gives it: whoever resumes from a number
// misses what commits late.
type numbered struct {
	mu      sync.Mutex
	next    int
	visible map[int]string
}

func (l *numbered) reserve() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next
}

func (l *numbered) commit(n int, entry string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.visible[n] = entry
}

func (l *numbered) Append(_ context.Context, entry []byte, _ time.Time) error {
	l.commit(l.reserve(), string(entry))
	return nil
}

func (l *numbered) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	last := 0
	_, _ = fmt.Sscan(after, &last)
	for {
		t := time.Now()
		time.Sleep(time.Millisecond)
		l.mu.Lock()
		news, next := map[int]string{}, l.next
		for n, entry := range l.visible {
			if n > last {
				news[n] = entry
			}
		}
		l.mu.Unlock()
		for n := last + 1; n <= next; n++ {
			if entry, ok := news[n]; ok {
				last = n
				if err := deliver([]byte(entry), fmt.Sprint(n)); err != nil {
					return err
				}
			}
		}
		alive(t)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func mistakesOfPositions() []broken {
	late := func(*storetest.Memory) storetest.Engine {
		l := &numbered{visible: make(map[int]string)}
		return storetest.Engine{
			Open:  func() revocation.Store { return l },
			Other: func() revocation.Store { return &numbered{visible: make(map[int]string)} },
			Delay: func(entry []byte, _ time.Time) (func() error, error) {
				n := l.reserve()
				return func() error { l.commit(n, string(entry)); return nil }, nil
			},
		}
	}
	ahead := func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
		return m.Follow(ctx, after, func(entry []byte, resume string) error {
			var epoch uint64
			var n int
			_, _ = fmt.Sscanf(resume, "memory %d %d", &epoch, &n)
			return deliver(entry, fmt.Sprintf("memory %d %d", epoch, min(n+1, len(m.Entries()))))
		}, alive)
	}
	noGap := func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
		err := m.Follow(ctx, after, deliver, alive)
		var gap interface{ Gap() bool }
		if !errors.As(err, &gap) {
			return err
		}
		all := len(m.Entries()) // it goes on with what is new
		return m.Follow(ctx, "", func(entry []byte, resume string) error {
			if all--; all >= 0 {
				return nil
			}
			return deliver(entry, resume)
		}, alive)
	}
	plainError := func(m *storetest.Memory, ctx context.Context, after string, deliver deliverFunc, alive aliveFunc) error {
		err := m.Follow(ctx, after, deliver, alive)
		if ctx.Err() == nil {
			return fmt.Errorf("it failed: %v", err)
		}
		return err
	}
	return []broken{
		{"misses what commits late", late, []string{
			"position: before what commits late", "position: what commits late comes while following", "crowd: 64 appenders and followers that are cut off",
		}},
		{"gives positions that are ahead", follows(ahead), []string{"position: resuming loses nothing"}},
		{"knows no gap, and goes on with what is new", follows(noGap), []string{
			"position: one that the Store never gave", "position: of another log", "disaster: a backup is restored",
		}},
		{"hides that an error is a gap", follows(plainError), []string{
			"position: one that the Store never gave", "position: of another log", "disaster: a backup is restored",
		}},
	}
}
