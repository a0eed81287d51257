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

// What says that nothing is wrong where nothing was said need not travel; a source that said so at the beginning of time is believed.
func TestNothingIsSharedUntilSomethingWasSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one := instance(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err, one.Warm(t.Context()), f.SetBlind(t.Context(), ""))
		if n := len(store.Entries()); n != 0 {
			t.Errorf("%d states travelled", n)
		}
		counts, err := f.SetBlindBySource(t.Context(), "", time.Unix(0, 0))
		do(t, err)
		time.Sleep(time.Minute)
		if n := len(store.Entries()); !counts || n != 1 || one.Status().Pending != 0 || one.Status().Unreadable != 0 {
			t.Errorf("what the source said counts: %t, travelled %d times, and the List is %+v", counts, n, one.Status())
		}
	})
}

func TestWhatASourceMayNotSay(t *testing.T) {
	list := newList(t, revocation.Config{})
	f, err := list.Feed("events", "https://i")
	do(t, err)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if counts, err := f.SetBlindBySource(t.Context(), strings.Repeat("w", 33), time.Now()); counts || err == nil {
		t.Errorf("a long reason: %t, %v", counts, err)
	}
	if counts, err := f.SetBlindBySource(ended, "paused", time.Now()); counts || !errors.Is(err, context.Canceled) {
		t.Errorf("in a context that has ended: %t, %v", counts, err)
	}
	do(t, list.Close())
	if counts, err := f.SetBlindBySource(t.Context(), "paused", time.Now()); counts || !errors.Is(err, revocation.ErrClosed) {
		t.Errorf("of a List that was closed: %t, %v", counts, err)
	}
	if got := f.Status().Blind; got != "" {
		t.Errorf("blind %q", got)
	}
}

// What a source says again while the Store is out of reach is one state.
func TestWhatASourceSaysAgainIsOneState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one := instance(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err, one.Warm(t.Context()))
		store.FailAppends(errors.New("disk full"))
		now := time.Now()
		for range 3 {
			if counts, err := f.SetBlindBySource(t.Context(), "paused", now); !counts || !errors.Is(err, revocation.ErrNotShared) {
				t.Errorf("%t, %v", counts, err)
			}
		}
		store.FailAppends(nil)
		time.Sleep(time.Minute)
		if n := len(store.Entries()); n != 1 {
			t.Errorf("it travelled %d times", n)
		}
	})
}

// What a source says again in the same second counts, though an instance that is behind believes that all know it.
func TestWhatASourceSaysLastCountsThoughItsInstanceIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &holding{Memory: storetest.NewMemory()}
		one, two := instance(t, store), instance(t, store.Memory)
		f, err := one.Feed("events", "https://i")
		do(t, err, one.Warm(t.Context()), two.Warm(t.Context()))
		other, err := two.Feed("events", "https://i")
		do(t, err)
		now := time.Now()
		say := func(f *revocation.Feed, why string) {
			counts, err := f.SetBlindBySource(t.Context(), why, now)
			if do(t, err); !counts {
				t.Errorf("%q does not count", why)
			}
			time.Sleep(50 * time.Millisecond)
		}
		say(f, "paused")
		store.held.Store(true)
		say(other, "")
		say(f, "paused")
		store.held.Store(false)
		time.Sleep(time.Minute)
		if a, b := f.Status().Blind, other.Status().Blind; a != "paused" || b != "paused" {
			t.Errorf("blind %q and %q", a, b)
		}
	})
}

// Of what a source says with the time of one second, what arrives last counts everywhere.
func TestOfOneSecondWhatArrivesLastCountsEverywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t, storetest.NewMemory())
		f, err := one.Feed("events", "https://i")
		do(t, err)
		other, err := two.Feed("events", "https://i")
		do(t, err)
		at := time.Now().Add(-time.Minute)
		for n := range 20 {
			why := []string{"paused", "disabled"}[n%2]
			_, err := f.SetBlindBySource(t.Context(), why, at)
			do(t, err)
			synctest.Wait()
			if got := other.Status().Blind; got != why {
				t.Errorf("%d: blind %q, want %q", n, got, why)
			}
		}
	})
}

