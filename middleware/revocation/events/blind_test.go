package events_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// lagging is a Store whose followers get nothing while it is held: a slow link, a long page, a process that is not warm yet.
type lagging struct {
	revocation.Store

	held *atomic.Bool
}

func (s lagging) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	wait := func() {
		for s.held.Load() && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	return s.Store.Follow(ctx, after, func(b []byte, p string) error {
		wait()
		return deliver(b, p)
	}, func(at time.Time) {
		if !s.held.Load() {
			alive(at)
		}
	})
}

// updates pushes updates of the stream to processes.
func updates(t *testing.T, at time.Time, status string, all ...*events.Receiver) {
	t.Helper()
	for _, r := range all {
		if w := pushTo(r, about(at, "stream-updated", fmt.Sprintf(`{"status":%q}`, status))); w.Code != http.StatusAccepted {
			t.Errorf("%s: %d %s", status, w.Code, w.Body)
		}
	}
}

// A process that is a moment behind the Store is told of the newest update, which says what that process believes already. All learn of it.
func TestTheNewestUpdateCountsThoughItsProcessIsBehind(t *testing.T) {
	for _, row := range []struct{ first, other, newest, want string }{
		{"paused", "enabled", "paused", "paused"},
		{"disabled", "enabled", "disabled", "disabled"},
		{"", "paused", "enabled", ""},
		{"enabled", "paused", "enabled", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			store := storetest.NewMemory()
			var held atomic.Bool
			one, _ := process(t, lagging{store, &held}, nil)
			two, _ := process(t, store, nil)
			if row.first != "" {
				updates(t, time.Now(), row.first, one)
			}
			time.Sleep(5 * time.Second)
			held.Store(true)
			updates(t, time.Now(), row.other, two)
			time.Sleep(2 * time.Second)
			updates(t, time.Now(), row.newest, one)
			time.Sleep(2 * time.Second)
			held.Store(false)
			time.Sleep(time.Minute)
			if a, b := one.Status().Feed.Blind, two.Status().Feed.Blind; a != row.want || b != row.want {
				t.Errorf("the newest of %+v: blind %q and %q", row, a, b)
			}
			late, _ := process(t, store, nil)
			if got := late.Status().Feed.Blind; got != row.want {
				t.Errorf("the newest of %+v: a process that begins later is blind %q", row, got)
			}
		})
	}
}

// iat counts whole seconds: of one second what arrives last counts, also where it says what its process believes already.
func TestTheNewestUpdateOfOneSecondCountsThoughItsProcessIsBehind(t *testing.T) {
	for _, row := range []struct{ first, other, want string }{{"paused", "enabled", "paused"}, {"enabled", "paused", ""}} {
		synctest.Test(t, func(t *testing.T) {
			store := storetest.NewMemory()
			var held atomic.Bool
			one, _ := process(t, lagging{store, &held}, nil)
			two, _ := process(t, store, nil)
			time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
			at := time.Now()
			updates(t, at, row.first, one)
			time.Sleep(200 * time.Millisecond)
			held.Store(true)
			updates(t, at, row.other, two)
			time.Sleep(200 * time.Millisecond)
			updates(t, at.Add(time.Nanosecond), row.first, one) // another token of the same second
			held.Store(false)
			time.Sleep(time.Minute)
			if a, b := one.Status().Feed.Blind, two.Status().Feed.Blind; a != row.want || b != row.want {
				t.Errorf("%+v: blind %q and %q", row, a, b)
			}
		})
	}
}

// Which update is the newest is for the transmitter to say: not which came last, nor whose clock is ahead.
func TestUpdatesCountInTheOrderInWhichTheyWereIssued(t *testing.T) {
	for _, row := range []struct{ earlier, later, want string }{{"paused", "enabled", ""}, {"enabled", "paused", "paused"}} {
		synctest.Test(t, func(t *testing.T) {
			store := storetest.NewMemory()
			one, _ := process(t, store, nil)
			two, _ := process(t, store, nil)
			began := time.Now()
			time.Sleep(time.Minute)
			updates(t, began.Add(30*time.Second), row.later, one)
			updates(t, began.Add(29*time.Second), row.earlier, two, one)
			time.Sleep(time.Minute)
			for _, r := range []*events.Receiver{one, two} {
				if got := r.Status().Feed.Blind; got != row.want {
					t.Errorf("%s comes late: blind %q", row.earlier, got)
				}
			}
		})
	}
}

