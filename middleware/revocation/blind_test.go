package revocation_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

type hourly struct{ *storetest.Memory }

func (h hourly) Follow(ctx context.Context, _ string, deliver func([]byte, string) error, alive func(time.Time)) error {
	for seen := 0; ctx.Err() == nil; {
		now := time.Now()
		for _, entry := range h.Entries()[seen:] {
			seen++
			if err := deliver(entry, ""); err != nil {
				return err
			}
		}
		alive(now)
		select {
		case <-ctx.Done():
		case <-time.After(time.Hour):
		}
	}
	return ctx.Err()
}

func TestBlindnessLasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := hourly{storetest.NewMemory()}
		one := instance(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err, one.Warm(t.Context()), f.SetBlind(t.Context(), "paused"))
		time.Sleep(30 * 24 * time.Hour)
		if n := len(store.Entries()); n < 4 || n > 6 {
			t.Errorf("in thirty days it was said %d times", n)
		}
		until := one.Status().SecretsUntil[0]
		if until.Before(time.Now().Add(6 * 24 * time.Hour)) {
			t.Errorf("it was said until %v from now", time.Until(until))
		}
		late := instance(t, store)
		again, err := late.Feed("events", "https://i")
		do(t, err, late.Warm(t.Context()))
		if again.Status().Blind != "paused" || !again.Status().BlindSince.Equal(f.Status().BlindSince) {
			t.Errorf("after a month the feed is %+v", again.Status())
		}
	})
}

func TestBlindnessThatCouldNotBeShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err)
		other, err := two.Feed("events", "https://i")
		do(t, err)
		elsewhere, err := one.Feed("logout", "https://i")
		do(t, err)
		store.FailAppends(errors.New("disk full"))
		for n, at := range []time.Time{time.Now(), time.Now(), time.Now().Add(-time.Second), time.Now()} {
			if err := f.SetBlind(t.Context(), "unverified"); !errors.Is(err, revocation.ErrNotShared) {
				t.Errorf("call %d of SetBlind: %v", n+1, err)
			}
			counts, err := f.SetBlindBySource(t.Context(), "paused", at)
			if isOld := n == 2; counts == isOld || errors.Is(err, revocation.ErrNotShared) == isOld {
				t.Errorf("call %d of SetBlindBySource: %t, %v", n+1, counts, err)
			}
			if got := one.Status().Pending; got != 2 {
				t.Errorf("after call %d two states are pending %d times", n+1, got)
			}
		}
		if _, err := f.SetBlindBySource(t.Context(), "disabled", time.Now()); !errors.Is(err, revocation.ErrNotShared) || one.Status().Pending != 2 {
			t.Errorf("another state: %v, %d are pending", err, one.Status().Pending)
		}
		store.FailAppends(nil)
		eventually(t, "the state", func() bool { return other.Status().Blind == "disabled" && one.Status().Pending == 0 })
		do(t, f.SetBlind(t.Context(), "unverified"))
		if n := len(store.Entries()); n != 3 {
			t.Errorf("there are %d states in the Store, want 3: what it has need not be shared again", n)
		}
		if elsewhere.Status().Blind != "" {
			t.Error("a feed of another name is blind too")
		}
		do(t, one.Close())
		if err := f.SetBlind(t.Context(), ""); !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("SetBlind of a List that was closed: %v", err)
		}
		if err := one.Warm(t.Context()); !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("Warm of a List that was closed: %v", err)
		}
	})
}

func TestBlindnessTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		feeds := make([]*revocation.Feed, 2)
		for i, l := range []*revocation.List{one, two} {
			var err error
			if feeds[i], err = l.Feed("events", "https://i"); err != nil {
				t.Fatal(err)
			}
			if _, err := l.Feed("events", "https://other"); err != nil {
				t.Fatal(err)
			}
		}
		for i, why := range []string{"paused", "", "disabled", "disabled", "paused"} {
			do(t, feeds[i%2].SetBlind(t.Context(), why))
			synctest.Wait()
			late := instance(t, store)
			do(t, late.Warm(t.Context()))
			made, err := late.Feed("events", "https://i")
			do(t, err)
			for _, f := range append(feeds, made) {
				if s := f.Status(); s.Blind != why || s.BlindSince.IsZero() != (why == "") {
					t.Errorf("after %q a feed is %+v", why, s)
				}
			}
		}
		if n := len(store.Entries()); n != 4 {
			t.Errorf("%d states travelled, want 4: what is known already need not", n)
		}
		if s := one.Status().Feeds[1]; s.Blind != "" {
			t.Errorf("another feed is %+v", s)
		}
		for order := range permutations(4) {
			again := storetest.NewMemory()
			for _, i := range order {
				put(t, again, store.Entries()[i])
			}
			for _, early := range []bool{true, false} { // whether the feed is made before its states come
				l := instance(t, again)
				if early {
					_, err := l.Feed("events", "https://i")
					do(t, err)
				}
				do(t, l.Warm(t.Context()))
				f, err := l.Feed("events", "https://i")
				do(t, err)
				if s := f.Status(); s.Blind != "paused" {
					t.Errorf("in the order %v the feed is %q, made early: %v", order, s.Blind, early)
				}
				do(t, l.Close())
			}
		}
	})
}

// A state travels once, however long it was on its way and whatever was read meanwhile.
func TestAStateTravelsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one := instance(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err, one.Warm(t.Context()))
		store.FailAppends(errors.New("disk full"))
		if err := f.SetBlind(t.Context(), "paused"); !errors.Is(err, revocation.ErrNotShared) {
			t.Errorf("SetBlind: %v", err)
		}
		store.Gap()
		time.Sleep(10 * time.Second)
		store.FailAppends(nil)
		time.Sleep(time.Minute)
		if n := len(store.Entries()); n != 1 {
			t.Errorf("it was shared %d times", n)
		}
		do(t, f.SetBlind(t.Context(), "paused"))
		if n := len(store.Entries()); n != 1 {
			t.Errorf("what the Store has was shared again: %d times", n)
		}
	})
}

// While a secret is replaced, an instance says under the new one what another has said under the old one, so that it is known once the old one is gone.
func TestAStateIsSaidUnderEachSecretInFront(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, old, young := storetest.NewMemory(), secretOf(1), secretOf(2)
		before, after := instance(t, store, old, young), instance(t, store, young, old)
		do(t, before.Warm(t.Context()), after.Warm(t.Context()))
		first, err := after.Feed("events", "https://i")
		do(t, err, first.SetBlind(t.Context(), "paused"))
		synctest.Wait()
		second, err := before.Feed("events", "https://i")
		do(t, err, second.SetBlind(t.Context(), "disabled"))
		time.Sleep(time.Minute)
		under := 0
		for _, entry := range store.Entries() {
			if revocation.OpenRecord(young, entry) == nil {
				under++
			}
		}
		if n := len(store.Entries()); n != 3 || under != 2 {
			t.Errorf("of %d states %d are under the new secret, want 3 and both", n, under)
		}
	})
}

// Of what the source says the latest counts by its own clock, and of one second what arrives last. What instances find out is apart from it.
func TestWhatASourceSaysCountsByItsOwnTime(t *testing.T) {
	for name, store := range map[string]revocation.Store{"alone": nil, "shared": storetest.NewMemory()} {
		synctest.Test(t, func(t *testing.T) {
			cfg := revocation.Config{}
			if store != nil {
				cfg = revocation.Config{Store: storetest.NewMemory(), Secrets: [][]byte{secretOf(1)}}
			}
			l := newList(t, cfg)
			f, err := l.Feed("events", "https://i")
			do(t, err, l.Warm(t.Context()))
			time.Sleep(time.Hour)
			now := time.Now()
			for n, row := range []struct {
				source bool
				why    string
				at     time.Time
				counts bool
				want   string
				since  time.Time
			}{
				{true, "paused", now.Add(-40 * time.Second), true, "paused", now.Add(-40 * time.Second)},
				{true, "paused", now.Add(-30 * time.Second), true, "paused", now.Add(-40 * time.Second)},
				{true, "", now.Add(-31 * time.Second), false, "paused", now.Add(-40 * time.Second)},
				{false, "unverified", now, true, "paused", now.Add(-40 * time.Second)},
				{true, "", now.Add(-30 * time.Second), true, "unverified", now},
				{true, "disabled", now.Add(-30 * time.Second), true, "disabled", now.Add(-30 * time.Second)},
				{false, "", now, true, "disabled", now.Add(-30 * time.Second)},
				{true, "", now.Add(time.Hour), true, "", time.Time{}},
				{true, "paused", now, true, "paused", now},
				{true, "", time.Unix(-1, 0), false, "paused", now},
			} {
				counts, err := true, error(nil)
				if row.source {
					counts, err = f.SetBlindBySource(t.Context(), row.why, row.at)
				} else {
					err = f.SetBlind(t.Context(), row.why)
				}
				s := f.Status()
				if err != nil || counts != row.counts || s.Blind != row.want || s.BlindSince.Sub(row.since).Abs() > time.Second {
					t.Errorf("%s, %d: %t, %v, blind %q since %v, want %q since %v", name, n, counts, err, s.Blind, s.BlindSince, row.want, row.since)
				}
			}
		})
	}
}

