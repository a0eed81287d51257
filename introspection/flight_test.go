package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

func slowly(d time.Duration, text string) func(*http.Request, string) (*http.Response, error) {
	return func(r *http.Request, _ string) (*http.Response, error) {
		if err := wait(r.Context(), d); err != nil {
			return nil, err
		}
		return respond(200, text), nil
	}
}

func TestFlightIsSharedByAllCallersOfOneToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: slowly(100*time.Millisecond, activeText)}
		client := newClient(t, introspection.Config{}, tr)
		impatient, hangUp := context.WithCancel(t.Context())
		go func() {
			response, err := client.Introspect(impatient, "token")
			mustBeUnavailable(t, response, err)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v does not wrap the caller's", err)
			}
		}()
		synctest.Wait() // the first caller is the one who caused the request
		var right atomic.Int32
		for range 9_999 {
			go func() {
				if response, err := client.Introspect(t.Context(), "token"); err == nil && response.Active() {
					right.Add(1)
				}
			}()
		}
		time.Sleep(50 * time.Millisecond)
		hangUp()
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		if right.Load() != 9_999 {
			t.Errorf("%d right answers, want 9999", right.Load())
		}
		if tr.count() != 1 {
			t.Errorf("%d requests, want 1", tr.count())
		}
	})
}

func TestFlightOutlivesItsCallersAndFillsTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: slowly(time.Second, activeText)}
		client := newClient(t, introspection.Config{}, tr)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		response, err := client.Introspect(ctx, "token")
		mustBeUnavailable(t, response, err)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v does not wrap the caller's", err)
		}
		time.Sleep(time.Second)
		mustIntrospect(t, client, "token")
		if tr.count() != 1 {
			t.Errorf("%d requests, want 1", tr.count())
		}
	})
}

func TestFlightIsNotStartedForACallerWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: answers(activeText)}
		client := newClient(t, introspection.Config{}, tr)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		response, err := client.Introspect(ctx, "token")
		mustBeUnavailable(t, response, err)
		synctest.Wait()
		if !errors.Is(err, context.Canceled) || tr.count() != 0 {
			t.Errorf("error %v and %d requests", err, tr.count())
		}
	})
}

// A caller may look into the cache before a flight lands and for the flight after it has landed.
func TestFlightThatLandsMeanwhileIsNotRepeated(t *testing.T) {
	const tokens = 2000
	tr := &transport{serve: answers(activeText)}
	client := newClient(t, introspection.Config{ActiveTTL: time.Hour, Timeout: time.Minute}, tr)
	for i := range tokens {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { mustIntrospect(t, client, fmt.Sprint("token", i)) })
		}
		wg.Wait()
	}
	if tr.count() != tokens {
		t.Errorf("%d requests for %d tokens", tr.count(), tokens)
	}
}

func TestFlightLandsWhateverTheTransportDoes(t *testing.T) {
	tests := map[string]func(){
		"a panic that quotes the token": func() { panic("request with token=" + canaryToken) },
		"an end of the goroutine":       runtime.Goexit,
	}
	for name, misbehave := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged strings.Builder
				tr := &transport{}
				tr.serve = func(r *http.Request, _ string) (*http.Response, error) {
					if tr.count() <= 2 {
						wait(r.Context(), time.Millisecond)
						misbehave()
					}
					return respond(200, activeText), nil
				}
				client := newClient(t, introspection.Config{MaxInFlight: 1, Logger: textLogger(&logged)}, tr)
				var wg sync.WaitGroup
				for range 1000 {
					wg.Go(func() {
						response, err := client.Introspect(t.Context(), canaryToken)
						mustBeUnavailable(t, response, err)
					})
				}
				wg.Wait()
				if tr.count() != 1 {
					t.Errorf("%d requests, want 1", tr.count())
				}
				if status := client.Status(); status.InFlight != 0 {
					t.Errorf("%d in flight, want 0", status.InFlight)
				}
				_, err := client.Introspect(t.Context(), canaryToken)
				mustBeUnavailable(t, nil, err)
				mustIntrospect(t, client, canaryToken) // the only place is free again
				if strings.Contains(logged.String(), canaryToken) {
					t.Errorf("the log tells the token: %s", &logged)
				}
				if n := strings.Count(logged.String(), "panicked"); strings.HasPrefix(name, "a panic") && n != 1 {
					t.Errorf("%d log lines about two panics, want 1", n)
				}
			})
		})
	}
}

func TestFlightsOfDistinctTokensQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: slowly(time.Millisecond, activeText)}
		client := newClient(t, introspection.Config{}, tr)
		var lost atomic.Int32
		var wg sync.WaitGroup
		const callers = 2000
		for i := range callers {
			wg.Go(func() {
				if _, err := client.Introspect(t.Context(), fmt.Sprint("token", i)); err != nil {
					lost.Add(1)
				}
			})
		}
		wg.Wait()
		if lost.Load() != 0 || tr.count() != callers || tr.peak() != 64 {
			t.Errorf("%d lost, %d requests, %d at once; want 0, %d, 64", lost.Load(), tr.count(), tr.peak(), callers)
		}
	})
}

func TestFlightThatEverybodyLeftIsNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked sync.Map
		tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
			asked.Store(token, true)
			return respond(200, activeText), wait(r.Context(), 100*time.Millisecond)
		}}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		go client.Introspect(t.Context(), "first")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		go client.Introspect(ctx, "left.by.one")
		go client.Introspect(ctx, "left.by.all")
		synctest.Wait()
		stayed := make(chan error)
		go func() {
			_, err := client.Introspect(t.Context(), "left.by.one")
			stayed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-stayed; err != nil {
			t.Error(err)
		}
		if _, sent := asked.Load("left.by.all"); sent || tr.count() != 2 {
			t.Errorf("%d requests, want 2: one that nobody waits for was sent", tr.count())
		}
	})
}

func TestFlightWithTheCacheOffServesNobodyWhoComesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked atomic.Bool
		tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			text := fmt.Sprintf(`{"active":%v}`, !revoked.Load())
			return respond(200, text), wait(r.Context(), time.Second)
		}}
		client := newClient(t, introspection.Config{ActiveTTL: -1}, tr)
		early := make(chan bool)
		go func() {
			response, err := client.Introspect(t.Context(), "token")
			early <- err == nil && response.Active()
		}()
		time.Sleep(time.Millisecond)
		revoked.Store(true)
		if mustIntrospect(t, client, "token").Active() {
			t.Error("a call after the revocation took the answer to a question before it")
		}
		if !<-early {
			t.Error("the early caller lost its answer")
		}
	})
}

func TestFlightTakesNoLongerThanTheTimeout(t *testing.T) {
	tests := []struct {
		name    string
		cfg     introspection.Config
		token   string // another than the one that hangs waits in the queue
		timeout time.Duration
		hint    time.Duration
	}{
		{"a server that hangs", introspection.Config{}, "hanging", 2 * time.Second, 0},
		{"a server that hangs, with a Timeout of one's own", introspection.Config{Timeout: 300 * time.Millisecond}, "hanging", 300 * time.Millisecond, 0},
		{"a queue that does not move", introspection.Config{MaxInFlight: 1}, "queued", 2 * time.Second, time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := &transport{serve: slowly(time.Hour, activeText)}
				client := newClient(t, test.cfg, tr)
				if test.token == "queued" {
					go client.Introspect(t.Context(), "hanging")
					time.Sleep(time.Millisecond)
					// The first request ends a moment before the queued caller's patience, so occupy the place again.
					go client.Introspect(t.Context(), "next")
					synctest.Wait()
				}
				start := time.Now()
				response, err := client.Introspect(t.Context(), test.token)
				mustBeUnavailable(t, response, err)
				if took := time.Since(start); took != test.timeout {
					t.Errorf("took %v, want %v", took, test.timeout)
				}
				if test.token == "hanging" && !strings.Contains(err.Error(), fmt.Sprint("did not answer within ", test.timeout)) {
					t.Errorf("%v does not say how long the server had", err)
				}
				if errors.Is(err, context.DeadlineExceeded) {
					t.Error("our own timeout looks like the end of the caller's context")
				}
				if retryAfter(err) != test.hint {
					t.Errorf("RetryAfter = %v, want %v", retryAfter(err), test.hint)
				}
			})
		})
	}
}

func TestFlightsBoundTheCallersWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: slowly(time.Second, activeText)}
		client := newClient(t, introspection.Config{}, tr)
		var right atomic.Int32
		var wg sync.WaitGroup
		for range 16_384 {
			wg.Go(func() {
				if _, err := client.Introspect(t.Context(), "token"); err == nil {
					right.Add(1)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		response, err := client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if time.Since(start) != 0 || retryAfter(err) != time.Second {
			t.Errorf("refused after %v with RetryAfter %v, want at once and 1s", time.Since(start), retryAfter(err))
		}
		wg.Wait()
		if right.Load() != 16_384 {
			t.Errorf("%d right answers, want 16384", right.Load())
		}
		mustIntrospect(t, client, "other") // nobody waits any more
	})
}

func TestFlightsSurviveCallersWhoLeaveAtAnyMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
			if err := wait(r.Context(), time.Duration(len(token))*time.Millisecond); err != nil {
				return nil, err
			}
			return respond(200, fmt.Sprintf(`{"active":true,"sub":%q}`, token)), nil
		}}
		client := newClient(t, introspection.Config{MaxInFlight: 4, ActiveTTL: 5 * time.Millisecond}, tr)
		var wg sync.WaitGroup
		for i := range 4000 {
			wg.Go(func() {
				time.Sleep(time.Duration(i*7919%1000) * 100 * time.Microsecond)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i*104729%3000)*10*time.Microsecond)
				defer cancel()
				token := strings.Repeat("x", 1+i%13)
				response, err := client.Introspect(ctx, token)
				var claims struct {
					Sub string `json:"sub"`
				}
				if err == nil && (response.Claims(&claims) != nil || claims.Sub != token) {
					t.Errorf("token of %q got the answer about %q", token, claims.Sub)
				}
			})
		}
		wg.Wait()
		time.Sleep(3 * time.Second)
		if status := client.Status(); status.InFlight != 0 || status.BreakerOpen {
			t.Errorf("status %+v after everybody left", status)
		}
		mustIntrospect(t, client, "x")
	})
}

// A caller who waited in the queue has less time left than the request, and does not get more.
func TestCallerFromTheQueueWaitsNoLongerThanTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
			if token == "first" {
				return respond(200, activeText), wait(r.Context(), time.Second)
			}
			return nil, wait(r.Context(), time.Hour)
		}}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		go client.Introspect(t.Context(), "first")
		synctest.Wait()
		start := time.Now()
		response, err := client.Introspect(t.Context(), "second")
		mustBeUnavailable(t, response, err)
		if took := time.Since(start); took != 2*time.Second || tr.count() != 2 {
			t.Errorf("took %v and %d requests, want 2s and 2", took, tr.count())
		}
	})
}

func TestQueuedTokenIsAskedAboutOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			return respond(200, activeText), wait(r.Context(), 500*time.Millisecond)
		}}
		client := newClient(t, introspection.Config{MaxInFlight: 1}, tr)
		var callers sync.WaitGroup
		for _, token := range []string{"first", "queued", "queued", "queued"} {
			callers.Go(func() { mustIntrospect(t, client, token) })
			synctest.Wait()
		}
		callers.Wait()
		if tr.count() != 2 {
			t.Errorf("%d requests, want one for each token", tr.count())
		}
	})
}

func TestLimitOfRequestsAtOnce(t *testing.T) {
	for configured, want := range map[int]int{0: 64, 1: 1, 65: 65} {
		synctest.Test(t, func(t *testing.T) {
			tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) { return nil, wait(r.Context(), time.Hour) }}
			client := newClient(t, introspection.Config{MaxInFlight: configured}, tr)
			for i := range 100 {
				go client.Introspect(t.Context(), fmt.Sprint("token", i))
			}
			synctest.Wait()
			if tr.count() != want || client.Status().InFlight != want {
				t.Errorf("MaxInFlight %d: %d requests at once, want %d", configured, tr.count(), want)
			}
			time.Sleep(3 * time.Second)
		})
	}
}
