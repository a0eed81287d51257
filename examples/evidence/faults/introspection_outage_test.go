package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

// A minute of 503 under 500 requests a second: five failures, then one probe a second. What is cached passes, the rest hears
// 503 without waiting, and the first probe after the recovery ends it.
func TestIntrospectionOutageOpensTheBreakerAndSparesCachedTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const latency = time.Millisecond
		perSecond := 100 // a part of 500 would not send five tokens before the breaker is looked at
		if *full {
			perSecond = 500
		}
		gap := time.Second / time.Duration(perSecond)
		o := newOracle()
		stock := newStock(t, o, introspection.Config{ActiveTTL: 5 * time.Minute}, nil)
		var before, cached, fresh verdicts
		for i := range 100 {
			token := fmt.Sprint("good.cached-", i)
			status, subject := stock.ask(t.Context(), token)
			before.note(token, status, subject)
		}
		before.mustCount(t, 100, 0, 0)

		var calls []time.Time
		o.fail(func(r *http.Request, _ string) (*http.Response, error) {
			calls = append(calls, time.Now())
			return delayed(r, latency, statusAnswer(http.StatusServiceUnavailable))
		})
		began := time.Now()
		for i := range 60 * perSecond {
			at := time.Now()
			known := len(calls)
			token := fmt.Sprint("good.fresh-", i)
			if i%2 == 0 {
				token = fmt.Sprint("good.cached-", i/2%100)
			}
			status, subject := stock.ask(t.Context(), token)
			if i%2 == 0 {
				cached.note(token, status, subject)
			} else {
				fresh.note(token, status, subject)
			}
			if took := time.Since(at); took != time.Duration(len(calls)-known)*latency {
				t.Fatalf("request %d waited %v for %d calls", i, took, len(calls)-known)
			}
			time.Sleep(time.Until(began.Add(time.Duration(i+1) * gap)))
		}
		cached.mustCount(t, 30*perSecond, 0, 0)
		fresh.mustCount(t, 0, 0, 30*perSecond)
		if opened := calls[4]; opened.Sub(began) > 10*gap || calls[5].Sub(opened) < time.Second {
			t.Errorf("the breaker did not open at the fifth failure: calls at %v and %v", opened.Sub(began), calls[5].Sub(began))
		}
		for i := 6; i < len(calls); i++ {
			if gap := calls[i].Sub(calls[i-1]); gap < time.Second {
				t.Errorf("two probes within %v", gap)
			}
		}
		if n := len(calls); n < 60 || n > 65 {
			t.Errorf("%d calls in a minute, want 5 and one probe a second", n)
		}

		o.fail(nil)
		recovered := time.Now()
		for i := 0; ; i++ {
			if status, _ := stock.ask(t.Context(), fmt.Sprint("good.later-", i)); status == http.StatusOK {
				break
			}
			time.Sleep(gap)
			if time.Since(recovered) > 2*time.Second {
				t.Fatal("the recovery was not noticed within two seconds")
			}
		}
		var after verdicts
		for i := range 500 {
			token := fmt.Sprint("good.after-", i)
			status, subject := stock.ask(t.Context(), token)
			after.note(token, status, subject)
		}
		after.mustCount(t, 500, 0, 0)
	})
}

// Whoever sends tokens can have a firewall or the server itself fail over some of them. Nobody else notices, though nothing was
// answered before that could tell the server to be well.
func TestOddTokensShutOutNobodyElse(t *testing.T) {
	odd := func(answer func(r *http.Request) (*http.Response, error)) func(*oracle) {
		return func(o *oracle) {
			o.fail(func(r *http.Request, token string) (*http.Response, error) {
				if strings.Contains(token, "/etc/passwd") {
					return answer(r)
				}
				return o.answer(token), nil
			})
		}
	}
	for name, fail := range map[string]func(*oracle){
		"a firewall's 403": odd(func(*http.Request) (*http.Response, error) { return statusAnswer(http.StatusForbidden), nil }),
		"a crash":          odd(func(*http.Request) (*http.Response, error) { return statusAnswer(http.StatusInternalServerError), nil }),
		"a hang":           odd(func(r *http.Request) (*http.Response, error) { return nil, pause(r.Context(), time.Hour) }),
	} {
		for _, floods := range []int{5, 50} {
			t.Run(fmt.Sprint(name, " over ", floods, " tokens"), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					o := newOracle()
					fail(o)
					stock := newStock(t, o, introspection.Config{}, nil)
					var oddly, well verdicts
					for i := range floods {
						token := fmt.Sprint("odd/etc/passwd", i)
						status, subject := stock.ask(t.Context(), token)
						oddly.note(token, status, subject)
					}
					status, subject := stock.ask(t.Context(), "good.one")
					well.note("good.one", status, subject)
					oddly.mustCount(t, 0, 0, floods)
					well.mustCount(t, 1, 0, 0)
					if calls, _ := o.counts(); calls > floods+1+1+floods/4 {
						t.Errorf("%d calls for %d odd tokens and a good one", calls, floods)
					}
				})
			})
		}
	}
}

