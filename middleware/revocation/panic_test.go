package revocation_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// panicking is a Store whose client panics when it is called for the first time, after it was away as often as that.
type panicking struct {
	*storetest.Memory
	away             int64
	follows, appends atomic.Int64
}

func (s *panicking) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	if s.follows.Add(1) == 1 {
		panic("index out of range")
	}
	return s.Memory.Follow(ctx, after, deliver, alive)
}

func (s *panicking) Append(ctx context.Context, entry []byte, until time.Time) error {
	switch n := s.appends.Add(1); {
	case n <= s.away:
		return errors.New("away")
	case n == s.away+1:
		panic("index out of range")
	}
	return s.Memory.Append(ctx, entry, until)
}

// A Store that panics is one that fails: the process goes on, and so does what was asked of the Store.
func TestAStoreThatPanicsIsTriedAgain(t *testing.T) {
	for name, away := range map[string]int64{"while somebody waits": 0, "when it is offered again": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &panicking{Memory: storetest.NewMemory(), away: away}
				one, two := instance(t, store), instance(t, store.Memory)
				do(t, one.Warm(t.Context()), two.Warm(t.Context()))
				if err := one.Revoke(t.Context(), entryAbout("u")); !errors.Is(err, revocation.ErrNotShared) {
					t.Errorf("Revoke: %v", err)
				}
				time.Sleep(time.Minute)
				if got := two.Judge(holder("u")).Kind; got != string(revocation.Subject) || one.Status().Pending != 0 {
					t.Errorf("a minute later it is revoked there by %q, and %d are pending", got, one.Status().Pending)
				}
			})
		})
	}
}

func TestAPanicOfTheStoreIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := instance(t, &panicking{Memory: storetest.NewMemory()})
		synctest.Wait()
		if err := l.Status().LastError; err == nil || !strings.Contains(err.Error(), "panicked with a string") {
			t.Errorf("the error is %v", err)
		}
	})
}