// What lies at one instance is shown there alone, behind what all know.
func TestBlindnessOfOneInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t, storetest.NewMemory())
		f, err := one.Feed("events", "https://i")
		do(t, err)
		other, err := two.Feed("events", "https://i")
		do(t, err)
		began := time.Now()
		f.SetBlindHere("unreachable")
		time.Sleep(time.Minute)
		f.SetBlindHere("untaken")
		if s := f.Status(); s.Blind != "untaken" || !s.BlindSince.Equal(began) || other.Status().Blind != "" {
			t.Errorf("%+v, and the other %+v", s, other.Status())
		}
		do(t, f.SetBlind(t.Context(), "unverified"))
		if got := f.Status().Blind; got != "unverified" {
			t.Errorf("blind %q", got)
		}
		do(t, f.SetBlind(t.Context(), ""))
		f.SetBlindHere("")
		if s := f.Status(); s.Blind != "" || !s.BlindSince.IsZero() {
			t.Errorf("%+v", s)
		}
	})
}

// What an instance says again need not travel, unless it did not know yet that another one had said something else before.
func TestWhatIsSaidAgainCountsThoughItsInstanceIsBehind(t *testing.T) {
	for _, row := range []struct {
		name    string
		between func(f *revocation.Feed) error // after the other instance has spoken
		want    string
	}{
		{"it says so again", func(f *revocation.Feed) error { time.Sleep(time.Second); return f.SetBlind(t.Context(), "paused") }, "paused"},
		{"it says nothing", func(*revocation.Feed) error { return nil }, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := &holding{Memory: storetest.NewMemory()}
			one := instance(t, store)
			two := instance(t, store.Memory)
			f, err := one.Feed("events", "https://i")
			do(t, err, one.Warm(t.Context()), two.Warm(t.Context()))
			other, err := two.Feed("events", "https://i")
			do(t, err, f.SetBlind(t.Context(), "paused"))
			time.Sleep(time.Second)
			do(t, f.SetBlind(t.Context(), "paused")) // which all know
			time.Sleep(time.Minute)
			store.held.Store(true)
			do(t, other.SetBlind(t.Context(), ""), row.between(f))
			store.held.Store(false)
			time.Sleep(time.Minute)
			if a, b := f.Status().Blind, other.Status().Blind; a != row.want || b != row.want {
				t.Errorf("%s: blind %q and %q, want %q", row.name, a, b, row.want)
			}
		})
	}
}

// holding is a Store whose followers get nothing while it is held.
type holding struct {
	*storetest.Memory

	held atomic.Bool
}

func (h *holding) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	return h.Memory.Follow(ctx, after, func(b []byte, p string) error {
		for h.held.Load() && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		return deliver(b, p)
	}, func(at time.Time) {
		if !h.held.Load() {
			alive(at)
		}
	})
}

// The clock of an instance that has said the same again is ahead of another's. What that one says afterwards counts all the same.
func TestAClockThatIsAheadHidesNothingThatIsSaidLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, _ := pair(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err)
		time.Sleep(time.Hour)
		do(t, f.SetBlind(t.Context(), ""))
		time.Sleep(10 * time.Second) // all is known from before
		do(t, store.Append(t.Context(), f.SealFound(secretOf(1), "unverified", time.Now().Add(-5*time.Minute)), time.Now().Add(time.Hour)))
		eventually(t, "the blindness", func() bool { return f.Status().Blind == "unverified" })
	})
}
