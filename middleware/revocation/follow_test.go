package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// put puts bytes into a Store as somebody would who can write to it.

func put(t testing.TB, store revocation.Store, entry []byte) {
	t.Helper()
	if err := store.Append(t.Context(), entry, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func soon() uint32 { return uint32(time.Now().Add(time.Hour).Unix()) }

// Whoever writes to the Store revokes nobody, and whoever reads it learns of nobody.

func TestTheStoreIsNotTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		other := storetest.NewMemory()
		if err := instance(t, other).Revoke(t.Context(), entryAbout("a subject's name")); err != nil {
			t.Fatal(err)
		}
		good := other.Entries()[0]
		if bytes.Contains(good, []byte("name")) || bytes.Contains(good, []byte("https")) {
			t.Errorf("the Store can read %q", good)
		}
		forgeries := map[string][]byte{
			"empty":                       {},
			"noise":                       bytes.Repeat([]byte{7}, 60),
			"much longer":                 append(slices.Clone(good), make([]byte, 400)...),
			"of another secret":           revocation.SealRecord(secretOf(9), revocation.OpSubject, 1, soon(), nil),
			"longer":                      append(slices.Clone(good), 0),
			"of a version to come":        append([]byte{2}, good[1:]...),
			"an operation to come":        revocation.SealRecord(secretOf(1), 5, 1, soon(), nil),
			"another operation to come":   revocation.SealRecord(secretOf(1), 255, 1, soon(), nil),
			"without an identifier":       revocation.SealRecord(secretOf(1), revocation.OpSubject, 0, soon(), nil),
			"a lift without identifiers":  revocation.SealRecord(secretOf(1), revocation.OpLift, 1, soon(), nil),
			"a lift of fewer than it has": revocation.SealRecord(secretOf(1), revocation.OpLift, 1, soon(), []byte{2, 0, 0, 0, 0, 0, 0, 1}),
			"a feed without a state":      revocation.SealRecord(secretOf(1), revocation.OpFeed, 1, soon(), make([]byte, 8)),
			"a feed of a cut reason":      revocation.SealRecord(secretOf(1), revocation.OpFeed, 1, soon(), append(make([]byte, 8), 3, 'a', 'b')),
			"a feed of a long reason": revocation.SealRecord(
				secretOf(1), revocation.OpFeed, 1, soon(), append(append(make([]byte, 8), 33), bytes.Repeat([]byte{'a'}, 33)...),
			),
			"a feed of a broken reason": revocation.SealRecord(secretOf(1), revocation.OpFeed, 1, soon(), append(make([]byte, 8), 1, '\n')),
			"a feed before time":        revocation.SealRecord(secretOf(1), revocation.OpFeed, 1, soon(), append(bytes.Repeat([]byte{255}, 8), 0)),
		}
		for i := range good { // every bit is under the tag
			forgeries[fmt.Sprint("a flipped bit of byte ", i)] = flipped(good, i)
			forgeries[fmt.Sprint("cut to ", i)] = good[:i]
		}
		for name, forged := range forgeries {
			store := storetest.NewMemory()
			l := instance(t, store)
			if err := l.Warm(t.Context()); err != nil {
				t.Fatal(err)
			}
			asOf := l.AsOf()
			put(t, store, forged)
			time.Sleep(time.Second)
			if s := l.Status(); s.Entries != 0 || s.Unreadable == 0 || s.LastError == nil {
				t.Errorf("%s: the status is %+v", name, s)
			}
			if !l.AsOf().Equal(asOf) {
				t.Errorf("%s: an entry that cannot be read does not stop AsOf", name)
			}
			_ = l.Close()
		}
	})
}

func flipped(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 0x10
	return b
}

// A later version may add to what an operation has.

func TestWhatIsAddedBehindIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		l, _ := pair(t, store)
		put(t, store, revocation.SealRecord(secretOf(1), revocation.OpSubject, 77, soon(), []byte("more to come")))
		synctest.Wait()
		if l.Judge(facts()).Kind == "" {
			t.Error("an entry with more behind it is not read")
		}
		put(t, store, revocation.SealRecord(secretOf(1), revocation.OpLift, 1, soon(), []byte{1, 0, 0, 0, 0, 0, 0, 77, 'm', 'o', 'r', 'e'}))
		synctest.Wait()
		if l.Judge(facts()).Kind != "" || l.Status().Unreadable != 0 {
			t.Error("a lift with more behind it is not read")
		}
	})
}

// AsOf stands still from an entry that cannot be read until a full read finds it gone. What comes after it holds all the same.

