package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func TestALiftThatCannotBeRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		l := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, MaxEntries: 3})
		do(t, l.Warm(t.Context()))
		lifted := 0
		for i := range 2000 {
			do(t, l.Revoke(t.Context(), entryAbout(fmt.Sprint(i))))
			err := l.Lift(t.Context(), entryAbout(fmt.Sprint(i)))
			if err != nil {
				if !errors.Is(err, revocation.ErrFull) || l.Judge(holder(fmt.Sprint(i))).Kind == "" {
					t.Errorf("Lift: %v", err)
				}
				break
			}
			lifted++
		}
		if lifted != 2*3+1024 || len(store.Entries()) != 2*lifted+1 {
			t.Errorf("%d were lifted, and the Store has %d entries", lifted, len(store.Entries()))
		}
	})
}

// Entries commute and may repeat: whatever order a Store delivers them in, the same tokens are revoked in the end.

func TestEntriesCommute(t *testing.T) {
	for _, row := range []struct {
		name   string
		act    func(t *testing.T, one, two *revocation.List)
		iat    int64 // of the token, in seconds from now
		revoke bool
	}{
		{"revoked twice", func(t *testing.T, one, two *revocation.List) {
			do(t, one.Revoke(t.Context(), entryAbout("u")), two.Revoke(t.Context(), entryAbout("u")))
		}, -60, true},
		{"revoked and lifted", func(t *testing.T, one, two *revocation.List) {
			do(t, one.Revoke(t.Context(), entryAbout("u")))
			synctest.Wait()
			do(t, two.Lift(t.Context(), entryAbout("u")))
		}, -60, false},
		{"revoked twice and lifted", func(t *testing.T, one, two *revocation.List) {
			do(t, one.Revoke(t.Context(), entryAbout("u")), two.Revoke(t.Context(), entryAbout("u")))
			synctest.Wait()
			do(t, two.Lift(t.Context(), entryAbout("u")))
		}, -60, false},
		{"revoked, lifted and revoked", func(t *testing.T, one, two *revocation.List) {
			do(t, one.Revoke(t.Context(), entryAbout("u")))
			synctest.Wait()
			do(t, two.Lift(t.Context(), entryAbout("u")), one.Revoke(t.Context(), entryAbout("u")))
		}, -60, true},
		{"a narrow one behind a wide one that was lifted", func(t *testing.T, one, two *revocation.List) {
			narrow, wide := entryAbout("u"), entryAbout("u")
			narrow.IssuedBefore, wide.IssuedBefore = at(-600), at(0)
			do(t, one.Revoke(t.Context(), wide))
			synctest.Wait()
			do(t, two.Lift(t.Context(), entryAbout("u")), two.Revoke(t.Context(), narrow))
		}, -60, false},
		{"a token older than the narrow one that is left", func(t *testing.T, one, two *revocation.List) {
			narrow, wide := entryAbout("u"), entryAbout("u")
			narrow.IssuedBefore, wide.IssuedBefore = at(-600), at(0)
			do(t, one.Revoke(t.Context(), wide))
			synctest.Wait()
			do(t, two.Lift(t.Context(), entryAbout("u")), two.Revoke(t.Context(), narrow))
		}, -700, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := storetest.NewMemory()
				one, two := pair(t, store)
				row.act(t, one, two)
				synctest.Wait()
				token := facts()
				token.IssuedAt = at(row.iat)
				for order := range permutations(len(store.Entries())) {
					again := storetest.NewMemory()
					for _, i := range order {
						put(t, again, store.Entries()[i])
						put(t, again, store.Entries()[order[0]])
					}
					l := instance(t, again)
					do(t, l.Warm(t.Context()))
					if got := l.Judge(token).Kind; (got != "") != row.revoke {
						t.Errorf("in the order %v the token is revoked by %q", order, got)
					}
					if s := l.Status(); s.Unreadable != 0 {
						t.Errorf("in the order %v: %v", order, s.LastError)
					}
					do(t, l.Close())
				}
			})
		})
	}
}

