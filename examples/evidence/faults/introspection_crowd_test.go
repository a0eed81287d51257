package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

// A crowd with one token that nobody has seen before is one call, whoever of it leaves.
func TestCrowdWithOneTokenIsOneCall(t *testing.T) {
	crowd := part(10_000)
	for name, leaves := range map[string]bool{"all stay": false, "the first one, who caused the call, leaves": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				o := newOracle()
				o.fail(func(r *http.Request, token string) (*http.Response, error) {
					return delayed(r, 100*time.Millisecond, o.answer(token))
				})
				stock := newStock(t, o, introspection.Config{}, nil)
				var first, others verdicts
				var all sync.WaitGroup
				before := runtime.NumGoroutine()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				ask := func(ctx context.Context, answers *verdicts) {
					all.Go(func() {
						status, subject := stock.ask(ctx, "good.one")
						answers.note("good.one", status, subject)
					})
				}
				ask(ctx, &first)
				synctest.Wait()
				for range crowd - 1 {
					ask(t.Context(), &others)
				}
				synctest.Wait()
				if n := runtime.NumGoroutine() - before; n > crowd+1 {
					t.Errorf("%d goroutines for %d callers, want at most one more", n, crowd)
				}
				if leaves {
					leave()
				}
				all.Wait()
				if leaves {
					first.mustCount(t, 0, 0, 1)
				} else {
					first.mustCount(t, 1, 0, 0)
				}
				others.mustCount(t, crowd-1, 0, 0)
				if calls, _ := o.counts(); calls != 1 {
					t.Errorf("%d calls, want 1", calls)
				}
			})
		})
	}
}

// A transport that panics takes neither the program nor a single caller with it, and spoils nothing for the next one.
func TestPanicInTheTransportLeavesNobodyWaiting(t *testing.T) {
	crowd := part(10_000)
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.fail(func(r *http.Request, token string) (*http.Response, error) {
			_ = pause(r.Context(), 100*time.Millisecond)
			panic("what was I given?")
		})
		stock := newStock(t, o, introspection.Config{}, nil)
		var answers, after verdicts
		var all sync.WaitGroup
		began := time.Now()
		for range crowd {
			all.Go(func() {
				status, subject := stock.ask(t.Context(), "good.one")
				answers.note("good.one", status, subject)
			})
		}
		all.Wait()
		answers.mustCount(t, 0, 0, crowd)
		if took := time.Since(began); took != 100*time.Millisecond {
			t.Errorf("callers waited %v, want no longer than the call lived", took)
		}
		if calls, _ := o.counts(); calls != 1 {
			t.Errorf("%d calls, want 1", calls)
		}
		o.fail(nil)
		status, subject := stock.ask(t.Context(), "good.one")
		after.note("good.one", status, subject)
		after.mustCount(t, 1, 0, 0)
	})
}

// A crowd with as many tokens queues for 64 places, and nobody is lost.
func TestCrowdWithDistinctTokensQueues(t *testing.T) {
	crowd := part(10_000)
	synctest.Test(t, func(t *testing.T) {
		o := newOracle()
		o.fail(func(r *http.Request, token string) (*http.Response, error) {
			return delayed(r, time.Millisecond, o.answer(token))
		})
		stock := newStock(t, o, introspection.Config{}, nil)
		var answers verdicts
		var all sync.WaitGroup
		for i := range crowd {
			good, token := "", fmt.Sprint("bad.", i)
			if i%3 > 0 {
				token = fmt.Sprint("good.", i)
				good = token
			}
			all.Go(func() {
				status, subject := stock.ask(t.Context(), token)
				answers.note(good, status, subject)
			})
		}
		all.Wait()
		bad := (crowd + 2) / 3
		answers.mustCount(t, crowd-bad, bad, 0)
		if calls, peak := o.counts(); calls != crowd || peak != 64 {
			t.Errorf("%d calls, %d at once; want %d and 64", calls, peak, crowd)
		}
	})
}
