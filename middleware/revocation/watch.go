package revocation

import (
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// watchers are the streams that want to hear of a revocation, each under every digest that could hit its token. Nothing runs for them:
// whoever revokes calls those that it hits.
type watchers struct {
	mu  sync.Mutex
	all map[digest]map[*watcher]struct{}
	n   int
}

// watcher is one stream.
type watcher struct {
	issued  time.Time
	digests []digest
	revoked func()
	once    sync.Once
	stopped bool // guarded by watchers.mu
}

// Notify calls revoked once when an entry hits a token with these facts, until stop is called. It says nothing of entries that are there
// already: Judge does. It costs whoever revokes a look-up, and a call for each stream that is hit.
func (l *List) Notify(t middleware.TokenFacts, revoked func()) (stop func()) {
	w := &watcher{issued: t.IssuedAt, revoked: revoked}
	for place, value := range valuesOf(&t) {
		if kinds[place].names() == (value == "") {
			continue
		}
		if l.shared == nil {
			w.digests = append(w.digests, l.hasher.digest(place, t.Issuer, value))
			continue
		}
		for secret := range l.shared.seal.secrets {
			w.digests = append(w.digests, l.shared.seal.digest(secret, place, t.Issuer, value))
		}
	}
	l.watchers.add(w)
	return func() { l.watchers.remove(w) }
}

func (ws *watchers) add(w *watcher) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.all == nil {
		ws.all = make(map[digest]map[*watcher]struct{})
	}
	ws.n++
	for _, d := range w.digests {
		if ws.all[d] == nil {
			ws.all[d] = make(map[*watcher]struct{})
		}
		ws.all[d][w] = struct{}{}
	}
}

func (ws *watchers) remove(w *watcher) {
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

func (ws *watchers) count() int {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	return ws.n
}

// tell calls those whom an entry hits, without a lock: a function of theirs may well call stop.
func (ws *watchers) tell(d digest, r record) {
	var hit []*watcher
	ws.mu.Lock()
	for w := range ws.all[d] {
		if r.hits(w.issued) {
			hit = append(hit, w)
		}
	}
	ws.mu.Unlock()
	for _, w := range hit {
		w.once.Do(w.revoked)
	}
}
