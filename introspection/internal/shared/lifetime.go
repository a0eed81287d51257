package shared

import (
	"sync"
	"time"
)

// lifetime counts what runs, so that its end can be waited for.
type lifetime struct {
	mu      sync.Mutex
	running int
	over    bool
	drained chan struct{} // closed when it is over and nothing runs
}

func newLifetime() *lifetime { return &lifetime{drained: make(chan struct{})} }

// begin is false when it is over.
func (l *lifetime) begin() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return false
	}
	l.running++
	return true
}

func (l *lifetime) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running--; l.over && l.running == 0 {
		close(l.drained)
	}
}

// close lets nothing begin any more, and waits for what runs, but no longer than grace.
func (l *lifetime) close(grace time.Duration) {
	l.mu.Lock()
	if !l.over {
		l.over = true
		if l.running == 0 {
			close(l.drained)
		}
	}
	l.mu.Unlock()

	enough := time.NewTimer(grace)
	defer enough.Stop()
	select {
	case <-l.drained:
	case <-enough.C:
	}
}
