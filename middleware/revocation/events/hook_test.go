package events_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

func TestEventIsToldOfEveryEvent(t *testing.T) {
	told := make(chan events.Event, 1)
	f := receiver(t, with(func(cfg *events.Config) { cfg.Event = func(_ context.Context, e events.Event) { told <- e } }))
	at := time.Now().Add(-time.Minute).Truncate(time.Second)
	for _, name := range []string{
		"session-revoked", "token-claims-change", "credential-change", "assurance-level-change", "device-compliance-change", "risk-level-change", "made-up",
	} {
		f.takes(f.issuer.SecurityEvent(claims{
			"jti": name, "txn": "8675309", "sub_id": claims{"format": "complex", "user": f.alice(), "device": claims{"format": "opaque", "id": "d"}},
			"events": claims{caep + name: claims{"current_level": "HIGH", "event_timestamp": at.Unix()}},
		}))
		e := <-told
		if e.Type != caep+name || e.ID != name || e.Transaction != "8675309" || e.Transmitter != f.issuer.URL() || !e.Time.Equal(at) ||
			!strings.Contains(string(e.Payload), `"current_level":"HIGH"`) {
			t.Errorf("%+v", e)
		}
		user := e.Subject.Members["user"]
		if e.Subject.Format != "complex" || user.Format != "iss_sub" || user.Issuer != f.issuer.URL() || user.ID != "alice" ||
			e.Subject.Members["device"].ID != "d" || !strings.Contains(string(e.Subject.Raw), `"alice"`) {
			t.Errorf("%+v", e.Subject)
		}
	}
}

// An event of two names is one token: both are told of, and neither twice.
func TestATokenWithTwoEvents(t *testing.T) {
	two := claims{"events": claims{caep + "session-revoked": claims{}, risc + "sessions-revoked": claims{}}}
	told := make(chan string, 2)
	f := receiver(t, with(func(cfg *events.Config) { cfg.Event = func(_ context.Context, e events.Event) { told <- e.Type } }))
	f.takes(f.issuer.SecurityEvent(two))
	if a, b := <-told, <-told; a == b || f.revokedBy() != "subject" {
		t.Errorf("%s, %s", a, b)
	}
}

func TestTheInteropProfile(t *testing.T) {
	r, list, _ := offline(t, nil, func(cfg *events.Config) { cfg.Interop, cfg.Keys = true, testkit.KeySet() })
	payload := func(id, more string) string {
		return fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":1,"jti":%q,"sub_id":{"format":"opaque","id":"s1"},"events":{%q:{}%s}}`,
			testkit.Issuer, audience, id, caep+"session-revoked", more)
	}
	rsa := func(payload string) string {
		return testkit.Sign(`{"typ":"secevent+jwt","alg":"RS256","kid":"rsa"}`, payload, testkit.RSAKey())
	}
	for _, row := range []struct{ name, token, want string }{
		{"another algorithm", signed(payload("a", "")), `"invalid_key"`},
		{"two events", rsa(payload("b", `,"urn:example:session-revoked":{}`)), `"invalid_request"`},
		{"one event under RS256", rsa(payload("c", "")), ""},
	} {
		if w := pushTo(r, row.token); !strings.Contains(w.Body.String(), row.want) || (w.Code == http.StatusAccepted) != (row.want == "") {
			t.Errorf("%s: %d %s", row.name, w.Code, w.Body)
		}
		revoked := list.Judge(middleware.TokenFacts{Issuer: testkit.Issuer, SessionID: "s1"}).Kind != ""
		if revoked != (row.want == "") {
			t.Errorf("%s: the session is revoked: %t", row.name, revoked)
		}
	}
}

// However slow the application is, the transmitter gets its answer at once, until so much waits that it is better sent again.
func TestASlowApplicationDoesNotDelayTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := make(chan struct{})
		count := 0
		r, list, _ := offline(t, nil, func(cfg *events.Config) {
			cfg.Event = func(ctx context.Context, _ events.Event) {
				if _, ok := ctx.Deadline(); !ok || ctx.Err() != nil {
					t.Error("the context does not end, or has")
				}
				<-done
				count++
			}
		})
		push := func(n int) int { return pushTo(r, set(fmt.Sprint(n), fmt.Sprint("user ", n))).Code }
		push(0)
		synctest.Wait() // the application has taken up the first
		for n := range 256 {
			if got := push(n + 1); got != http.StatusAccepted {
				t.Fatalf("%d: %d", n, got)
			}
		}
		if got := r.Status().Waiting; got != 256 {
			t.Errorf("%d wait", got)
		}
		if got := push(300); got != http.StatusServiceUnavailable {
			t.Errorf("with a full queue: %d", got)
		}
		close(done)
		synctest.Wait()
		if got := push(300); got != http.StatusAccepted {
			t.Errorf("sent again: %d", got)
		}
		synctest.Wait()
		if count != 258 || r.Status().Waiting != 0 || r.Status().Feed.Events != 258 || r.Status().Duplicates != 0 {
			t.Errorf("%d, %+v", count, r.Status())
		}
		_ = list.Close()
	})
}