func do(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// permutations yields every order of n things.

func permutations(n int) func(yield func([]int) bool) {
	return func(yield func([]int) bool) {
		var extend func(order []int) bool
		extend = func(order []int) bool {
			if len(order) == n {
				return yield(order)
			}
			for i := range n {
				used := false
				for _, j := range order {
					used = used || i == j
				}
				if !used && !extend(append(order[:len(order):len(order)], i)) {
					return false
				}
			}
			return true
		}
		extend(nil)
	}
}

// A revocation that had not come to the instance that lifts is not undone by it.

func TestALiftUndoesWhatWasKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		do(t, one.Revoke(t.Context(), entryAbout("u")))
		synctest.Wait()
		elsewhere := storetest.NewMemory() // where two's next comes from, later
		three := instance(t, elsewhere)
		do(t, three.Revoke(t.Context(), entryAbout("u")), two.Lift(t.Context(), entryAbout("u")))
		synctest.Wait()
		if one.Judge(facts()).Kind != "" {
			t.Error("what was lifted holds")
		}
		put(t, store, elsewhere.Entries()[0])
		synctest.Wait()
		if one.Judge(facts()).Kind == "" || two.Judge(facts()).Kind == "" {
			t.Error("what came after the lift, and was made without it, does not hold")
		}
		if err := one.Lift(t.Context(), entryAbout("nobody")); err != revocation.ErrNotListed {
			t.Errorf("Lift of nothing: %v", err)
		}
	})
}

// A lift has room for so many entries; more take several.

func TestALiftOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		for range 2*revocation.MaxLifted + 1 {
			do(t, one.Revoke(t.Context(), entryAbout("u")))
		}
		synctest.Wait()
		do(t, two.Lift(t.Context(), entryAbout("u")))
		synctest.Wait()
		if one.Judge(facts()).Kind != "" || one.Status().Entries != 0 {
			t.Errorf("of many entries %d are left", one.Status().Entries)
		}
		for _, entry := range store.Entries() {
			if len(entry) > revocation.MaxRecord {
				t.Errorf("an entry has %d bytes", len(entry))
			}
		}
	})
}

// Instances get a new secret one after the other, and lose the old one later.

// The latest state of a feed counts in every instance, and for a feed that is made after the state came.

// Streams in every instance end, as requests do.

func TestStreamsOfOtherInstancesEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t, storetest.NewMemory())
		var ended [2]time.Time
		for i, l := range []*revocation.List{one, two} {
			defer l.Notify(facts(), func() { ended[i] = time.Now() })()
		}
		do(t, one.Revoke(t.Context(), entryAbout("nobody")), one.Revoke(t.Context(), entryAbout("u")))
		synctest.Wait()
		if ended[0].IsZero() || ended[1].IsZero() {
			t.Errorf("streams ended at %v", ended)
		}
	})
}

// delayed is a Store that is followed late, and may say that it has not taken what it has.
type delayed struct {
	*storetest.Memory
	silent atomic.Bool
	held   chan struct{} // closed: what was appended is delivered
}

func (d *delayed) Append(ctx context.Context, entry []byte, until time.Time) error {
	if err := d.Memory.Append(ctx, entry, until); err != nil || !d.silent.Load() {
		return err
	}
	return errors.New("no answer")
}

func (d *delayed) Follow(ctx context.Context, after string, deliver func([]byte, string) error, alive func(time.Time)) error {
	return d.Memory.Follow(ctx, after, func(entry []byte, resume string) error {
		select {
		case <-d.held:
		case <-ctx.Done():
		}
		return deliver(entry, resume)
	}, alive)
}

