package faults_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// CVE-2025-64527: two tokens in one request made a filter crash while the key set could not be fetched.
func TestTwoTokensInARequestWhileKeysCannotBeFetched(t *testing.T) {
	o := newOracle()
	stock := newStock(t, o, introspection.Config{}, func(cfg *middleware.Config) {
		cfg.HTTPClient = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
			return statusAnswer(http.StatusInternalServerError), nil
		})}
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token")}
	})
	jwt, other, times := o.jwt(nil), o.jwt(map[string]any{"sub": "another"}), part(1000)
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range times {
				both := requestWith(t.Context(), jwt)
				both.Header.Set("X-Token", other)
				twice := requestWith(t.Context(), jwt)
				twice.Header.Add("Authorization", "Bearer "+other)
				for _, r := range []*http.Request{both, twice} {
					if status, _ := serve(stock.handler, r); status != http.StatusBadRequest {
						t.Errorf("two tokens: status %d", status)
					}
				}
				if status, _ := stock.ask(t.Context(), jwt); status != http.StatusServiceUnavailable {
					t.Errorf("one token: status %d", status)
				}
			}
		})
	}
	all.Wait()
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// CVE-2026-25536: what was meant for one client reached another when requests ran at the same time. A thousand subjects ask a hundred
// times each.
func TestParallelSubjectsGetTheirOwnAnswers(t *testing.T) {
	subjects, times := 200, 4
	if *full {
		subjects, times = 1000, 100
	}
	o := newOracle()
	// Callers of the same token at the same time, with caches that are too small for all of them.
	stock := newStock(t, o, introspection.Config{Entries: subjects / 2}, func(cfg *middleware.Config) { cfg.TokenCache.Entries = subjects / 2 })
	var answers verdicts
	var all sync.WaitGroup
	for i := range subjects {
		opaque := fmt.Sprint("good.", i)
		jwt := o.jwt(map[string]any{"sub": opaque})
		all.Go(func() {
			for n := range times {
				token := opaque
				if n%2 == 0 {
					token = jwt
				}
				status, subject := stock.ask(t.Context(), token)
				answers.note(opaque, status, subject)
			}
		})
	}
	all.Wait()
	answers.mustCount(t, subjects*times, 0, 0)
}
