// Package window knows when which upstream could not be relied on, and for how long afterwards a resource server may still not
// have noticed that it can be again.
package window

import (
	"sync"
	"time"
)

// Endpoint is what a resource server depends on.
type Endpoint int

// The endpoints.
const (
	Keys Endpoint = iota // metadata and key set
	Introspection
)

func (e Endpoint) String() string {
	if e == Introspection {
		return "introspection"
	}
	return "keys"
}

// Place is one endpoint of one authorization server.
type Place struct {
	Server   int
	Endpoint Endpoint
}

// Span is a stretch of time. A zero End: it has not ended.
type Span struct {
	Kind       string
	Start, End time.Time
}

// The times in which a resource server with default settings notices that an outage is over.
const (
	// An introspection that was sent in the last moment is cut after two seconds; if it was the fifth to fail, a probe goes
	// out a second later. One more second for a busy machine.
	afterIntrospection = 4 * time.Second

	// A fetch of keys that began in the last moment is cut after five seconds. The back-off after it has doubled with every
	// failure, so it is at most as long as the outage was.
	afterKeys = 8 * time.Second

	maxBackoff = time.Minute
)

// tail is how long after an outage of this length requests may still be answered 503.
func (e Endpoint) tail(outage time.Duration) time.Duration {
	if e == Introspection {
		return afterIntrospection
	}
	return min(outage, maxBackoff) + afterKeys
}

// History remembers outages and stalls. It is safe for concurrent use. The zero History is empty.
type History struct {
	mu     sync.Mutex
	spans  map[Place][]Span
	stalls []Span
	all    []Span // for the picture
}

// Begin notes that a fault begins at these places, and returns a function that notes its end.
func (h *History) Begin(kind string, now time.Time, places ...Place) (end func(time.Time)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.spans == nil {
		h.spans = make(map[Place][]Span)
	}
	for _, p := range places {
		h.spans[p] = append(h.spans[p], Span{Kind: kind, Start: now})
	}
	at := len(h.all)
	h.all = append(h.all, Span{Kind: kind, Start: now})
	return func(now time.Time) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.all[at].End = now
		for _, p := range places {
			spans := h.spans[p]
			for i := range spans {
				if spans[i].Kind == kind && spans[i].End.IsZero() {
					spans[i].End = now
				}
			}
		}
	}
}

// Mark notes something that takes no time.
func (h *History) Mark(kind string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, Span{Kind: kind, Start: now, End: now})
}

// Stall notes that a process of this program was not run by the machine. Nothing can be promised of such a time: deadlines pass
// while nobody works.
func (h *History) Stall(start, end time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stalls = append(h.stalls, Span{Kind: "stall", Start: start, End: end})
}

// All returns every fault in the order of their beginning.
func (h *History) All() []Span {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Span(nil), h.all...)
}

// Open reports whether any fault is open now.
func (h *History) Open() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(h.all) - 1; i >= 0 && i >= len(h.all)-8; i-- {
		if h.all[i].End.IsZero() {
			return true
		}
	}
	return false
}

// Faults are the windows that faults have opened at a place, tails included, as they stand now.
func (h *History) Faults(p Place, now time.Time) Windows {
	h.mu.Lock()
	defer h.mu.Unlock()
	return widen(h.spans[p], now, p.Endpoint.tail)
}

// Windows are those of faults and of stalls.
func (h *History) Windows(p Place, now time.Time) Windows {
	h.mu.Lock()
	defer h.mu.Unlock()
	return widen(inOrder(h.spans[p], h.stalls), now, p.Endpoint.tail)
}

// Stalled is how much of the time was lost to stalls, and how many there were.
func (h *History) Stalled() (count int, lost time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	merged := widen(inOrder(h.stalls), time.Time{}, func(time.Duration) time.Duration { return 0 })
	for _, s := range merged {
		lost += s.End.Sub(s.Start)
	}
	return len(merged), lost
}
