package watch_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/watch"
)

// A bubble ends only when no goroutine is left in it, and time stands still then: so this also shows that the last thing's removal ends all.
func TestThingsAreLookedAtUntilTheyAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w watch.Watch
		var one, two atomic.Int64
		removeOne := w.Add(func() { one.Add(1) })
		removeTwo := w.Add(func() { two.Add(1) })
		time.Sleep(2*watch.Interval + watch.Interval/2)
		removeOne()
		time.Sleep(2 * watch.Interval)
		if one.Load() != 2 || two.Load() != 4 {
			t.Errorf("looked %d and %d times, want 2 and 4", one.Load(), two.Load())
		}
		removeTwo()
		removeTwo()
		time.Sleep(10 * watch.Interval)
		if two.Load() != 4 {
			t.Error("looked after it was removed")
		}
		removes := make(chan func(), 1)
		removes <- w.Add(func() { one.Add(1); (<-removes)() })
		time.Sleep(10 * watch.Interval)
		if one.Load() != 3 {
			t.Errorf("a thing that removes itself was looked at %d times", one.Load()-2)
		}
		w.Add(func() {})()
	})
}
