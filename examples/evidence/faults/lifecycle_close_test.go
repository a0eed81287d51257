package faults_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// A thousand services come, serve and go. Nothing of them stays, neither goroutines nor files, although nobody closes a
// connection but Close.
func TestServicesThatComeAndGoLeaveNothing(t *testing.T) {
	services := part(1000)
	o := newOracle()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := o.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, answer.Body)
	}))
	defer server.Close()
	token := o.jwt(nil)
	use := func() {
		asker, err := introspection.New(introspection.Config{URL: server.URL + "/introspect", ClientAuth: introspection.SecretBasic("stock", "secret")})
		if err != nil {
			t.Fatal(err)
		}
		validator, err := middleware.New(middleware.Config{
			Issuers:   []middleware.Issuer{{URL: oracleURL, JWKSURI: server.URL + "/jwks", Introspector: asker}},
			Audiences: []string{stockAPI},
		})
		if err != nil {
			t.Fatal(err)
		}
		guarded := validator.Require().HandlerFunc(tellSubject)
		for _, token := range []string{token, "good.one"} {
			if status, _ := serve(guarded, requestWith(t.Context(), token)); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		}
		if err := validator.Close(); err != nil {
			t.Error(err)
		}
		if err := asker.Close(); err != nil {
			t.Error(err)
		}
		if status, _ := serve(guarded, requestWith(t.Context(), token)); status != http.StatusServiceUnavailable {
			t.Errorf("status %d after Close", status)
		}
	}
	use()
	server.CloseClientConnections()
	files, countable := openFiles()
	before := runtime.NumGoroutine()
	for range services {
		use()
	}
	backTo(t, before+2) // the server may be about to end a connection
	if now, _ := openFiles(); countable && now > files+2 {
		t.Errorf("%d open files, %d before", now, files)
	}
}

// openFiles counts the files of this process where the system tells.
func openFiles() (n int, ok bool) {
	entries, err := os.ReadDir("/proc/self/fd")
	return len(entries), err == nil
}

// Close comes in the midst of a thousand requests, or of a hundred without -full, from a hundred sides at once: they end within a
// second, judged or not, later ones are not judged, and nothing panics.
func TestCloseInTheMidstOfRequests(t *testing.T) {
	requests := 100
	if *full {
		requests = 1000
	}
	for name, row := range map[string]struct {
		latency time.Duration
		asker   bool // is closed too
		end     time.Duration
	}{
		"the Validator, while answers are near":           {400 * time.Millisecond, false, time.Second},
		"both, while answers are near":                    {400 * time.Millisecond, true, time.Second},
		"both, while the server hangs":                    {time.Hour, true, time.Second},
		"the Validator alone, as what the caller brought": {time.Hour, false, 2 * time.Second}, // goes on to its own timeout
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				slow := slowKeys{o, row.latency}
				o.fail(func(r *http.Request, token string) (*http.Response, error) {
					return delayed(r, row.latency, o.answer(token))
				})
				stock := newStock(t, o, introspection.Config{MaxInFlight: 1000}, func(cfg *middleware.Config) { cfg.HTTPClient = &http.Client{Transport: slow} })
				var answers, later verdicts
				var all sync.WaitGroup
				var began atomic.Pointer[time.Time]
				jwt := o.jwt(nil)
				for i := range requests {
					token, good := jwt, "jwt"
					if i%2 == 0 {
						token = fmt.Sprint("good.", i)
						good = token
					}
					all.Go(func() {
						status, subject := stock.ask(t.Context(), token)
						answers.note(good, status, subject)
						if took := time.Since(*began.Load()); took > row.end {
							t.Errorf("a request ended %v after Close", took)
						}
					})
				}
				synctest.Wait()
				now := time.Now()
				began.Store(&now)
				for range 100 {
					all.Go(func() {
						if err := stock.validator.Close(); err != nil {
							t.Error(err)
						}
						if !row.asker {
							return
						}
						if err := stock.asker.Close(); err != nil {
							t.Error(err)
						}
					})
				}
				all.Wait()
				answers.mustBeRight(t)
				if n := answers.accepted.Load() + answers.unjudged.Load(); n != int64(requests) {
					t.Errorf("%d answers, want %d", n, requests)
				}
				for range 10 {
					at := time.Now()
					status, subject := stock.ask(t.Context(), jwt)
					later.note("jwt", status, subject)
					status, subject = stock.ask(t.Context(), "good.0") // whose answer is cached, if there was one
					later.note("good.0", status, subject)
					if time.Since(at) != 0 || stock.validator.Close() != nil {
						t.Error("after Close a request waits, or another Close fails")
					}
				}
				later.mustCount(t, 0, 0, 20)
			})
		})
	}
}

// slowKeys is an oracle whose key set takes its time as well.
type slowKeys struct {
	*oracle

	latency time.Duration
}

func (s slowKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := pause(r.Context(), s.latency); err != nil {
		return nil, err
	}
	return s.oracle.RoundTrip(r)
}

// Callers leave at any moment. They take nothing with them that others wait for, and leave nothing wrong behind.
func TestCallersWhoLeaveAtAnyMoment(t *testing.T) {
	before := runtime.NumGoroutine()
	synctest.Test(t, func(t *testing.T) {
		callers := part(100_000)
		o := newOracle()
		o.fail(func(r *http.Request, token string) (*http.Response, error) {
			return delayed(r, time.Duration(len(token))*50*time.Microsecond, o.answer(token))
		})
		stock := newStock(t, o, introspection.Config{ActiveTTL: 20 * time.Millisecond, InactiveTTL: 10 * time.Millisecond}, func(cfg *middleware.Config) {
			cfg.TokenCache.Entries = 16
		})
		tokens := map[string]string{}
		for i := range 32 {
			subject := fmt.Sprint("jwt-", i)
			opaque := fmt.Sprint("good.", i)
			tokens[o.jwt(map[string]any{"sub": subject})], tokens[opaque] = subject, opaque
			tokens[fmt.Sprint("bad.", i)] = ""
			tokens[o.jwt(map[string]any{"aud": "https://other.example.com", "sub": subject})] = ""
		}
		var names []string
		for token := range tokens {
			names = append(names, token)
		}
		var answers, after verdicts
		var all sync.WaitGroup
		for i := range callers {
			all.Go(func() {
				ctx, leave := context.WithTimeout(t.Context(), time.Duration(rand.N(2000))*time.Microsecond)
				defer leave()
				token := names[i%len(names)]
				status, subject := stock.ask(ctx, token)
				answers.note(tokens[token], status, subject)
			})
			if i%100 == 99 {
				time.Sleep(time.Millisecond)
			}
		}
		all.Wait()
		answers.mustBeRight(t)
		if answers.accepted.Load() == 0 || answers.refused.Load() == 0 || answers.unjudged.Load() == 0 {
			t.Errorf("%d accepted, %d refused, %d unjudged: the test shows nothing", answers.accepted.Load(), answers.refused.Load(), answers.unjudged.Load())
		}
		time.Sleep(3 * time.Second)
		if status := stock.asker.Status(); status.InFlight != 0 || status.BreakerOpen {
			t.Errorf("%+v after everybody has left", status)
		}
		for token, subject := range tokens {
			status, got := stock.ask(t.Context(), token)
			after.note(subject, status, got)
		}
		after.mustCount(t, 64, 64, 0)
	})
	backTo(t, before)
}
