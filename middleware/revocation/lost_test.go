package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func TestAStoreThatLostEntriesGetsThemAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		restore, _ := store.Backup()
		feed, err := one.Feed("events", "https://i")
		if err != nil {
			t.Fatal(err)
		}
		for _, do := range []error{
			one.Revoke(t.Context(), entryAbout("u")), one.Revoke(t.Context(), entryAbout("v")), two.Revoke(t.Context(), entryAbout("w")),
			feed.SetBlind(t.Context(), "paused"),
		} {
			if do != nil {
				t.Fatal(do)
			}
		}
		synctest.Wait()
		if err := two.Lift(t.Context(), entryAbout("v")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(store.Entries()); n != 5 {
			t.Fatalf("the Store has %d entries", n)
		}
		_ = restore()
		const left = 4 // the one that was lifted needs not be there for its lift
		eventually(t, "all again", func() bool { return distinct(store) == left })
		time.Sleep(time.Minute)
		if n := distinct(store); n != left {
			t.Errorf("the Store has %d entries", n)
		}
		late := instance(t, store)
		if err := late.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		for subject, revoked := range map[string]bool{"u": true, "v": false, "w": true} {
			for name, l := range map[string]*revocation.List{"one": one, "two": two, "late": late} {
				if got := l.Judge(holder(subject)).Kind; (got != "") != revoked {
					t.Errorf("%s says %q of %s", name, got, subject)
				}
			}
		}
		again, err := late.Feed("events", "https://i")
		if err != nil || again.Status().Blind != "paused" {
			t.Errorf("the feed is %+v, %v", again.Status(), err)
		}
	})
}

func TestALostConnectionIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &noting{Memory: storetest.NewMemory()}
		l := instance(t, store)
		if err := l.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := l.Revoke(t.Context(), entryAbout("u")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		store.Cut(errors.New("connection lost"))
		time.Sleep(10 * time.Second)
		store.Gap()
		time.Sleep(10 * time.Second)
		do(t, l.Close())
		if len(store.from) != 3 || store.from[0] != "" || store.from[1] == "" || store.from[2] != "" {
			t.Errorf("the Store was followed from %q", store.from)
		}
	})
}

type noting struct {
	*storetest.Memory
	from []string // read once nothing runs any more
}

func (n *noting) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	n.from = append(n.from, after)
	return n.Memory.Follow(ctx, after, deliver, alive)
}

func TestEveryFullReadTellsWhatWasLost(t *testing.T) {
	for _, what := range []string{"well", "garbage", "no position yet"} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, token := storetest.NewMemory(), holder("u")
				one := instance(t, store)
				do(t, one.Warm(t.Context()))
				if what != "no position yet" {
					do(t, one.Revoke(t.Context(), entryAbout("somebody else")))
				}
				restore, _ := store.Backup()
				if what == "garbage" {
					do(t, store.Append(t.Context(), []byte("garbage"), time.Now().Add(time.Hour)))
				}
				synctest.Wait()
				store.Cut(errors.New("connection reset by peer"))
				synctest.Wait()
				do(t, one.Revoke(t.Context(), entryAbout("u")))
				do(t, restore()) // the server comes back without its last moments
				time.Sleep(5 * time.Minute)
				two := instance(t, store)
				do(t, two.Warm(t.Context()))
				time.Sleep(time.Minute)
				if two.Judge(token).Kind == "" {
					t.Error("what was shared is lost")
				}
			})
		})
	}
}

func TestAFullReadComesAfterALostConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		l := instance(t, store)
		do(t, l.Warm(t.Context()), l.Revoke(t.Context(), entryAbout("u")))
		do(t, store.Append(t.Context(), []byte{2, 2, 2}, time.Now().Add(15*time.Second)))
		time.Sleep(10 * time.Second)
		store.Cut(errors.New("connection lost"))
		time.Sleep(10 * time.Second)
		do(t, store.Trim())
		eventually(t, "a List that knows all again", func() bool { return time.Since(l.AsOf()) < time.Second })
	})
}

