package revocation_test

import (
	"context"
	"errors"
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
		for range 2 {
			if err := f.SetBlind(t.Context(), "paused"); !errors.Is(err, revocation.ErrNotShared) {
				t.Errorf("SetBlind: %v", err)
			}
		}
		store.FailAppends(nil)
		eventually(t, "the state", func() bool { return other.Status().Blind == "paused" })
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
			l := instance(t, again)
			f, err := l.Feed("events", "https://i")
			do(t, err, l.Warm(t.Context()))
			if s := f.Status(); s.Blind != "paused" {
				t.Errorf("in the order %v the feed is %q", order, s.Blind)
			}
			do(t, l.Close())
		}
	})
}
