package load

import (
	"context"
	"sync"
	"time"
)

// debt is how much of what was missed is made up for.
const debt = 2 * time.Second

// Pacer says when the next request is due. It is safe for concurrent use.
type Pacer struct {
	interval time.Duration // zero: at once

	mu   sync.Mutex
	next time.Time
	rest time.Time // nobody's turn comes before
}

// NewPacer paces so many requests a second; zero: as fast as they go.
func NewPacer(rate int) *Pacer {
	p := new(Pacer)
	if rate > 0 {
		p.interval = time.Second / time.Duration(rate)
	}
	return p
}

// Wait returns when it is the caller's turn, and false when ctx has ended.
func (p *Pacer) Wait(ctx context.Context) bool {
	if wait := p.turn(time.Now()); wait > 0 {
		time.Sleep(wait) // shorter than any ctx minds
	}
	return ctx.Err() == nil
}

// turn takes the next turn and tells how long it is until then.
func (p *Pacer) turn(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.interval == 0 {
		return p.rest.Sub(now)
	}
	if earliest := now.Add(-debt); p.next.Before(earliest) {
		p.next = earliest
	}
	if p.next.Before(p.rest) {
		p.next = p.rest
	}
	due := p.next
	p.next = due.Add(p.interval)
	return due.Sub(now)
}

// Begin lets the first request be due now, with nothing to be made up for.
func (p *Pacer) Begin(now time.Time) { p.next = now }

// Rest lets nobody's turn come before t. What is missed meanwhile is not made up for.
func (p *Pacer) Rest(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rest = t
}
