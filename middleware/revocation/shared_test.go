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

func TestWhatCouldNotBeSharedHoldsHereAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		one, two := pair(t, store)
		full := errors.New("disk full")
		store.FailAppends(full)
		err := one.Revoke(t.Context(), entryAbout("u"))
		if !errors.Is(err, revocation.ErrNotShared) || !errors.Is(err, full) {
			t.Fatalf("Revoke: %v", err)
		}
		if one.Judge(facts()).Kind == "" {
			t.Error("it does not hold here")
		}
		if s := one.Status(); s.Pending != 1 || !errors.Is(s.LastError, full) {
			t.Errorf("the status has %d pending and %v", s.Pending, s.LastError)
		}
		time.Sleep(time.Minute)
		if two.Judge(facts()).Kind != "" {
			t.Error("the other instance has it from somewhere")
		}
		store.FailAppends(nil)
		eventually(t, "the entry in the other instance", func() bool { return two.Judge(facts()).Kind != "" })
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
		store.FailAppends(errors.New("disk full"))
		for range 100 {
			_ = l.Revoke(t.Context(), entryAbout("u"))
		}
		if n := l.Status().Pending; n != 100 {
			t.Errorf("%d are pending", n)
		}
		_ = l.Close()
		_ = l.Close()
		if strings.Count(log.String(), "could not be shared, and are offered again") != 1 {
			t.Errorf("a hundred failures within a minute are not one line: %s", log.String())
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

func TestMistakesOfSharing(t *testing.T) {
	store := storetest.NewMemory()
	var nine [][]byte
	for i := range 9 {
		nine = append(nine, secretOf(byte(i)))
	}
	for _, row := range []struct {
		name string
		cfg  revocation.Config
		want string
	}{
		{"a Store without Secrets", revocation.Config{Store: store}, "Store without Secrets"},
		{"Secrets without a Store", revocation.Config{Secrets: [][]byte{secretOf(1)}}, "Secrets without a Store"},
		{"a short secret", revocation.Config{Store: store, Secrets: [][]byte{secretOf(1), make([]byte, 31)}}, "Secrets[1] has 31 bytes, and needs 32"},
		{"a secret that is there twice", revocation.Config{Store: store, Secrets: [][]byte{secretOf(1), secretOf(1)}}, "Secrets[1] is there twice"},
		{"nine secrets", revocation.Config{Store: store, Secrets: nine}, "there are 9 Secrets, and may be 8"},
	} {
		if _, err := revocation.New(row.cfg); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	cfg := revocation.Config{Store: storetest.NewMemory(), Secrets: [][]byte{[]byte("canary canary canary canary canary")}}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "cfg", cfg)
	marshalled, err := cfg.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	l := newList(t, cfg)
	shown := log.String() + string(marshalled) + fmt.Sprintf("%v %+v %#v %s %d %x %+v %#v", cfg, cfg, cfg, cfg, cfg, cfg, l, l)
	for _, canary := range []string{"canary", "63616e617279", "99 97 110 97 114 121"} {
		if strings.Contains(shown, canary) {
			t.Errorf("%q is in %s", canary, shown)
		}
	}
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
