package revocation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

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
func TestSecretsAreReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old, young := secretOf(1), secretOf(2)
		store := storetest.NewMemory()
		briefly := func(secrets [][]byte) *revocation.List {
			return newList(t, revocation.Config{Store: store, Secrets: secrets, MaxAge: 10 * time.Minute})
		}
		steps := [][][]byte{{old}, {old, young}, {young, old}, {young}}
		for i := range len(steps) - 1 {
			before, after := briefly(steps[i]), briefly(steps[i+1])
			if i == 2 { // what was made with the old one ends
				time.Sleep(21 * time.Minute) // MaxAge, and the longest Leeway
				do(t, store.Trim())
			}
			do(t, before.Warm(t.Context()), after.Warm(t.Context()))
			for _, pair := range [][2]*revocation.List{{before, after}, {after, before}} {
				do(t, pair[0].Revoke(t.Context(), entryAbout("u")))
				synctest.Wait()
				if pair[1].Judge(facts()).Kind == "" {
					t.Errorf("step %d: it is not refused", i)
				}
				do(t, pair[1].Lift(t.Context(), entryAbout("u")))
				synctest.Wait()
				if pair[0].Judge(facts()).Kind != "" || pair[1].Judge(facts()).Kind != "" {
					t.Errorf("step %d: it is not lifted", i)
				}
			}
			do(t, before.Close(), after.Close())
		}
	})
}

// The latest state of a feed counts in every instance, and for a feed that is made after the state came.
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