// An entry in whose place another stands may be in the Store although that has not said so, and come from there only after a lift: when the other
// was taken, or waits behind one that says less.
func TestALiftUndoesWhatWasReplacedAndIsYetToCome(t *testing.T) {
	for _, row := range []struct {
		name string
		then func(t *testing.T, one *revocation.List, store *delayed)
	}{
		{"the other was taken", func(t *testing.T, one *revocation.List, store *delayed) {
			store.silent.Store(false)
			eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
		}},
		{"the other waits", func(t *testing.T, one *revocation.List, _ *delayed) {
			narrow := entryAbout("u")
			narrow.IssuedBefore = at(-600)
			_ = one.Revoke(t.Context(), narrow)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &delayed{Memory: storetest.NewMemory(), held: make(chan struct{})}
				store.silent.Store(true)
				one := instance(t, store)
				do(t, one.Warm(t.Context()))
				token := facts()
				for range 2 {
					if err := one.Revoke(t.Context(), entryAbout("u")); !errors.Is(err, revocation.ErrNotShared) {
						t.Fatal(err)
					}
				}
				if err := one.Lift(t.Context(), entryAbout("nobody")); err != revocation.ErrNotListed {
					t.Errorf("Lift of nobody: %v", err)
				}
				row.then(t, one, store)
				store.silent.Store(false)
				do(t, one.Lift(t.Context(), entryAbout("u")))
				if err := one.Lift(t.Context(), entryAbout("u")); err != revocation.ErrNotListed {
					t.Errorf("a second Lift: %v", err)
				}
				close(store.held)
				eventually(t, "nothing pending", func() bool { return one.Status().Pending == 0 })
				synctest.Wait()
				if kind := one.Judge(token).Kind; kind != "" {
					t.Errorf("after the lift the token is revoked by %q", kind)
				}
			})
		})
	}
}

// Where a part of many entries was undone before there was no room to remember more, other instances are told of that part, too.
func TestALiftOfManyWithoutRoomForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, MaxEntries: 100})
		two := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, MaxEntries: 1000})
		do(t, one.Warm(t.Context()), two.Warm(t.Context()))
		token, short := facts(), entryAbout("somebody else")
		short.IssuedBefore, short.Until = at(-600), at(60)
		for range 2*100 + 1024 - revocation.MaxLifted - 2 {
			do(t, one.Revoke(t.Context(), short), one.Lift(t.Context(), short))
		}
		for range revocation.MaxLifted + 10 {
			do(t, one.Revoke(t.Context(), entryAbout("u")))
		}
		if err := one.Lift(t.Context(), entryAbout("u")); !errors.Is(err, revocation.ErrFull) {
			t.Fatalf("Lift: %v", err)
		}
		time.Sleep(time.Hour) // what was lifted before has ended
		do(t, one.Lift(t.Context(), entryAbout("u")))
		synctest.Wait()
		if here, there := one.Judge(token).Kind, two.Judge(token).Kind; here != "" || there != "" {
			t.Errorf("here it is revoked by %q, and in the other instance by %q", here, there)
		}
	})
}

// picky is a Store that takes entries of some lengths of life alone, and says that it takes none of the others although it does.
type picky struct {
	*delayed
	refuses time.Time // what lives as long or longer
}

func (p *picky) Append(ctx context.Context, entry []byte, until time.Time) error {
	if err := p.delayed.Append(ctx, entry, until); err != nil || until.Before(p.refuses) {
		return err
	}
	return errors.New("no answer")
}

// What was taken is remembered although others, which were offered at the same time, were refused.
func TestALiftUndoesWhatWasReplacedBesideWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &picky{&delayed{Memory: storetest.NewMemory(), held: make(chan struct{})}, time.Now().Add(36 * time.Hour)}
		store.silent.Store(true)
		one := instance(t, store)
		do(t, one.Warm(t.Context()))
		token, long := facts(), entryAbout("v")
		long.Until = time.Now().Add(48 * time.Hour)
		for _, e := range []revocation.Entry{entryAbout("u"), entryAbout("u"), long} {
			if err := one.Revoke(t.Context(), e); !errors.Is(err, revocation.ErrNotShared) {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		store.silent.Store(false)
		eventually(t, "one pending", func() bool { return one.Status().Pending == 1 })
		do(t, one.Lift(t.Context(), entryAbout("u")))
		close(store.held)
		time.Sleep(time.Second)
		if kind := one.Judge(token).Kind; kind != "" {
			t.Errorf("after the lift the token is revoked by %q", kind)
		}
	})
}
