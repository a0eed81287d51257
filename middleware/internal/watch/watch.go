// Package watch looks after many long-lived things with one goroutine, which runs while there are any.
package watch

import (
	"sync"
	"time"
)

// Interval is how often each is looked at.
const Interval = 250 * time.Millisecond

// Watch is a set of things to look at. Its zero value is ready for use, and it is safe for concurrent use.
type Watch struct {
	mu   sync.Mutex
	all  map[*thing]struct{}
	stop chan struct{} // ends the goroutine; nil while none runs
}

type thing struct{ look func() }

// Add has look called every Interval until remove is called; one call may still be under way then. The looks of all things share a
// goroutine, so that each must be quick; they may call remove.
func (w *Watch) Add(look func()) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop == nil {
		w.all, w.stop = make(map[*thing]struct{}), make(chan struct{})
		go w.run(w.stop)
	}
	added := &thing{look}
	w.all[added] = struct{}{}
	return func() { w.remove(added) }
}

// remove ends the goroutine with the last thing.
func (w *Watch) remove(t *thing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.all[t]; !there {
		return
	}
	delete(w.all, t)
	if len(w.all) == 0 {
		close(w.stop)
		w.stop = nil
	}
}

func (w *Watch) run(stop chan struct{}) {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		for _, t := range w.now() {
			t.look()
		}
	}
}

func (w *Watch) now() []*thing {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*thing, 0, len(w.all))
	for t := range w.all {
		all = append(all, t)
	}
	return all
}