// What is sent back because too much waits for the application is entered the first time, and told of in the end.
func TestATokenThatIsSentBackForTheApplicationIsEnteredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		list, err := revocation.New(revocation.Config{Store: store, Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Logger: silent})
		if err != nil {
			t.Fatal(err)
		}
		if err := list.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		goOn := make(chan struct{})
		asked, last := 0, ""
		r, _ := offlineOn(t, list, nil, func(cfg *events.Config) {
			cfg.Event = func(_ context.Context, e events.Event) { <-goOn; last = e.ID + " " + e.Type }
			cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) { asked++; return nil, nil }
			cfg.CriticalMembers = []string{"tenant"}
		})
		n := 0
		for ; pushTo(r, set(fmt.Sprint(n), "alice")).Code == http.StatusAccepted; n++ {
		}
		// The second of its events is discarded: it is not told of, however often the token comes.
		late := signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":"late","events":{%q:{"subject":{"format":"iss_sub","iss":%q,"sub":"bob"}},
			%q:{"subject":{"format":"complex","user":{"format":"opaque","id":"u"},"tenant":{"format":"opaque","id":"t"}}}}}`,
			testkit.Issuer, audience, time.Now().Unix(), caep+"session-revoked", testkit.Issuer, risc+"account-purged"))
		before, askedBefore := len(store.Entries()), asked
		for range 50 {
			if w := pushTo(r, late); w.Code != http.StatusServiceUnavailable {
				t.Fatal(w.Code, w.Body)
			}
			time.Sleep(time.Second)
		}
		if got := len(store.Entries()) - before; got != 1 || asked-askedBefore != 2 || r.Status().Discarded != 1 {
			t.Errorf("a token that came 50 times was entered %d times, Entries was asked %d times about it, %+v", got, asked-askedBefore, r.Status())
		}
		bob := middleware.TokenFacts{Issuer: testkit.Issuer, Subject: "bob", IssuedAt: time.Now().Add(-time.Hour), Expiry: time.Now().Add(time.Minute)}
		if got := list.Judge(bob).Kind; got != "subject" {
			t.Errorf("bob is revoked by %q though nobody was told of it yet", got)
		}
		for _, name := range []string{"stream-updated", "verification"} { // of which the application is not told
			if w := pushTo(r, about(time.Now(), name, `{"status":"paused"}`)); w.Code != http.StatusAccepted {
				t.Errorf("%s: %d", name, w.Code)
			}
		}
		close(goOn)
		synctest.Wait()
		if w := pushTo(r, late); w.Code != http.StatusAccepted {
			t.Errorf("sent again: %d", w.Code)
		}
		if synctest.Wait(); last != "late "+caep+"session-revoked" || pushTo(r, late).Code != http.StatusAccepted || r.Status().Duplicates != 1 {
			t.Errorf("the application was told of %q last, %+v", last, r.Status())
		}
		_ = list.Close()
	})
}

func TestAnApplicationThatPanicsIsToldOfTheNextEvent(t *testing.T) {
	told := make(chan string, 2)
	f := receiver(t, with(func(cfg *events.Config) {
		cfg.Event = func(_ context.Context, e events.Event) {
			told <- e.ID
			if e.ID == "first" {
				panic("a mistake")
			}
		}
	}))
	f.takes(f.issuer.SecurityEvent(claims{"jti": "first"}))
	f.takes(f.issuer.SecurityEvent(claims{"jti": "second"}))
	if a, b := <-told, <-told; a != "first" || b != "second" {
		t.Errorf("%s, %s", a, b)
	}
	if !strings.Contains(f.log.String(), "a mistake") {
		t.Errorf("the log is %s", f.log)
	}
}
