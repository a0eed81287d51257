package kit

import (
	"context"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// ObserveInto is a Config.Observe that keeps the latest decision, for tests of one goroutine.
func ObserveInto(d *middleware.Decision) func(context.Context, middleware.Decision) {
	return func(_ context.Context, latest middleware.Decision) { *d = latest }
}

// Decisions collects decisions.
type Decisions struct {
	mu  sync.Mutex
	All []middleware.Decision
}

// Observe is a Config.Observe.
func (w *Decisions) Observe(_ context.Context, d middleware.Decision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.All = append(w.All, d)
}

// Last returns the newest decision.
func (w *Decisions) Last(t testing.TB) middleware.Decision {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.All) == 0 {
		t.Fatal("Observe was not called")
	}
	return w.All[len(w.All)-1]
}

// Count is how many decisions there were.
func (w *Decisions) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.All)
}