func TestNothingIsSkippedSilently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		asOf, token := one.AsOf(), facts()
		if err := store.Append(t.Context(), []byte{2, 2, 2}, time.Now().Add(2*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if err := two.Revoke(t.Context(), entryAbout("u")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		store.Cut(errors.New("connection lost"))
		time.Sleep(30 * time.Second)
		if one.Judge(token).Kind == "" {
			t.Error("what came after it does not hold")
		}
		if got := one.AsOf(); !got.Equal(asOf) {
			t.Errorf("AsOf moved by %v", got.Sub(asOf))
		}
		if err := one.Status().LastError; err == nil || !strings.Contains(err.Error(), "version") {
			t.Errorf("the status has %v", err)
		}
		if lag := one.Status().Lag; lag != 90*time.Second {
			t.Errorf("the lag is %v", lag)
		}
		time.Sleep(time.Minute)
		_ = store.Trim()
		eventually(t, "a List that knows all again", func() bool { return time.Since(one.AsOf()) < time.Second })
		if s := one.Status(); s.LastError != nil || s.Unreadable < 2 {
			t.Errorf("the status is %+v", s)
		}
	})
}

func TestAFollowerWithoutRoomStopsAsOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one := instance(t, store)
		small := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, MaxEntries: 2})
		for _, l := range []*revocation.List{one, small} {
			if err := l.Warm(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 {
			e := revocation.Entry{Kind: revocation.Token, Issuer: "https://i", Value: fmt.Sprint(i), Until: time.Now().Add(time.Minute)}
			if err := one.Revoke(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		if s := small.Status(); s.Lag < time.Second || s.Entries != 2 || !errors.Is(s.LastError, revocation.ErrFull) {
			t.Errorf("the status is %+v", s)
		}
		if err := small.Revoke(t.Context(), entryAbout("u")); !errors.Is(err, revocation.ErrFull) || len(store.Entries()) != 3 {
			t.Errorf("Revoke of a full List: %v, and the Store has %d entries", err, len(store.Entries()))
		}
		time.Sleep(20 * time.Minute) // they have ended
		if lag := small.Status().Lag; lag > time.Second {
			t.Errorf("with room again the lag is %v", lag)
		}
	})
}

func TestAsOfStandsStillWhileTheStoreIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		resume, _ := store.Stall()
		store.Cut(errors.New("connection lost"))
		before := one.AsOf()
		time.Sleep(time.Minute)
		if got := one.AsOf(); !got.Equal(before) {
			t.Errorf("AsOf moved by %v", got.Sub(before))
		}
		_ = resume()
		eventually(t, "knowledge", func() bool { return time.Since(one.AsOf()) < time.Second })
		if err := two.Revoke(t.Context(), entryAbout("u")); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the entry", func() bool { return one.Judge(facts()).Kind != "" })
	})
}

// A Store may be wrong about time, or end Follow for no reason.

func TestAStoreThatIsWrongAboutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := instance(t, odd{})
		if err := l.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.AsOf(); got.After(time.Now()) {
			t.Errorf("AsOf is %v ahead", time.Until(got))
		}
		before := l.AsOf()
		time.Sleep(time.Minute)
		if l.AsOf().Before(before) {
			t.Error("AsOf went back")
		}
		synctest.Wait() // it rests before the next try
		if s := l.Status(); s.LastError == nil || !strings.Contains(s.LastError.Error(), "ended by itself") {
			t.Errorf("the status has %v", s.LastError)
		}
	})
}

type odd struct{}

func (odd) Append(context.Context, []byte, time.Time) error { return nil }

func (odd) Follow(_ context.Context, _ string, _ func([]byte, string) error, alive func(time.Time)) error {
	alive(time.Now().Add(time.Hour))
	alive(time.Now().Add(-time.Hour))
	return nil
}

// What an instance has revoked, lifted and said of a feed is put into a Store that has lost it.

// A gap is an error of its own: a connection that was lost is resumed.

// noting is a Memory that notes from where it is followed.

// Whatever begins a full read, it tells what the Store has lost.

// A connection that is lost while an entry is there that cannot be read is no reason to wait for ever.

// noGap is an error that could be about a gap, and is not.

func (noGap) Error() string { return "connection lost" }

func (noGap) Gap() bool { return false }

// What comes back to the instance that made it is nothing new.

func TestOnesOwnEntriesChangeNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		one, two := pair(t, storetest.NewMemory())
		do(t, one.Revoke(t.Context(), entryAbout("u")))
		time.Sleep(time.Second)
		if one.Version() != 1 || two.Version() != 1 {
			t.Errorf("the versions are %d and %d", one.Version(), two.Version())
		}
	})
}

// A List can tell until when each secret is needed, and so when it can be taken away.

// hourly is a Memory that is looked at once an hour.

// What was said of a feed is said again before it ends, so that it holds for as long as the feed is blind.

// What is said of a feed while the Store is away is offered again, and whoever says it again is told.

// What revoked calls may revoke.

func TestAStreamThatEndsMayRevoke(t *testing.T) {
	list := newList(t, revocation.Config{})
	ended := 0
	token := facts()
	defer list.Notify(token, func() {
		ended++
		do(t, list.Revoke(t.Context(), entryAbout(token.Subject)))
	})()
	do(t, list.Revoke(t.Context(), revocation.Entry{Kind: revocation.Token, Issuer: token.Issuer, Value: token.ID}))
	if ended != 1 {
		t.Errorf("it was told %d times", ended)
	}
}

// More can be lifted than there is room for; beyond that nothing is lifted.