// behind is a Store that answers some time after an entry has come to everybody, with an error or without.
type behind struct {
	*storetest.Memory

	err  error
	well atomic.Bool // without, from now on
}

func (b *behind) Append(ctx context.Context, entry []byte, until time.Time) error {
	if err := b.Memory.Append(ctx, entry, until); err != nil {
		return err
	}
	time.Sleep(time.Second)
	if b.well.Load() {
		return nil
	}
	return b.err
}

// A state that has come back from the Store before its answer is done when that says so, and is offered again like an entry if it does not,
// unless it counts no more.
func TestAStateThatComesBackBeforeTheAnswer(t *testing.T) {
	for _, row := range []struct {
		name       string
		err        error
		superseded bool
		pending    int
	}{
		{"the answer is good", nil, false, 0},
		{"there is none", errors.New("cut off"), false, 1},
		{"there is none, and another state has come", errors.New("cut off"), true, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := &behind{Memory: storetest.NewMemory(), err: row.err}
			one, two := instance(t, store), instance(t, store.Memory)
			f, err := one.Feed("events", "https://i")
			do(t, err, one.Warm(t.Context()), two.Warm(t.Context()))
			other, err := two.Feed("events", "https://i")
			do(t, err)
			if row.superseded {
				time.AfterFunc(500*time.Millisecond, func() { do(t, other.SetBlind(t.Context(), "disabled")) })
			}
			if err := f.SetBlind(t.Context(), "paused"); errors.Is(err, revocation.ErrNotShared) != (row.err != nil) {
				t.Errorf("%s: %v", row.name, err)
			}
			if n := one.Status().Pending; n != row.pending {
				t.Errorf("%s: %d are pending, want %d", row.name, n, row.pending)
			}
			store.well.Store(true)
			time.Sleep(time.Minute)
			if n := one.Status().Pending; n != 0 {
				t.Errorf("%s: %d are pending in the end", row.name, n)
			}
		})
	}
}

// What the Store has taken is shared, before its instance has heard it from there.
func TestAStateIsSharedWhenTheStoreHasTakenIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &holding{Memory: storetest.NewMemory()}
		one := instance(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err, one.Warm(t.Context()))
		store.held.Store(true)
		do(t, f.SetBlind(t.Context(), "paused"), f.SetBlind(t.Context(), "paused"))
		if n := len(store.Entries()); n != 1 {
			t.Errorf("it travelled %d times", n)
		}
		store.held.Store(false)
	})
}

// What an instance has repeated while it was behind outdates what was said before that, and nothing else.
func TestWhatOutdatesWhatAnInstanceHasRepeated(t *testing.T) {
	for _, row := range []struct {
		name   string
		why    string
		at     time.Duration // after the repetition
		want   string
		states int
	}{
		{"another before", "disabled", -time.Second, "paused", 3},
		{"another after", "disabled", time.Second, "disabled", 2},
		{"the same before", "paused", -time.Second, "paused", 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := &holding{Memory: storetest.NewMemory()}
			one := instance(t, store)
			f, err := one.Feed("events", "https://i")
			do(t, err, one.Warm(t.Context()), f.SetBlind(t.Context(), "paused"))
			time.Sleep(time.Minute)
			store.held.Store(true)
			time.Sleep(2 * time.Second)
			do(t, f.SetBlind(t.Context(), "paused"))
			repeated := time.Now()
			time.Sleep(2 * time.Second)
			do(t, store.Append(t.Context(), f.SealFound(secretOf(1), row.why, repeated.Add(row.at)), time.Now().Add(14*24*time.Hour)))
			store.held.Store(false)
			time.Sleep(time.Minute)
			if got, n := f.Status().Blind, len(store.Entries()); got != row.want || n != row.states {
				t.Errorf("%s: blind %q after %d states, want %q after %d", row.name, got, n, row.want, row.states)
			}
		})
	}
}
