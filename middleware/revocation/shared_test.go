package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func secretOf(fill byte) []byte { return bytes.Repeat([]byte{fill}, 32) }

// instance is one of several processes that share a Store.

func instance(t testing.TB, store revocation.Store, secrets ...[]byte) *revocation.List {
	t.Helper()
	if len(secrets) == 0 {
		secrets = [][]byte{secretOf(1)}
	}
	return newList(t, revocation.Config{Store: store, Secrets: secrets})
}

// pair are two instances that have read their Store.

func pair(t testing.TB, store revocation.Store) (one, two *revocation.List) {
	t.Helper()
	one, two = instance(t, store), instance(t, store)
	for _, l := range []*revocation.List{one, two} {
		if err := l.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return one, two
}

func entryAbout(value string) revocation.Entry {
	return revocation.Entry{Kind: revocation.Subject, Issuer: "https://i", Value: value}
}

func holder(subject string) middleware.TokenFacts {
	return but(func(f *middleware.TokenFacts) { f.Subject = subject })
}

// eventually waits in a bubble until is reports true.

func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for range 1000 {
		synctest.Wait()
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("in 100 s of the bubble's time there is not: %s", what)
}

func TestWhatOneInstanceRevokesAllRefuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		entries := map[revocation.Kind]revocation.Entry{
			revocation.Token:   {Kind: revocation.Token, Issuer: "https://i", Value: "j"},
			revocation.Session: {Kind: revocation.Session, Issuer: "https://i", Value: "s"},
			revocation.Subject: entryAbout("u"),
			revocation.Client:  {Kind: revocation.Client, Issuer: "https://i", Value: "c"},
			revocation.Issuer:  revocation.WholeIssuer("https://i", time.Time{}),
		}
		for kind, e := range entries {
			if err := one.Revoke(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			late := instance(t, store) // one that starts later
			if err := late.Warm(t.Context()); err != nil {
				t.Fatal(err)
			}
			for name, l := range map[string]*revocation.List{"the one that revoked": one, "the other": two, "one that started later": late} {
				if got := l.Judge(facts()); got.Kind != string(kind) {
					t.Errorf("%s: in %s the token is revoked by %q", kind, name, got.Kind)
				}
				other := middleware.TokenFacts{Issuer: "https://other", ID: "j", SessionID: "s", Subject: "u", ClientID: "c", IssuedAt: at(-60), Expiry: at(600)}
				if got := l.Judge(other); got.Kind != "" {
					t.Errorf("%s: in %s a token of another issuer is revoked", kind, name)
				}
			}
			if err := two.Lift(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			for name, l := range map[string]*revocation.List{"the one that revoked": one, "the one that lifted": two} {
				if got := l.Judge(facts()); got.Kind != "" {
					t.Errorf("%s: in %s the token is still revoked by %q", kind, name, got.Kind)
				}
			}
		}
	})
}

func TestNothingIsJudgedBeforeTheFirstFullRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		resume, _ := store.Stall()
		l := instance(t, store)
		if got := l.Judge(facts()); !got.AsOf.IsZero() || !l.AsOf().IsZero() {
			t.Errorf("something is known as of %v", got.AsOf)
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Warm(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Warm of a Store that is silent: %v", err)
		}
		if s := l.Status(); s.Lag != 0 || !s.AsOf.IsZero() {
			t.Errorf("the status is %+v", s)
		}
		_ = resume()
		if err := l.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := l.Judge(facts()); got.AsOf.IsZero() {
			t.Error("nothing is known after the first full read")
		}
	})
}

func TestWarmSaysWhatWentWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("connection refused")
		l := instance(t, broken{err: gone})
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Warm(short); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, gone) {
			t.Errorf("Warm: %v", err)
		}
		if s := l.Status(); !errors.Is(s.LastError, gone) {
			t.Errorf("the status has %v", s.LastError)
		}
		waiting := make(chan error, 1)
		go func() { waiting <- l.Warm(t.Context()) }()
		synctest.Wait()
		_ = l.Close()
		if err := <-waiting; !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("Warm of a List that is closed meanwhile: %v", err)
		}
		if err := l.Warm(t.Context()); !errors.Is(err, revocation.ErrClosed) {
			t.Errorf("Warm of a List that was closed: %v", err)
		}
	})
	if err := newList(t, revocation.Config{}).Warm(t.Context()); err != nil {
		t.Errorf("Warm without a Store: %v", err)
	}
}

