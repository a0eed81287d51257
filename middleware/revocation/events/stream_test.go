package events_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

// streamEvent is a token about the stream of an authtest.Issuer.
func (f *fixture) streamEvent(name string, payload claims, more claims) string {
	all := claims{"sub_id": claims{"format": "opaque", "id": authtest.EventStream}, "events": claims{ssf + name: payload}}
	for name, value := range more {
		all[name] = value
	}
	return f.issuer.SecurityEvent(all)
}

func TestAStreamThatIsNotEnabledIsBlind(t *testing.T) {
	told := make(chan events.Event, 1)
	f := receiver(t, with(func(cfg *events.Config) { cfg.Event = func(_ context.Context, e events.Event) { told <- e } }))
	now := time.Now()
	for n, row := range []struct {
		status string
		issued time.Time
		want   string
	}{
		{"paused", now.Add(-4 * time.Minute), "paused"},
		{"disabled", now.Add(-3 * time.Minute), "disabled"},
		{"enabled", now.Add(-5 * time.Minute), "disabled"}, // an older one, which has come late
		{"enabled", now.Add(-2 * time.Minute), ""},
		{"paused", now.Add(-2 * time.Minute), "paused"}, // in the same second
	} {
		f.takes(f.streamEvent("stream-updated", claims{"status": row.status, "reason": "Internal error"}, claims{"iat": row.issued}))
		for _, feed := range f.list.Status().Feeds {
			if feed.Blind != row.want {
				t.Errorf("%d, %s: blind %q, want %q", n, row.status, feed.Blind, row.want)
			}
		}
	}
	if log := f.log.String(); !strings.Contains(log, "why=disabled") || !strings.Contains(log, "no longer blind") {
		t.Errorf("the log is %s", log)
	}
	if len(told) > 0 || f.Status().Waiting > 0 {
		t.Error("Event was told of the stream")
	}
}

func TestEventsAboutAStreamThatAreNoGood(t *testing.T) {
	other := claims{"sub_id": claims{"format": "opaque", "id": "another stream"}}
	account := claims{"sub_id": claims{"format": "iss_sub", "iss": "https://idp.example.com", "sub": authtest.EventStream}}
	for _, row := range []struct {
		name, event string
		payload     claims
		more        claims
		want        string
	}{
		{"a status that is none", "stream-updated", claims{"status": "sleeping"}, nil, "invalid_request"},
		{"a status that is a number", "stream-updated", claims{"status": 1}, nil, "invalid_request"},
		{"no status", "stream-updated", claims{}, nil, "invalid_request"},
		{"the status of another stream", "stream-updated", claims{"status": "paused"}, other, "invalid_request"},
		{"the status of an account", "stream-updated", claims{"status": "paused"}, account, "invalid_request"},
		{"the verification of another stream", "verification", claims{}, other, "invalid_request"},
		{"the verification of no stream", "verification", claims{}, claims{"sub_id": nil}, "invalid_request"},
		{"a state that we have not made", "verification", claims{"state": "VGhpcyBpcyBhbiBleGFtcGxlIHN0YXRlIHZhbHVlLgo="}, nil, "invalid_state"},
		{"a state of the right length that we have not made", "verification", claims{"state": strings.Repeat("A", 43)}, nil, "invalid_state"},
		{"an empty state", "verification", claims{"state": ""}, nil, "invalid_state"},
		{"a state that is a number", "verification", claims{"state": 1}, nil, "invalid_state"},
	} {
		f := receiver(t)
		w := f.push(f.streamEvent(row.event, row.payload, row.more))
		if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), `"err":"`+row.want+`"`) {
			t.Errorf("%s: %d %s", row.name, w.Code, w.Body)
		}
		if got := f.Status(); got.Feed.Blind != "" || !got.Verified.IsZero() {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
}

func TestATransmitterMayVerifyByItself(t *testing.T) {
	f := receiver(t)
	f.takes(f.streamEvent("verification", claims{}, nil))
	if f.Status().Verified.IsZero() {
		t.Error("it is not noted")
	}
	any := receiver(t, with(func(cfg *events.Config) { cfg.StreamID = "" }))
	any.takes(any.streamEvent("verification", claims{}, nil))
}

// The transmitter is asked over HTTP, and its event is polled.
func TestVerifyByPoll(t *testing.T) {
	f := receiver(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- f.Poll(ctx) }()
	if err := f.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if got := f.Status(); got.Verified.IsZero() || got.Feed.Blind != "" {
		t.Errorf("%+v", got)
	}
	eventually(t, "the acknowledgement", func() bool { acked, _ := f.issuer.PolledEvents(); return len(acked) == 1 })
	cancel()
	<-ended
}

