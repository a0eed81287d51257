package statuslist

import (
	"context"
	"sync"
)

// gates let so many fetches at once into each origin, however many lists it has. Others wait.
type gates struct {
	mu  sync.Mutex
	all map[string]*gate
}

type gate struct {
	places chan struct{}
	users  int // who are inside or wait; guarded by gates.mu
}

const maxFetches = 8 // of one origin at once

// enter waits for a place. The caller calls leave when it is done.
func (gs *gates) enter(ctx context.Context, origin string) (leave func(), err error) {
	g := gs.use(origin)
	select {
	case g.places <- struct{}{}:
		return func() { <-g.places; gs.unuse(origin) }, nil
	case <-ctx.Done():
		gs.unuse(origin)
		return nil, ctx.Err()
	}
}

func (gs *gates) use(origin string) *gate {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	g := gs.all[origin]
	if g == nil {
		if gs.all == nil {
			gs.all = make(map[string]*gate)
		}
		g = &gate{places: make(chan struct{}, maxFetches)}
		gs.all[origin] = g
	}
	g.users++
	return g
}

func (gs *gates) unuse(origin string) {
	gs.mu.Lock()
	defer gs.mu.Unlock()
	if g := gs.all[origin]; g.users > 1 {
		g.users--
		return
	}
	delete(gs.all, origin)
}