// However slowly a server answers, a caller waits for two seconds and no longer.
func TestSlowIntrospectionIsCutAtTwoSeconds(t *testing.T) {
	never := func(r *http.Request, _ string) (*http.Response, error) { return nil, pause(r.Context(), time.Hour) }
	faults := map[string]func(*http.Request, string) (*http.Response, error){
		"a server that never answers": never,
		"an answer after ten seconds": func(r *http.Request, token string) (*http.Response, error) {
			return delayed(r, 10*time.Second, jsonAnswer(`{"active":true}`))
		},
		"a body that trickles in": func(r *http.Request, _ string) (*http.Response, error) {
			response := jsonAnswer("")
			response.Body = &drip{r.Context(), strings.NewReader(`{"active":true,"aud":"` + stockAPI + `"}`)}
			return response, nil
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.fail(fault)
				stock := newStock(t, o, introspection.Config{}, nil)
				var answers verdicts
				var all sync.WaitGroup
				began := time.Now()
				for i := range 1000 {
					all.Go(func() {
						token := fmt.Sprint("good.", i)
						status, subject := stock.ask(t.Context(), token)
						answers.note(token, status, subject)
						if took := time.Since(began); took != 2*time.Second {
							t.Errorf("cut after %v", took)
						}
					})
				}
				synctest.Wait()
				if n := stock.asker.Status().InFlight; n != 64 {
					t.Errorf("%d calls at once, want 64", n)
				}
				all.Wait()
				answers.mustCount(t, 0, 0, 1000)
				if calls, peak := o.counts(); peak > 64 || calls > 128 {
					t.Errorf("%d calls, %d at once; want 64 at once, and no more sent in the end than fit", calls, peak)
				}
			})
		})
	}
}

// drip is a body of one byte every 100 ms.
type drip struct {
	ctx  context.Context
	text *strings.Reader
}

func (b *drip) Close() error { return nil }

func (b *drip) Read(p []byte) (int, error) {
	if err := pause(b.ctx, 100*time.Millisecond); err != nil {
		return 0, err
	}
	return b.text.Read(p[:1])
}

// 16 384 callers may wait for a server that hangs; the next ones hear 503 in the same moment.
func TestCallersBeyondTheQueueAreTurnedAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const room, surplus = 16_384, 500
		o := newOracle()
		o.fail(func(r *http.Request, _ string) (*http.Response, error) { return nil, pause(r.Context(), time.Hour) })
		stock := newStock(t, o, introspection.Config{}, nil)
		o.fail(nil)
		if status, _ := stock.ask(t.Context(), "good.known"); status != http.StatusOK {
			t.Fatalf("status %d", status)
		}
		o.fail(func(r *http.Request, _ string) (*http.Response, error) { return nil, pause(r.Context(), time.Hour) })
		var waiting, turnedAway verdicts
		var all sync.WaitGroup
		began := time.Now()
		for i := range room {
			all.Go(func() {
				token := fmt.Sprint("good.", i)
				status, subject := stock.ask(t.Context(), token)
				waiting.note(token, status, subject)
				if took := time.Since(began); took != 2*time.Second {
					t.Errorf("cut after %v", took)
				}
			})
		}
		synctest.Wait()
		for i := range surplus {
			token := fmt.Sprint("good.surplus-", i)
			status, subject := stock.ask(t.Context(), token)
			turnedAway.note(token, status, subject)
		}
		status, _ := stock.ask(t.Context(), "good.known")
		if took := time.Since(began); took != 0 || status != http.StatusOK {
			t.Errorf("callers beyond the queue waited %v; a cached token got %d", took, status)
		}
		turnedAway.mustCount(t, 0, 0, surplus)
		all.Wait()
		waiting.mustCount(t, 0, 0, room)
		if _, peak := o.counts(); peak != 64 {
			t.Errorf("%d calls at once, want 64", peak)
		}
	})
}

// A server that refuses our own credentials says nothing about the token: the client hears 503, the operator one line a minute.
func TestRefusedCredentialsOfOurOwnAreNoVerdictOnTheToken(t *testing.T) {
	for _, refusal := range []int{http.StatusUnauthorized, http.StatusForbidden} {
		t.Run(http.StatusText(refusal), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log lines
				o := newOracle()
				o.fail(func(*http.Request, string) (*http.Response, error) {
					r := statusAnswer(refusal)
					r.Header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
					return r, nil
				})
				stock := newStock(t, o, introspection.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, nil)
				var answers verdicts
				const minutes, perSecond = 5, 10
				for i := range minutes * 60 * perSecond {
					token := fmt.Sprint("good.", i)
					status, subject := stock.ask(t.Context(), token)
					answers.note(token, status, subject)
					time.Sleep(time.Second / perSecond)
				}
				answers.mustCount(t, 0, 0, minutes*60*perSecond)
				if n := log.written.Load(); n < minutes || n > minutes+1 {
					t.Errorf("%d log lines in %d minutes", n, minutes)
				}
				if !strings.Contains(log.text.String(), "Config.ClientAuth") {
					t.Errorf("the log does not say what to mend: %s", &log.text)
				}
				o.fail(nil)
				time.Sleep(time.Second)
				if status, _ := stock.ask(t.Context(), "good.again"); status != http.StatusOK {
					t.Errorf("status %d after the credentials were mended", status)
				}
			})
		})
	}
}

// lines counts what a log handler writes, which is a line at a time and under a lock of its own.
type lines struct {
	written atomic.Int64
	text    bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.written.Add(1)
	return l.text.Write(p)
}