// The event may reach another process than the one that has asked.
func TestVerifyIsAnsweredElsewhere(t *testing.T) {
	asks := receiver(t)
	hears := receiver(t, func(f *fixture, cfg *events.Config) {
		f.issuer, f.auth, f.list = asks.issuer, asks.auth, asks.list // one List stands for two that share a Store
		cfg.Transmitter, cfg.PollURL = f.issuer.URL(), f.issuer.URL()+string(authtest.EndpointPoll)
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- hears.Poll(ctx) }()
	if err := asks.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	cancel()
	<-ended
}

func TestVerifyThatIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answers := false
		var r *events.Receiver
		var asks []asked
		r, list, all := offline(t, func(n int, a asked, _ context.Context) (*http.Response, error) {
			if answers {
				defer func() {
					w := pushTo(r, signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"jti":%q,"sub_id":{"format":"opaque","id":"s"},"events":{%q:{"state":%q}}}`,
						testkit.Issuer, audience, time.Now().Unix(), fmt.Sprint(n), ssf+"verification", a.State)))
					if w.Code != http.StatusAccepted {
						t.Errorf("%d %s", w.Code, w.Body)
					}
				}()
			}
			asks = append(asks, a)
			return respond(http.StatusNoContent, "")
		}, func(cfg *events.Config) {
			cfg.VerificationURL, cfg.VerifyWithin = "https://idp.example.com/verify", 90*time.Second
		})
		began := time.Now()
		err := r.Verify(t.Context())
		if !errors.Is(err, events.ErrUnverified) || time.Since(began) != 90*time.Second || r.Status().Feed.Blind != "unverified" {
			t.Errorf("%v after %v, %+v", err, time.Since(began), r.Status())
		}
		if a := (*all)[0]; a.Stream != "s" || len(a.State) < 40 || a.address != "https://idp.example.com/verify" {
			t.Errorf("%+v", a)
		}
		answers = true
		if err := r.Verify(t.Context()); err != nil || r.Status().Feed.Blind != "" {
			t.Errorf("%v, %+v", err, r.Status())
		}
		if w := pushTo(r, signed(fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":1,"jti":"x","sub_id":{"format":"opaque","id":"s"},"events":{%q:{"state":%q}}}`,
			testkit.Issuer, audience, ssf+"verification", asks[0].State+"!"))); w.Code != http.StatusBadRequest {
			t.Errorf("a state with something behind it: %d", w.Code)
		}
		if asks[0].State == asks[1].State {
			t.Error("two verifications have one state")
		}
		if got := list.Status().Streams; got != 0 {
			t.Errorf("%d listen on", got)
		}
		_ = list.Close()
	})
}

// Only what says that a stream is well ends a blindness: a paused one is paused though it was verified.
func TestAVerificationDoesNotEnableAStream(t *testing.T) {
	f := receiver(t)
	f.takes(f.streamEvent("stream-updated", claims{"status": "paused"}, nil))
	f.takes(f.streamEvent("verification", claims{}, nil))
	if got := f.Status().Feed.Blind; got != "paused" {
		t.Errorf("blind %q", got)
	}
}

func TestVerifyThatCannotBeAsked(t *testing.T) {
	for _, row := range []struct {
		name   string
		status int
		change func(*events.Config)
		blind  string
		want   string
	}{
		{"the transmitter knows no such stream", http.StatusNotFound, nil, "unverified", "not verified"},
		{"it does not let us in", http.StatusUnauthorized, nil, "", "status 401"},
		{"it is asked too often", http.StatusTooManyRequests, nil, "", "status 429"},
		{"there is no stream", 0, func(cfg *events.Config) { cfg.StreamID, cfg.VerificationURL = "", "" }, "", "StreamID is empty"},
		{"there is no token", 0, func(cfg *events.Config) {
			cfg.AccessToken = func(context.Context) (string, error) { return "", errors.New("no luck") }
		}, "", "no luck"},
	} {
		synctest.Test(t, func(t *testing.T) {
			r, list, _ := offline(t, func(int, asked, context.Context) (*http.Response, error) { return respond(row.status, "") }, func(cfg *events.Config) {
				cfg.VerificationURL = "https://idp.example.com/verify"
				if row.change != nil {
					row.change(cfg)
				}
			})
			err := r.Verify(t.Context())
			if err == nil || !strings.Contains(err.Error(), row.want) || errors.Is(err, events.ErrUnverified) != (row.blind != "") {
				t.Errorf("%s: %v", row.name, err)
			}
			if got := r.Status().Feed.Blind; got != row.blind {
				t.Errorf("%s: blind %q", row.name, got)
			}
			_ = list.Close()
		})
	}
}

func TestVerifyEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, list, _ := offline(t, func(int, asked, context.Context) (*http.Response, error) { return respond(http.StatusNoContent, "") },
			func(cfg *events.Config) { cfg.VerificationURL = "https://idp.example.com/verify" })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Verify(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, events.ErrUnverified) || r.Status().Feed.Blind != "" {
			t.Errorf("%v, %+v", err, r.Status())
		}
		_ = list.Close()
	})
}
