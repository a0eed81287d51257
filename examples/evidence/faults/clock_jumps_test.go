package faults_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// The clock that judges tokens is set forth and back, steps about, and stands still. Whether a token has expired is told by what it
// says at that moment, and nothing that was remembered outlives its time to live for it.
func TestClockThatJumps(t *testing.T) {
	const ttl, perSecond = 10 * time.Second, 4
	clocks := map[string]func(time.Time) time.Time{
		"set an hour ahead for a while": func(now time.Time) time.Time {
			if s := now.Second(); s >= 20 && s < 40 {
				return now.Add(time.Hour)
			}
			return now
		},
		"set an hour back for a while": func(now time.Time) time.Time {
			if s := now.Second(); s >= 20 && s < 40 {
				return now.Add(-time.Hour)
			}
			return now
		},
		"stepping by a second either way": func(now time.Time) time.Time { return now.Add(time.Duration(rand.N(3)-1) * time.Second) },
		"stopped for a minute": func(now time.Time) time.Time {
			if now.Minute() == 1 {
				return now.Truncate(time.Minute)
			}
			return now
		},
	}
	for name, clock := range clocks {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var judged atomic.Pointer[time.Time] // what the clock shows for the next request
				o := newOracle()
				o.claims = map[string]any{"exp": began.Add(90 * time.Second).Unix(), "iat": began.Add(-3 * time.Hour).Unix()}
				var asked time.Time
				o.fail(func(_ *http.Request, token string) (*http.Response, error) {
					asked = time.Now()
					return o.answer(token), nil
				})
				stock := newStock(t, o, introspection.Config{ActiveTTL: ttl}, func(cfg *middleware.Config) {
					cfg.TokenCache.MaxAge = ttl
					cfg.Clock = func() time.Time { return *judged.Load() }
				})
				jwt := o.jwt(o.claims)
				end := began.Add(120 * time.Second) // exp and leeway
				var answers verdicts
				for range 150 * perSecond {
					now := clock(time.Now())
					judged.Store(&now)
					for token, subject := range map[string]string{jwt: "jwt", "good.one": "good.one"} {
						if !now.Before(end) {
							subject = ""
						}
						status, got := stock.ask(t.Context(), token)
						answers.note(subject, status, got)
					}
					if age := time.Since(asked); age >= ttl {
						t.Fatalf("an answer of %v ago was used", age)
					}
					time.Sleep(time.Second / perSecond)
				}
				answers.mustBeRight(t)
				if answers.accepted.Load() < 100*perSecond || answers.refused.Load() < 10*perSecond || answers.unjudged.Load() != 0 {
					t.Errorf("%d accepted, %d refused, %d unjudged", answers.accepted.Load(), answers.refused.Load(), answers.unjudged.Load())
				}
			})
		})
	}
}

// An issuer whose clock differs: within the leeway nobody notices, beyond it every token is refused, and the log names the clocks.
func TestIssuerWithAnotherClock(t *testing.T) {
	for name, row := range map[string]struct {
		skew   time.Duration
		reason middleware.Reason // of a refusal; "": none
	}{
		"20 seconds ahead":  {20 * time.Second, ""},
		"20 seconds behind": {-20 * time.Second, ""},
		"an hour ahead":     {time.Hour, middleware.ReasonIssuedInFuture},
		"an hour behind":    {-time.Hour, middleware.ReasonExpired},
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			var last middleware.Reason
			issuer := authtest.NewIssuer(t)
			issuer.SetClock(func() time.Time { return time.Now().Add(row.skew) })
			cfg := issuer.Config(stockAPI)
			cfg.Clock = nil // ours is right
			cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
			cfg.Observe = func(_ context.Context, d middleware.Decision) { last = d.Reason }
			validator, err := middleware.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer validator.Close()
			guarded := validator.Require().HandlerFunc(tellSubject)
			lifetime := authtest.Claims{"exp": time.Now().Add(row.skew + 5*time.Minute)}
			var answers verdicts
			const requests = 50
			for i := range requests {
				token := issuer.Token(lifetime)
				if i%2 == 0 {
					token = issuer.OpaqueToken(lifetime)
				}
				good := "alice"
				if row.reason != "" {
					good = ""
				}
				status, subject := serve(guarded, requestWith(t.Context(), token))
				answers.note(good, status, subject)
				if last != row.reason {
					t.Errorf("the reason is %q, want %q", last, row.reason)
				}
			}
			if row.reason == "" {
				answers.mustCount(t, requests, 0, 0)
			} else {
				answers.mustCount(t, 0, requests, 0)
			}
			if names := strings.Contains(log.String(), "compare the clocks"); names != (row.reason != "") {
				t.Errorf("the log names the clocks: %v", names)
			}
		})
	}
}
