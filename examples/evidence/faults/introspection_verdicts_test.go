package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// A token that is revoked while it is used is accepted for ActiveTTL at most, and without a cache not once.
func TestRevocationIsSeenWithinTheTimeOfTheCache(t *testing.T) {
	for name, row := range map[string]struct{ configured, ttl time.Duration }{
		"by default, after ten seconds":  {0, 10 * time.Second},
		"with a time of one's own":       {3 * time.Second, 3 * time.Second},
		"without a cache, in the moment": {-1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				stock := newStock(t, o, introspection.Config{ActiveTTL: row.configured}, nil)
				tokens, perSecond := 50, 25 // a part of 500 would not meet every one of 200 tokens in its last seconds
				if *full {
					tokens, perSecond = 200, 500
				}
				revocation := make([]time.Time, tokens)
				began := time.Now()
				for i := range revocation {
					revocation[i] = began.Add(time.Duration(rand.N(int64(20 * time.Second))))
				}
				var answers verdicts
				late := 0 // accepted although revoked
				for i := range 40 * perSecond {
					n := rand.N(tokens)
					token := fmt.Sprint("good.", n)
					since := time.Since(revocation[n])
					good := token
					if since >= 0 {
						o.revoke(token)
						if since >= row.ttl {
							good = ""
						}
					}
					status, subject := stock.ask(t.Context(), token)
					switch {
					case good != "" && since >= 0 && status == http.StatusOK:
						late++
					case good != "" && since >= 0 && status == http.StatusUnauthorized:
						good = "" // the server was asked meanwhile
					}
					answers.note(good, status, subject)
					time.Sleep(time.Until(began.Add(time.Duration(i+1) * time.Second / time.Duration(perSecond))))
				}
				answers.mustBeRight(t)
				if answers.refused.Load() == 0 || (late == 0) != (row.ttl == 0) {
					t.Errorf("%d refused, %d accepted late: the test shows nothing", answers.refused.Load(), late)
				}
				if n := answers.unjudged.Load(); n != 0 {
					t.Errorf("%d unjudged", n)
				}
			})
		})
	}
}

// A token that expires while its answer is cached is refused from exp and leeway on, even if the server goes on calling it active.
func TestTokenThatExpiresWhileCached(t *testing.T) {
	for name, honest := range map[string]bool{"the server agrees": true, "the server still says active": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				began := time.Now()
				expiry := began.Add(100 * time.Second)
				o.claims = map[string]any{"exp": expiry.Unix()}
				o.fail(func(_ *http.Request, token string) (*http.Response, error) {
					if honest && !time.Now().Before(expiry) {
						return jsonAnswer(`{"active":false}`), nil
					}
					return o.answer(token), nil
				})
				stock := newStock(t, o, introspection.Config{ActiveTTL: time.Hour}, nil)
				end := expiry
				if !honest {
					end = expiry.Add(30 * time.Second)
				}
				var answers verdicts
				const step = 200 * time.Millisecond
				for range 200 * time.Second / step {
					good := "good.one"
					if !time.Now().Before(end) {
						good = ""
					}
					calls, _ := o.counts()
					status, subject := stock.ask(t.Context(), "good.one")
					answers.note(good, status, subject)
					if now, _ := o.counts(); now > 1 && time.Now().Before(expiry) || !honest && now == calls && !time.Now().Before(expiry) {
						t.Fatalf("call %d at %v: want one until exp, and every request to ask after it", now, time.Since(began))
					}
					time.Sleep(step)
				}
				accepted := int(end.Sub(began) / step)
				answers.mustCount(t, accepted, int(200*time.Second/step)-accepted, 0)
			})
		})
	}
}

// A flood of inactive tokens, each another one, pushes no good one out of the cache, and what it leaves behind is bounded.
func TestFloodOfInactiveTokensEvictsNoGoodOne(t *testing.T) {
	flood, goodTokens, entries := 4000, 200, 512 // the flood is several times the cache
	switch {
	case *soak:
		flood, goodTokens, entries = 1_000_000, 1000, 0 // as many as by default
	case *full:
		flood, goodTokens, entries = 100_000, 1000, 0
	}
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		stock := newStock(t, o, introspection.Config{Entries: entries}, nil)
		var good, bad verdicts
		ask := func(i int) {
			token := fmt.Sprint("good.", i%goodTokens)
			status, subject := stock.ask(t.Context(), token)
			good.note(token, status, subject)
		}
		for i := range goodTokens {
			ask(i)
		}
		before, goroutines := heap(), runtime.NumGoroutine()
		uses := 0
		for i := range flood {
			status, subject := stock.ask(t.Context(), fmt.Sprint("flood-", i))
			bad.note("", status, subject)
			if i%20 == 0 { // so seldom that the flood would have pushed it out of a place they share
				ask(i / 20)
				uses++
			}
			if i%(flood/8) == 0 {
				time.Sleep(time.Second) // so that answers grow old as well
			}
		}
		good.mustCount(t, goodTokens+uses, 0, 0)
		bad.mustCount(t, 0, flood, 0)
		calls, _ := o.counts()
		if missed := calls - goodTokens - flood; missed*100 > uses {
			t.Errorf("%d of %d uses of good tokens had to ask", missed, uses)
		}
		if grown := heap() - before; grown > 5<<20 {
			t.Errorf("the heap grew by %d bytes", grown)
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			t.Errorf("%d goroutines, %d before", n, goroutines)
		}
	})
}

// That a server calls a token active does not make it a token for this API.
func TestActiveTokenOfAnotherAudience(t *testing.T) {
	audiences := map[string]any{
		"another API":          "https://billing.example.com",
		"several others":       []string{"https://billing.example.com", "https://orders.example.com"},
		"none":                 []string{},
		"no text":              []any{1},
		"ours among numbers":   []any{1, stockAPI},
		"ours with a slash":    stockAPI + "/",
		"ours in capitals":     "HTTPS://STOCK.EXAMPLE.COM",
		"ours with more text":  stockAPI + ".evil.example",
		"ours in one with two": stockAPI + " https://billing.example.com",
		"an empty text":        "",
		"an object":            map[string]any{stockAPI: true},
	}
	for name, audience := range audiences {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.claims = map[string]any{"aud": audience}
				for _, cache := range []time.Duration{0, -1} {
					stock := newStock(t, o, introspection.Config{ActiveTTL: cache}, nil)
					var answers verdicts
					for range 100 {
						status, subject := stock.ask(t.Context(), "good.one")
						answers.note("", status, subject)
					}
					answers.mustCount(t, 0, 100, 0)
					_, err := stock.validator.Require().Check(requestWith(t.Context(), "good.one"))
					if reason := reasonOf(err); reason != middleware.ReasonAudience && reason != middleware.ReasonMalformedClaim {
						t.Errorf("the reason is %q", reason)
					}
				}
			})
		})
	}
}
