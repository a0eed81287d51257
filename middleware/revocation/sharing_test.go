package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func TestWhatCouldNotBeSharedHoldsHereAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		token := facts()
		full := errors.New("disk full")
		store.FailAppends(full)
		err := one.Revoke(t.Context(), entryAbout("u"))
		if !errors.Is(err, revocation.ErrNotShared) || !errors.Is(err, full) {
			t.Fatalf("Revoke: %v", err)
		}
		if one.Judge(token).Kind == "" {
			t.Error("it does not hold here")
		}
		if s := one.Status(); s.Pending != 1 || !errors.Is(s.LastError, full) {
			t.Errorf("the status has %d pending and %v", s.Pending, s.LastError)
		}
		time.Sleep(time.Minute)
		if two.Judge(token).Kind != "" {
			t.Error("the other instance has it from somewhere")
		}
		if s := one.Status(); !errors.Is(s.LastError, full) {
			t.Errorf("while an entry is pending the status has %v", s.LastError)
		}
		fuller := errors.New("disk still full")
		store.FailAppends(fuller)
		time.Sleep(time.Minute)
		if s := one.Status(); !errors.Is(s.LastError, fuller) {
			t.Errorf("while it is offered again the status has %v", s.LastError)
		}
		store.FailAppends(nil)
		eventually(t, "the entry in the other instance", func() bool { return two.Judge(token).Kind != "" })
		eventually(t, "a status that is well", func() bool { s := one.Status(); return s.Pending == 0 && s.LastError == nil })
		if n := len(store.Entries()); n != 1 {
			t.Errorf("the Store has %d entries", n)
		}
	})
}

func TestARevokeThatIsAbandonedHoldsAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		resume, _ := store.Stall()
		client, gone := context.WithTimeout(t.Context(), time.Second)
		defer gone()
		if err := one.Revoke(client, entryAbout("u")); !errors.Is(err, revocation.ErrNotShared) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Revoke: %v", err)
		}
		began := time.Now()
		if err := one.Revoke(t.Context(), entryAbout("v")); !errors.Is(err, revocation.ErrNotShared) {
			t.Fatalf("Revoke: %v", err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("a Store that is silent was waited for for %v", took)
		}
		_ = resume()
		for _, subject := range []string{"u", "v"} {
			eventually(t, subject, func() bool { return two.Judge(holder(subject)).Kind != "" })
		}
	})
}

func TestEntriesThatAreNotSharedWhenTheListIsClosedAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		store := storetest.NewMemory()
		l, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		do(t, l.Warm(t.Context()))
		store.FailAppends(errors.New("disk full"))
		for i := range 100 {
			_ = l.Revoke(t.Context(), entryAbout(fmt.Sprint(i)))
		}
		if n := l.Status().Pending; n != 100 {
			t.Errorf("%d are pending", n)
		}
		_ = l.Close()
		_ = l.Close()
		if strings.Count(log.String(), "could not be shared, and are offered again") != 1 {
			t.Errorf("a hundred failures within a minute are not one line: %s", log.String())
		}
		if strings.Contains(log.String(), "could not be followed") {
			t.Errorf("that the List was closed is an error: %s", log.String())
		}
		if strings.Count(log.String(), "closed with entries that no other instance may know of\" entries=100") != 1 {
			t.Errorf("the entries that are lost are not logged once: %s", log.String())
		}
	})
}

func TestAnEntryIsOfferedUntilItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, _ := pair(t, store)
		store.FailAppends(errors.New("disk full"))
		e := revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: "j", Until: time.Now().Add(time.Minute)}
		if err := one.Revoke(t.Context(), e); !errors.Is(err, revocation.ErrNotShared) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if n := one.Status().Pending; n != 1 {
			t.Errorf("%d are pending while the leeway of the token may last", n)
		}
		time.Sleep(10 * time.Minute)
		if n := one.Status().Pending; n != 0 {
			t.Errorf("%d are pending after the entry has ended", n)
		}
	})
}