// An update of the future (a clock that was set back, an iat in another unit) hides none that is issued now. If it says that events are
// missing, they are as of now; if it says that all is well, it is left out, as a verification event would be.
func TestAnUpdateOfTheFutureHidesNoneOfThePresent(t *testing.T) {
	for _, ahead := range []time.Duration{30 * time.Second, 24 * time.Hour, 200 * 365 * 24 * time.Hour} {
		for _, row := range []struct{ status, blind, next, want string }{
			{"enabled", "disabled", "disabled", "disabled"}, {"paused", "paused", "enabled", ""},
		} {
			synctest.Test(t, func(t *testing.T) {
				r, list, _ := offline(t, nil)
				updates(t, time.Now(), "disabled", r)
				time.Sleep(2 * time.Second)
				updates(t, time.Now().Add(ahead), row.status, r)
				if got := r.Status().Feed.Blind; got != row.blind && ahead > time.Minute {
					t.Errorf("%s, %v ahead: blind %q", row.status, ahead, got)
				}
				time.Sleep(2 * time.Second)
				updates(t, time.Now(), row.next, r)
				if got := r.Status().Feed.Blind; got != row.want {
					t.Errorf("%s %v ahead, and %s now: blind %q", row.status, ahead, row.next, got)
				}
				_ = list.Close()
			})
		}
	}
}

// Streams of one transmitter, of each of which there is a Receiver, are blind by themselves.
func TestAnotherStreamOfTheTransmitterEndsNoBlindness(t *testing.T) {
	f := receiver(t)
	second, err := events.New(f.auth, f.list, events.Config{Transmitter: f.issuer.URL(), Audiences: []string{audience}, StreamID: "second", Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	f.takes(f.streamEvent("stream-updated", claims{"status": "paused"}, nil))
	if got := second.Status().Feed; got.Blind != "" || got.Stream != "second" || got.Issuer != f.issuer.URL() {
		t.Errorf("the second stream is %+v", got)
	}
	token := f.issuer.SecurityEvent(claims{"sub_id": claims{"format": "opaque", "id": "second"}, "events": claims{ssf + "stream-updated": claims{"status": "enabled"}}})
	if w := pushTo(second, token); w.Code != http.StatusAccepted {
		t.Fatal(w.Code, w.Body)
	}
	if got := f.Status().Feed.Blind; got != "paused" {
		t.Errorf("the first stream is paused still, and its feed is blind %q", got)
	}
}

// What the transmitter says of the stream and what Verify finds out end each by itself, wherever each is known.
func TestALateVerificationDoesNotEnableAPausedStream(t *testing.T) {
	for _, status := range []string{"paused", "disabled"} {
		synctest.Test(t, func(t *testing.T) {
			store, state := storetest.NewMemory(), ""
			var held atomic.Bool
			verifies, _ := process(t, lagging{store, &held}, func(_ int, a asked, _ context.Context) (*http.Response, error) {
				state = a.State
				return respond(http.StatusNoContent, "")
			})
			other, _ := process(t, store, nil)
			both := func(want string) {
				t.Helper()
				time.Sleep(5 * time.Second)
				if a, b := verifies.Status().Feed.Blind, other.Status().Feed.Blind; a != want || b != want {
					t.Errorf("blind %q and %q, want %q", a, b, want)
				}
			}
			answer := func(r *events.Receiver) {
				t.Helper()
				if w := pushTo(r, about(time.Now(), "verification", fmt.Sprintf(`{"state":%q}`, state))); w.Code != http.StatusAccepted {
					t.Error(w.Code, w.Body)
				}
			}
			held.Store(true) // it does not know yet that the stream is paused
			updates(t, time.Now(), status, other)
			_ = verifies.Verify(t.Context()) // is not answered within a minute
			held.Store(false)
			both(status)
			answer(other)
			both(status)
			_ = verifies.Verify(t.Context())
			updates(t, time.Now(), "enabled", other)
			both("unverified")
			answer(verifies)
			both("")
		})
	}
}

// An answer to a Verify counts everywhere though the process that gets it does not know yet that another one was not answered.
func TestAVerificationCountsThoughItsProcessIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, state := storetest.NewMemory(), ""
		var held atomic.Bool
		hears, _ := process(t, lagging{store, &held}, nil)
		verifies, _ := process(t, store, func(_ int, a asked, _ context.Context) (*http.Response, error) {
			state = a.State
			return respond(http.StatusNoContent, "")
		})
		held.Store(true)
		_ = verifies.Verify(t.Context())
		time.Sleep(time.Second)
		if w := pushTo(hears, about(time.Now(), "verification", fmt.Sprintf(`{"state":%q}`, state))); w.Code != http.StatusAccepted {
			t.Error(w.Code, w.Body)
		}
		held.Store(false)
		soon(t, "the end of the blindness", func() bool { return hears.Status().Feed.Blind == "" && verifies.Status().Feed.Blind == "" })
		_ = verifies.Verify(t.Context())
		soon(t, "a blindness that is newer", func() bool { return hears.Status().Feed.Blind == "unverified" })
	})
}
