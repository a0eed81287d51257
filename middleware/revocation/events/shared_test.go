package events_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// process makes the Receiver and the List of one of several processes that share a Store.
func process(t *testing.T, store revocation.Store, play func(int, asked, context.Context) (*http.Response, error)) (*events.Receiver, *revocation.List) {
	t.Helper()
	list, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Logger: silent})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = list.Close() })
	if err := list.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, _ := offlineOn(t, list, play, func(cfg *events.Config) { cfg.VerificationURL = "https://idp.example.com/verify" })
	return r, list
}

// soon waits in a bubble until is reports true.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	for range 100 {
		synctest.Wait()
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("%s did not happen", what)
}

// One process of many gets what is pushed, and all of them act on it.
func TestWhatOneProcessHearsAllKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		var hears *events.Receiver
		asks, other := process(t, store, func(_ int, a asked, _ context.Context) (*http.Response, error) {
			go func() {
				time.Sleep(time.Second)
				token := signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":%q,"sub_id":{"format":"opaque","id":"s"},"events":{%q:{"state":%q}}}`,
					testkit.Issuer, audience, time.Now().Unix(), a.State, ssf+"verification", a.State))
				if w := pushTo(hears, token); w.Code != http.StatusAccepted {
					t.Errorf("%d %s", w.Code, w.Body)
				}
			}()
			return respond(http.StatusNoContent, "")
		})
		hears, _ = process(t, store, nil)

		if w := pushTo(hears, set("a", "alice")); w.Code != http.StatusAccepted {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		facts := middleware.TokenFacts{Issuer: testkit.Issuer, Subject: "alice", IssuedAt: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Minute)}
		soon(t, "the revocation", func() bool { return other.Judge(facts).Kind == "subject" })

		blind := func() string { return asks.Status().Feed.Blind }
		update := func(id, status string) {
			token := signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":%q,"sub_id":{"format":"opaque","id":"s"},"events":{%q:{"status":%q}}}`,
				testkit.Issuer, audience, time.Now().Unix(), id, ssf+"stream-updated", status))
			if w := pushTo(hears, token); w.Code != http.StatusAccepted {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		update("b", "paused")
		soon(t, "the blindness", func() bool { return blind() == "paused" })
		update("c", "enabled")
		soon(t, "the end of the blindness", func() bool { return blind() == "" })

		if err := asks.Verify(t.Context()); err != nil || blind() != "" {
			t.Errorf("the answer at another process: %v, blind %q", err, blind())
		}
	})
}

// away is a Store that cannot be written to.
type away struct{ revocation.Store }

func (away) Append(context.Context, []byte, time.Time) error { return errors.New("it is away") }

// What only this process knows could be lost with it, so the transmitter keeps it, and sends it again.
func TestWhatIsNotSharedIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var state string
		r, list := process(t, away{storetest.NewMemory()}, func(_ int, a asked, _ context.Context) (*http.Response, error) {
			state = a.State
			return respond(http.StatusNoContent, "")
		})
		if w := pushTo(r, set("a", "alice")); w.Code != http.StatusServiceUnavailable {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		facts := middleware.TokenFacts{Issuer: testkit.Issuer, Subject: "alice", IssuedAt: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Minute)}
		if got := list.Judge(facts).Kind; got != "subject" {
			t.Errorf("it does not hold here: %q", got)
		}
		about := func(id, event, payload string) string {
			return signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":%q,"sub_id":{"format":"opaque","id":"s"},"events":{%q:%s}}`,
				testkit.Issuer, audience, time.Now().Unix(), id, ssf+event, payload))
		}
		if w := pushTo(r, about("b", "stream-updated", `{"status":"paused"}`)); w.Code != http.StatusServiceUnavailable {
			t.Errorf("an update: %d %s", w.Code, w.Body)
		}
		asking, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_ = r.Verify(asking)
		if w := pushTo(r, about("c", "verification", fmt.Sprintf(`{"state":%q}`, state))); w.Code != http.StatusServiceUnavailable {
			t.Errorf("a verification: %d %s", w.Code, w.Body)
		}
		if got := r.Status().Feed; got.Events != 0 || !errors.Is(got.LastError, revocation.ErrNotShared) {
			t.Errorf("%+v", got)
		}
	})
}

// mute is a Store that answers nobody who writes.
type mute struct{ revocation.Store }

func (mute) Append(ctx context.Context, _ []byte, _ time.Time) error {
	<-ctx.Done()
	return ctx.Err()
}

// Everything that an event ends holds in this process, however the Store is.
func TestAllThatIsNotSharedHoldsHere(t *testing.T) {
	for name, store := range map[string]func(revocation.Store) revocation.Store{
		"away": func(s revocation.Store) revocation.Store { return away{s} }, "mute": func(s revocation.Store) revocation.Store { return mute{s} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, list := process(t, store(storetest.NewMemory()), nil)
				token := signed(fmt.Sprintf(`{"iss":%[1]q,"aud":%[2]q,"iat":%[3]d,"jti":"a","events":{%[4]q:{}},"sub_id":{"format":"aliases","identifiers":[`+
					`{"format":"iss_sub","iss":%[1]q,"sub":"alice"},{"format":"iss_sub","iss":%[1]q,"sub":"alice2"}]}}`,
					testkit.Issuer, audience, time.Now().Unix(), events.AccountDisabled))
				began := time.Now()
				if w := pushTo(r, token); w.Code != http.StatusServiceUnavailable || time.Since(began) > 5*time.Second {
					t.Errorf("%d %s after %v", w.Code, w.Body, time.Since(began))
				}
				for _, subject := range []string{"alice", "alice2"} {
					facts := middleware.TokenFacts{Issuer: testkit.Issuer, Subject: subject, IssuedAt: time.Now().Add(-time.Minute), Expiry: time.Now().Add(time.Minute)}
					if got := list.Judge(facts).Kind; got != "subject" {
						t.Errorf("tokens of %s are ended by %q", subject, got)
					}
				}
			})
		})
	}
}