func TestRepetitionsWhileTheStoreIsAwayFillNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, MaxEntries: 6})
		do(t, one.Warm(t.Context()))
		store.FailAppends(errors.New("disk full"))
		narrow := entryAbout("u")
		narrow.IssuedBefore = at(-600)
		for _, e := range []revocation.Entry{narrow, {Kind: revocation.Session, Issuer: "https://i", Value: "s"}} {
			for range 100 {
				if err := one.Revoke(t.Context(), e); !errors.Is(err, revocation.ErrNotShared) {
					t.Fatal(err)
				}
				time.Sleep(time.Second)
			}
		}
		if s := one.Status(); s.Entries != 2 || s.Pending != 2 {
			t.Errorf("there are %d entries, and %d are pending", s.Entries, s.Pending)
		}
		if one.Judge(but(func(f *middleware.TokenFacts) { f.IssuedAt = at(-900); f.SessionID = "" })).Kind == "" {
			t.Error("it does not hold")
		}
		store.FailAppends(nil)
		eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
		if n := len(store.Entries()); n != 2 {
			t.Errorf("the Store has %d entries", n)
		}
	})
}

func TestANarrowEntryReplacesNoWideOneThatIsPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		store.FailAppends(errors.New("disk full"))
		wide, narrow := entryAbout("u"), entryAbout("u")
		wide.IssuedBefore, narrow.IssuedBefore = at(0), at(-600)
		token := facts()
		_, _ = one.Revoke(t.Context(), wide), one.Revoke(t.Context(), narrow)
		store.FailAppends(nil)
		eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
		synctest.Wait()
		if one.Judge(token).Kind == "" || two.Judge(token).Kind == "" {
			t.Error("the wide entry was lost")
		}
	})
}

func TestASlowStoreIsNotFlooded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Memory: storetest.NewMemory()}
		one := instance(t, store)
		store.FailAppends(errors.New("disk full"))
		for i := range 100 {
			_ = one.Revoke(t.Context(), entryAbout(fmt.Sprint(i)))
		}
		store.FailAppends(nil)
		eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
		if most := store.most.Load(); most < 32 || most > 33 { // and one by whoever revokes
			t.Errorf("%d were offered at once", most)
		}
	})
}

type slow struct {
	*storetest.Memory
	now, most atomic.Int64
}

func (s *slow) Append(ctx context.Context, entry []byte, until time.Time) error {
	now := s.now.Add(1)
	defer s.now.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	time.Sleep(10 * time.Millisecond)
	return s.Memory.Append(ctx, entry, until)
}

func TestALastingFailureIsLoggedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l, err := revocation.New(revocation.Config{
			Store: broken{err: errors.New("connection refused")}, Secrets: [][]byte{secretOf(1)}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3*time.Minute + 30*time.Second)
		_ = l.Close()
		if n := strings.Count(log.String(), "could not be followed"); n < 3 || n > 4 {
			t.Errorf("in three and a half minutes it was logged %d times", n)
		}
	})
}

// late is a Store that takes what is appended, says that it has not, and shows it later: a commit whose answer was lost. The contract says:
// "After an error the entry may be there all the same."
type late struct {
	*storetest.Memory
	held *[][]byte // nil: it works
}

func (s *late) Append(ctx context.Context, entry []byte, until time.Time) error {
	if s.held == nil {
		return s.Memory.Append(ctx, entry, until)
	}
	*s.held = append(*s.held, append([]byte(nil), entry...))
	return errors.New("the connection was lost")
}

func TestLiftUndoesWhatWasRevokedTwiceWhileTheStoreWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var held [][]byte
		store := &late{Memory: storetest.NewMemory(), held: &held}
		one, two := instance(t, store), instance(t, store)
		do(t, one.Warm(t.Context()), two.Warm(t.Context()))
		_ = one.Revoke(t.Context(), entryAbout("u")) // holds here, and its commit is on its way
		time.Sleep(time.Second)
		_ = one.Revoke(t.Context(), entryAbout("u")) // takes the place of the first, which this process forgets
		_ = one.Lift(t.Context(), entryAbout("u"))   // undoes the second alone
		if got := one.Judge(holder("u")).Kind; got != "" {
			t.Fatalf("right after Lift it is revoked by %q", got)
		}
		store.held = nil
		for _, entry := range held {
			do(t, store.Memory.Append(t.Context(), entry, time.Now().Add(time.Hour)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if a, b := one.Judge(holder("u")).Kind, two.Judge(holder("u")).Kind; a != "" || b != "" {
			t.Errorf("a minute after Lift, with nothing pending (%d), it is revoked by %q here and %q there", one.Status().Pending, a, b)
		}
	})
}

