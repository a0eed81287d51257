package middleware

import (
	"context"
	"sync"
)

// flights lets concurrent first sights of one token be verified once. Only success is shared: a failure may be the
// first caller's own (its context has ended), so the others then look for themselves.
type flights struct {
	mu   sync.Mutex
	open map[string]*flight // by the token
}

type flight struct {
	done     chan struct{} // closed when verified is final
	verified *verified     // nil: not proven
}

// join returns what another caller has just proven, or else a flight for the caller to pilot and to land. A caller that
// waited in vain gets a flight that nobody else is on.
func (f *flights) join(ctx context.Context, token string) (*verified, *flight) {
	f.mu.Lock()
	ahead, taken := f.open[token]
	if !taken {
		mine := &flight{done: make(chan struct{})}
		if f.open == nil {
			f.open = make(map[string]*flight)
		}
		f.open[token] = mine
		f.mu.Unlock()
		return nil, mine
	}
	f.mu.Unlock()
	select {
	case <-ahead.done:
	case <-ctx.Done():
		return nil, &flight{}
	}
	if ahead.verified == nil {
		return nil, &flight{}
	}
	return ahead.verified, nil
}

// land ends a flight. It must be called even if proving panics, or others would wait for ever.
func (f *flights) land(token string, mine *flight) {
	if mine.done == nil {
		return // nobody waits for it
	}
	f.mu.Lock()
	delete(f.open, token)
	f.mu.Unlock()
	close(mine.done)
}
