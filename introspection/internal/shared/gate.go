package shared

import (
	"sync"
	"time"
)

// pause is how long a cache is left alone after a failure. After each pause one call tries it, and no request waits for that.
const pause = 250 * time.Millisecond

// gate leaves a cache alone that has failed. It shuts at the first failure: without the cache the server is asked, which costs less
// than waiting for a cache that may hang.
type gate struct {
	mu     sync.Mutex
	shut   bool
	trying bool
	next   time.Time // when to try
	last   error
}

// pass is what a call may do.
type pass int

const (
	stop  pass = iota
	enter      // use the cache
	try        // use the cache, and let nobody wait for it
)

func (g *gate) pass(now time.Time) pass {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.shut:
		return enter
	case g.trying || now.Before(g.next):
		return stop
	}
	g.trying = true
	return try
}

// record takes the outcome of a call that had a pass; err is nil for a good one.
func (g *gate) record(p pass, err error, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.returned(p)
	g.last = err
	if g.shut = err != nil; g.shut {
		g.next = now.Add(pause)
	}
}

// withdraw ends a call of which there is nothing to say.
func (g *gate) withdraw(p pass) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.returned(p)
}

func (g *gate) returned(p pass) {
	if p == try {
		g.trying = false
	}
}

func (g *gate) status() (shut bool, last error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.shut, g.last
}