// An entry that comes while a wider one is being offered takes its place no more than one that comes before or after.
func TestWhatComesWhileAnotherIsOffered(t *testing.T) {
	for _, row := range []struct {
		name    string
		before  int64 // of the entry that comes later, in seconds from now
		pending int
	}{
		{"one that says as much takes its place", 0, 1},
		{"one that says less does not", -600, 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := storetest.NewMemory()
				one, two := pair(t, store)
				wide, later, token := entryAbout("u"), entryAbout("u"), facts()
				wide.IssuedBefore, later.IssuedBefore = at(0), at(row.before)
				wide.Until, later.Until = at(3600), at(3600)
				resume, err := store.Stall()
				do(t, err)
				revoke := func(e revocation.Entry) {
					ctx, gone := context.WithTimeout(t.Context(), time.Second)
					defer gone()
					if err := one.Revoke(ctx, e); !errors.Is(err, revocation.ErrNotShared) {
						t.Fatalf("Revoke: %v", err)
					}
				}
				revoke(wide) // and from now on it is offered, for five seconds
				revoke(later)
				time.Sleep(20 * time.Second)
				if n := one.Status().Pending; n != row.pending || one.Judge(token).Kind == "" {
					t.Errorf("%d are pending, want %d, and the token is revoked by %q", n, row.pending, one.Judge(token).Kind)
				}
				do(t, resume())
				eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
				synctest.Wait()
				if one.Judge(token).Kind == "" || two.Judge(token).Kind == "" {
					t.Error("the wide entry was lost")
				}
			})
		})
	}
}

// Of what waits behind much else the last entry is known, so that one that says as much takes its place.
func TestRepetitionsBehindMuchElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, _ := pair(t, store)
		store.FailAppends(errors.New("disk full"))
		wide, narrow := entryAbout("u"), entryAbout("u")
		wide.IssuedBefore, narrow.IssuedBefore = at(0), at(-600)
		_ = one.Revoke(t.Context(), wide)
		for i := range 40 {
			_ = one.Revoke(t.Context(), entryAbout(fmt.Sprint(i)))
		}
		_ = one.Revoke(t.Context(), narrow)
		for range 20 {
			time.Sleep(300 * time.Millisecond)
			_ = one.Revoke(t.Context(), narrow)
		}
		if n := one.Status().Pending; n != 42 {
			t.Errorf("%d are pending, want 42", n)
		}
	})
}

// unanswered is a Store that takes what it is given, and may not say so.
type unanswered struct {
	*storetest.Memory
	silent  atomic.Bool
	waiting atomic.Int64
}

func (u *unanswered) Append(ctx context.Context, entry []byte, until time.Time) error {
	u.waiting.Add(1)
	defer u.waiting.Add(-1)
	if err := u.Memory.Append(ctx, entry, until); err != nil || !u.silent.Load() {
		return err
	}
	return errors.New("no answer")
}

// An entry may be in the Store although that has not said so, and another may have taken its place here, which is being offered at this very moment
// among others. A lift undoes both.
func TestALiftUndoesWhatAnotherHasReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &unanswered{Memory: storetest.NewMemory()}
		one, two := pair(t, store)
		token := facts()
		feed, err := one.Feed("events", "https://i")
		do(t, err)
		store.FailAppends(errors.New("disk full"))
		if err := feed.SetBlind(t.Context(), "paused"); !errors.Is(err, revocation.ErrNotShared) {
			t.Fatalf("SetBlind: %v", err)
		}
		store.silent.Store(true)
		store.FailAppends(nil)
		for _, change := range []func() error{
			func() error { return one.Revoke(t.Context(), entryAbout("somebody else")) },
			func() error { return one.Revoke(t.Context(), entryAbout("u")) },
			func() error { return one.Revoke(t.Context(), entryAbout("u")) },
		} {
			if err := change(); !errors.Is(err, revocation.ErrNotShared) {
				t.Fatalf("a Store without an answer: %v", err)
			}
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		_ = one.Revoke(t.Context(), entryAbout("u"))
		if n := one.Status().Pending; n != 3 || two.Judge(token).Kind == "" {
			t.Fatalf("%d are pending", n)
		}
		resume, err := store.Stall()
		do(t, err)
		eventually(t, "all being offered", func() bool { return store.waiting.Load() == 3 })
		if err := one.Lift(t.Context(), entryAbout("u")); !errors.Is(err, revocation.ErrNotShared) {
			t.Errorf("Lift: %v", err)
		}
		store.silent.Store(false)
		do(t, resume())
		eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
		synctest.Wait()
		if one.Judge(token).Kind != "" || two.Judge(token).Kind != "" {
			t.Errorf("here it is revoked by %q, and in the other instance by %q", one.Judge(token).Kind, two.Judge(token).Kind)
		}
	})
}
