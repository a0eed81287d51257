package entries

import (
	"sync"
	"sync/atomic"
	"time"
)

// Watchers are the streams that want to hear of a revocation, each under every digest that could hit its token. Nothing runs for them:
// whoever revokes calls those that it hits.
type Watchers struct {
	mu  sync.Mutex
	all map[Digest]map[*watcher]struct{}
	n   int
}

// watcher is one stream.
type watcher struct {
	issued  time.Time
	digests []Digest
	revoked func()
	told    atomic.Bool
	stopped bool // guarded by Watchers.mu
}

// Add has revoked called once when an entry comes under one of the digests that hits a token of this iat, until remove is called.
func (ws *Watchers) Add(issued time.Time, digests []Digest, revoked func()) (remove func()) {
	w := &watcher{issued: issued, digests: digests, revoked: revoked}
	ws.add(w)
	return func() { ws.remove(w) }
}

func (ws *Watchers) add(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.all == nil {
		ws.all = make(map[Digest]map[*watcher]struct{})
	}
	ws.n++
	for _, d := range w.digests {
		if ws.all[d] == nil {
			ws.all[d] = make(map[*watcher]struct{})
		}
		ws.all[d][w] = struct{}{}
	}
}

func (ws *Watchers) remove(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if w.stopped {
		return
	}
	w.stopped = true
	ws.n--
	for _, d := range w.digests {
		delete(ws.all[d], w)
		if len(ws.all[d]) == 0 {
			delete(ws.all, d)
		}
	}
}

// Count is how many there are.
func (ws *Watchers) Count() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.n
}

// Tell calls those whom an entry hits, without a lock: a function of theirs may well call stop.
func (ws *Watchers) Tell(d Digest, r Record) {
	var hit []*watcher
	ws.mu.Lock()
	for w := range ws.all[d] {
		if r.Hits(w.issued) {
			hit = append(hit, w)
		}
	}
	ws.mu.Unlock()
	for _, w := range hit {
		if w.told.CompareAndSwap(false, true) { // and not a sync.Once: a function may well revoke, and so come here again
			w.revoked()
		}
	}
}