// broken is a Store that cannot be reached.

type broken struct{ err error }

func (b broken) Append(context.Context, []byte, time.Time) error { return b.err }

func (b broken) Follow(context.Context, string, func([]byte, string) error, func(time.Time)) error {
	return b.err
}

// What a handler answers while the Store does not take anything.

func TestHandlersTellWhatIsSharedFromWhatIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, _ := pair(t, store)
		post := func() int {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{"kind":"subject","issuer":"https://i","value":"u"}`))
			r.Header.Set("Content-Type", "application/json")
			one.Handler().ServeHTTP(w, r)
			return w.Code
		}
		logout := func() int {
			w := httptest.NewRecorder()
			ctx := middleware.ContextWithToken(t.Context(), &middleware.Token{Issuer: "https://i", ID: "j", Expiry: time.Now().Add(time.Hour)})
			one.RevokeOwn().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil).WithContext(ctx))
			return w.Code
		}
		if a, b := post(), logout(); a != http.StatusNoContent || b != http.StatusNoContent {
			t.Errorf("shared: %d and %d", a, b)
		}
		store.FailAppends(errors.New("disk full"))
		if a, b := post(), logout(); a != http.StatusAccepted || b != http.StatusAccepted {
			t.Errorf("not shared: %d and %d", a, b)
		}
	})
}

// Lists are used by many at once while their Store comes and goes.

func TestSharingUnderLoad(t *testing.T) {
	store := storetest.NewMemory()
	one, two := pair(t, store)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 100 {
				subject := fmt.Sprint(i, " ", j)
				if err := one.Revoke(t.Context(), entryAbout(subject)); err != nil {
					t.Error(err)
				}
				two.Judge(holder(subject))
				if j%10 == 0 {
					store.Cut(errors.New("connection lost"))
				}
				if err := one.Lift(t.Context(), entryAbout(subject)); j%2 == 0 && err != nil {
					t.Error(err)
				}
				if j%2 == 0 {
					_ = two.Revoke(t.Context(), entryAbout(subject))
				}
			}
		})
	}
	all.Wait()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if settled(one, two) == "" {
			return
		}
	}
	t.Error(settled(one, two))
}

func settled(lists ...*revocation.List) string {
	for i := range 8 {
		for j := range 100 {
			for n, l := range lists {
				if got := l.Judge(holder(fmt.Sprint(i, " ", j))).Kind; (got != "") != (j%2 == 0) {
					return fmt.Sprintf("instance %d says %q of %d %d", n, got, i, j)
				}
			}
		}
	}
	return ""
}

// What is revoked again and again while the Store is away takes one place.

// A wide entry stays where a narrower one comes after it.

// A few at a time are offered to a Store that has come back.

// A failure that lasts is logged once a minute.

// An entry that is on its way to the Store when the List is closed is logged as lost: by Close, or by Revoke if it comes later.
func TestAnEntryOnItsWayWhenTheListIsClosed(t *testing.T) {
	for range 200 {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			store := storetest.NewMemory()
			l := newList(t, revocation.Config{Store: store, Secrets: [][]byte{secretOf(1)}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			do(t, l.Warm(t.Context()))
			_, err := store.Stall()
			do(t, err)
			revoked := make(chan error)
			go func() { revoked <- l.Revoke(t.Context(), entryAbout("u")) }()
			synctest.Wait()
			do(t, l.Close())
			if err := <-revoked; !errors.Is(err, revocation.ErrNotShared) {
				t.Errorf("Revoke: %v", err)
			}
			if strings.Count(log.String(), "closed with entries that no other instance may know of\" entries=1\n") != 1 ||
				strings.Contains(log.String(), "offered again") {
				t.Errorf("the log is %s", log.String())
			}
		})
	}
}
