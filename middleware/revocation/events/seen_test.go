package events_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// The memory of tokens has an end. What it has forgotten is taken up again, which does no harm.
func TestTheMemoryOfTokensIsBounded(t *testing.T) {
	r, _, _ := offline(t, nil, func(cfg *events.Config) { cfg.Keys = testkit.KeySet() })
	push := func(id int) {
		t.Helper()
		token := signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":1,"jti":"%d","sub_id":{"format":"opaque","id":"s"},"events":{%q:{}}}`,
			testkit.Issuer, audience, id, ssf+"verification"))
		if w := pushTo(r, token); w.Code != http.StatusAccepted {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	for id := range 1<<12 + 1 {
		push(id)
	}
	push(1) // the oldest that is remembered
	if got := r.Status().Duplicates; got != 1 {
		t.Errorf("%d duplicates", got)
	}
	push(0)
	push(0)
	if got := r.Status(); got.Duplicates != 2 || got.Feed.Events != 1<<12+2 {
		t.Errorf("%+v", got)
	}
}

// Whoever delivers a token again while it is worked on waits, and works on it if that has failed.
func TestATokenThatFailsIsTakenUpByTheNext(t *testing.T) {
	working, goOn := make(chan struct{}), make(chan struct{})
	calls := 0
	f := receiver(t, with(func(cfg *events.Config) {
		cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) {
			if calls++; calls == 1 {
				close(working)
				<-goOn
				return nil, context.DeadlineExceeded
			}
			return nil, nil
		}
	}))
	token := f.issuer.SecurityEvent(nil)
	codes := make(chan int, 2)
	go func() { codes <- f.push(token).Code }()
	<-working
	go func() { codes <- f.push(token).Code }()
	close(goOn)
	if a, b := <-codes, <-codes; a+b != http.StatusAccepted+http.StatusServiceUnavailable || f.revokedBy() != "subject" {
		t.Errorf("%d, %d", a, b)
	}
}

// Whoever waits for another does not wait for ever, and nothing is done twice meanwhile.
func TestWhoWaitsForAnotherGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		r, list, _ := offline(t, nil, func(cfg *events.Config) {
			cfg.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) {
				calls++
				time.Sleep(20 * time.Second)
				return nil, nil
			}
		})
		token := set("a", "alice")
		done := make(chan struct{})
		go func() { defer close(done); pushTo(r, token) }()
		synctest.Wait()
		began := time.Now()
		if w := pushTo(r, token); w.Code != http.StatusServiceUnavailable || time.Since(began) != 5*time.Second || calls != 1 {
			t.Errorf("%d after %v, %d calls", w.Code, time.Since(began), calls)
		}
		<-done
		_ = list.Close()
	})
}
