package events_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
	"github.com/cardea-auth/cardea/middleware/revocation/storetest"
)

// about is a token about the stream of offline, as of a time.
func about(at time.Time, event, payload string) string {
	return signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":%q,"sub_id":{"format":"opaque","id":"s"},"events":{%q:%s}}`,
		testkit.Issuer, audience, at.Unix(), fmt.Sprint(at, event, payload), ssf+event, payload))
}

// Only what answers a Verify, and does so now, says that the stream works again.
func TestAnOldVerificationEndsNoBlindness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		state := ""
		r, list, _ := offline(t, func(_ int, a asked, _ context.Context) (*http.Response, error) {
			state = a.State
			return respond(http.StatusNoContent, "")
		}, func(cfg *events.Config) { cfg.VerificationURL = "https://idp.example.com/verify" })
		time.Sleep(60 * 24 * time.Hour)
		if err := r.Verify(t.Context()); err == nil || r.Status().Feed.Blind != "unverified" {
			t.Fatalf("%v, %+v", err, r.Status())
		}
		answer := fmt.Sprintf(`{"state":%q}`, state)
		now := time.Now()
		for _, row := range []struct {
			name, payload string
			at            time.Time
			status        int
			verified      bool
			blind         string
		}{
			{"an old one without state", `{}`, now.Add(-30 * 24 * time.Hour), http.StatusAccepted, false, "unverified"},
			{"one without state, a little too old", `{}`, now.Add(-10*time.Minute - time.Second), http.StatusAccepted, false, "unverified"},
			{"one of the future", `{}`, now.Add(time.Hour), http.StatusAccepted, false, "unverified"},
			{"an old one with a state of ours", answer, now.Add(-30 * 24 * time.Hour), http.StatusBadRequest, false, "unverified"},
			{"one of the future with a state of ours", answer, now.Add(time.Hour), http.StatusBadRequest, false, "unverified"},
			{"a new one without state, which answers nobody", `{}`, now, http.StatusAccepted, true, "unverified"},
			{"an answer that comes late", answer, now.Add(-9 * time.Minute), http.StatusAccepted, true, ""},
		} {
			w := pushTo(r, about(row.at, "verification", row.payload))
			if w.Code != row.status || row.status == http.StatusBadRequest && !strings.Contains(w.Body.String(), "invalid_state") {
				t.Errorf("%s: %d %s", row.name, w.Code, w.Body)
			}
			if got := r.Status(); got.Verified.IsZero() == row.verified || got.Feed.Blind != row.blind {
				t.Errorf("%s: %+v", row.name, got)
			}
		}
		_ = list.Close()
	})
}

// An update that is older than a blindness does not end it, whichever process has heard of that.
func TestAnOldUpdateEndsNoBlindnessOfAnotherProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := storetest.NewMemory()
		first, _ := process(t, store, nil)
		second, _ := process(t, store, nil)
		time.Sleep(time.Hour + 500*time.Millisecond) // iat has whole seconds only
		paused := time.Now()
		push := func(r *events.Receiver, at time.Time, status string) {
			if w := pushTo(r, about(at, "stream-updated", fmt.Sprintf(`{"status":%q}`, status))); w.Code != http.StatusAccepted {
				t.Errorf("%s: %d %s", status, w.Code, w.Body)
			}
		}
		push(first, paused, "paused")
		soon(t, "the blindness", func() bool { return second.Status().Feed.Blind == "paused" })
		for _, before := range []time.Duration{30 * 24 * time.Hour, time.Minute, time.Second} {
			push(second, paused.Add(-before), "enabled")
			if got := second.Status().Feed.Blind; got != "paused" {
				t.Errorf("an update from %v before: blind %q", before, got)
			}
		}
		push(second, paused, "enabled") // in the same second
		soon(t, "the end of the blindness", func() bool { return first.Status().Feed.Blind == "" && second.Status().Feed.Blind == "" })
	})
}

// hanging is a Store that takes nothing while it is held.
type hanging struct {
	revocation.Store
	hangs *bool
}

func (s hanging) Append(ctx context.Context, entry []byte, until time.Time) error {
	if *s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.Store.Append(ctx, entry, until)
}

func TestStatusDoesNotWaitForTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := true
		r, _ := process(t, hanging{storetest.NewMemory(), &hangs}, nil)
		answers := make(chan int, 2)
		for n := range 2 {
			go func() {
				answers <- pushTo(r, about(time.Now().Add(time.Duration(n)*time.Second), "stream-updated", `{"status":"paused"}`)).Code
			}()
		}
		synctest.Wait()
		began := time.Now()
		if got := r.Status(); got.Feed.Blind != "paused" || !time.Now().Equal(began) || len(answers) != 0 {
			t.Errorf("%+v after %v, %d were answered", got, time.Since(began), len(answers))
		}
		for range 2 {
			if got := <-answers; got != http.StatusServiceUnavailable || time.Since(began) > 5*time.Second {
				t.Errorf("%d after %v", got, time.Since(began))
			}
		}
	})
}
