// Package tally decides which refusals are written to a log. The first few of a kind are, so that whoever tries something out sees each;
// the others are counted, so that nobody can fill a log.
package tally

import (
	"sync"
	"time"
)

// Kind is what refusals are counted by. All of it comes from the configuration and none of it from a request, or anybody could make kinds.
type Kind struct {
	Reason string
	Issuer string // as configured; empty: none of those
	Route  string // of the router, or else what the route needs; never a path
}

// What is written of one kind.
const (
	burst = 5                // at once
	every = 15 * time.Second // one more
)

// maxKinds bounds the memory. Beyond it the kinds of one reason count as one, and beyond twice as many all of them do.
const maxKinds = 256

// Tally counts refusals. The zero Tally is ready for use. It is safe for concurrent use.
type Tally struct {
	mu    sync.Mutex
	kinds map[Kind]*count

	lastKind Kind // of the latest refusal: a flood is of one kind, and to compare costs less than to look up
	last     *count
}

type count struct {
	left      int // lines that may be written at once
	refilled  time.Time
	unwritten uint64 // since the last line
}

// Write reports whether a refusal of this kind is to be written now, and how many of its kind have come since the last one that was. now is
// on the monotonic clock.
func (t *Tally) Write(k Kind, now time.Time) (write bool, before uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil || t.lastKind != k {
		t.lastKind, t.last = k, t.count(k, now)
	}
	c := t.last
	if since := now.Sub(c.refilled); since >= every {
		due := since / every
		c.left = int(min(burst, time.Duration(c.left)+due))
		c.refilled = c.refilled.Add(due * every)
	}
	if c.left == 0 {
		c.unwritten++
		return false, 0
	}
	c.left--
	before, c.unwritten = c.unwritten, 0
	return true, before
}

func (t *Tally) count(k Kind, now time.Time) *count {
	for _, wider := range [...]Kind{k, {Reason: k.Reason}, {}} {
		if c, known := t.kinds[wider]; known {
			return c
		}
		if len(t.kinds) >= maxKinds && wider == k || len(t.kinds) >= 2*maxKinds && wider != (Kind{}) {
			continue
		}
		if t.kinds == nil {
			t.kinds = make(map[Kind]*count)
		}
		c := &count{left: burst, refilled: now}
		t.kinds[wider] = c
		return c
	}
	return nil // the last kind is always let in
}

// Sum is how many refusals of a kind have not been written.
type Sum struct {
	Kind
	Unwritten uint64
}

// Rest returns what has not been written and counts from nothing again.
func (t *Tally) Rest() []Sum {
	t.mu.Lock()
	defer t.mu.Unlock()
	var sums []Sum
	for k, c := range t.kinds {
		if c.unwritten > 0 {
			sums = append(sums, Sum{k, c.unwritten})
			c.unwritten = 0
		}
	}
	return sums
}