type noGap struct{}

func TestAnErrorThatIsNoGapIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &noting{Memory: storetest.NewMemory()}
		l := instance(t, store)
		do(t, l.Warm(t.Context()), l.Revoke(t.Context(), entryAbout("u")))
		synctest.Wait()
		store.Cut(noGap{})
		time.Sleep(10 * time.Second)
		do(t, l.Close())
		if len(store.from) != 2 || store.from[1] == "" {
			t.Errorf("the Store was followed from %q", store.from)
		}
	})
}

// distinct counts the entries of a Store, of which each may be there twice.
func distinct(store *storetest.Memory) int {
	seen := make(map[string]bool)
	for _, entry := range store.Entries() {
		seen[string(entry)] = true
	}
	return len(seen)
}

// What was lost is put back by whoever made it, and only that.
func TestOnlyWhatWasLostIsPutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		store := storetest.NewMemory()
		empty, err := store.Backup()
		do(t, err)
		one := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		two := instance(t, store)
		do(t, one.Warm(t.Context()), two.Warm(t.Context()), one.Revoke(t.Context(), entryAbout("u")))
		restore, err := store.Backup()
		do(t, err)
		store.FailAppends(errors.New("disk full"))
		if err := one.Revoke(t.Context(), entryAbout("pending")); !errors.Is(err, revocation.ErrNotShared) {
			t.Errorf("Revoke: %v", err)
		}
		time.Sleep(time.Second) // what is just being offered would count as lost, and by now it is offered once a second
		store.Gap()
		time.Sleep(time.Minute)
		store.FailAppends(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if strings.Contains(log.String(), "had lost") {
			t.Errorf("nothing was lost: %s", log.String())
		}
		do(t, one.Revoke(t.Context(), entryAbout("v")))
		synctest.Wait()
		do(t, restore())
		time.Sleep(time.Minute)
		if n := len(store.Entries()); n != 3 {
			t.Errorf("the Store has %d entries, want the one that it kept and the two that it got anew", n)
		}
		do(t, one.Close(), empty())
		time.Sleep(time.Minute)
		if n := len(store.Entries()); n != 0 {
			t.Errorf("of what another process has made %d entries were put back", n)
		}
		if n := strings.Count(log.String(), "could not be followed"); n > 2 {
			t.Errorf("that the List was closed is an error: %s", log.String())
		}
	})
}

// unheard is a Store that takes what is appended, while nobody can follow it until open is closed.
type unheard struct {
	*storetest.Memory
	open chan struct{}
}

func (u *unheard) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	select {
	case <-u.open:
		return u.Memory.Follow(ctx, after, deliver, alive)
	default:
		return errors.New("connection refused")
	}
}

// A state of a feed that was offered again may be lost before it has come back. It is offered once more, and later ones like any other.
func TestAStateThatIsLostBeforeItComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &unheard{Memory: storetest.NewMemory(), open: make(chan struct{})}
		one := instance(t, store)
		f, err := one.Feed("events", "https://i")
		do(t, err)
		restore, err := store.Backup()
		do(t, err)
		setWhileFull := func(why string) {
			store.FailAppends(errors.New("disk full"))
			if err := f.SetBlind(t.Context(), why); !errors.Is(err, revocation.ErrNotShared) {
				t.Fatal(err)
			}
			store.FailAppends(nil)
			eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
		}
		setWhileFull("paused")
		do(t, restore())
		close(store.open)
		two := instance(t, store.Memory)
		other, err := two.Feed("events", "https://i")
		do(t, err, one.Warm(t.Context()), two.Warm(t.Context()))
		eventually(t, "the state", func() bool { return other.Status().Blind == "paused" })
		setWhileFull("disabled")
		eventually(t, "the later state", func() bool { return other.Status().Blind == "disabled" })
	})
}
