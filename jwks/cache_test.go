package jwks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

func first() members  { return publicJWK("first", "ES256", p256A()) }
func second() members { return publicJWK("second", "ES256", p256B()) }

// verdict is "found", "not found" or "unavailable"; anything else is no answer that a source may give.
func verdict(keys []*jwks.Key, err error) string {
	notFound, unavailable := errors.Is(err, jwks.ErrKeyNotFound), errors.Is(err, jwks.ErrUnavailable)
	switch {
	case err == nil && len(keys) > 0:
		return "found"
	case len(keys) == 0 && notFound && !unavailable:
		return "not found"
	case len(keys) == 0 && unavailable && !notFound:
		return "unavailable"
	}
	return "confused"
}

func expect(t *testing.T, what string, s source, kid, want string) {
	t.Helper()
	if got := verdict(s.VerificationKeys(t.Context(), kid, "ES256")); got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestKeysAreLoadedAtTheFirstQuestion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first(), members{"kty": "oct"})}
		c := newCache(t, i)
		time.Sleep(time.Hour)
		if i.fetches() != 0 {
			t.Fatal("something was fetched before the first question")
		}
		expect(t, "first question", c, "first", "found")
		expect(t, "second question", c, "first", "found")
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want 1", i.fetches())
		}
		s := c.Status()
		if s.Keys != 1 || s.Skipped != 1 || !s.LoadedAt.Equal(time.Now()) || s.LastError != nil || s.NextRefresh.Sub(s.LoadedAt) > 10*time.Minute {
			t.Errorf("status: %+v", s)
		}
		if r := i.request(0); r.Method != http.MethodGet || r.URL.String() != keysURL || r.Header.Get("Accept") == "" {
			t.Errorf("request: %s %s %v", r.Method, r.URL, r.Header)
		}
	})
}

func TestConcurrentQuestionsShareOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(time.Second, serving(first()))}
		c := newCache(t, i)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { expect(t, "a question among many", c, "first", "found") })
		}
		wg.Wait()
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want 1", i.fetches())
		}
	})
}

func TestACallerThatLeavesDoesNotEndTheFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type secretKey struct{}
		i := &issuer{answer: slow(time.Second, serving(first()))}
		c := newCache(t, i)
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), secretKey{}, "of the caller"))
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := c.VerificationKeys(ctx, "first", "ES256")
		if verdict(nil, err) != "unavailable" || !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left: %v", err)
		}
		expect(t, "the caller that stays", c, "first", "found")
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want 1", i.fetches())
		}
		if i.request(0).Context().Value(secretKey{}) != nil {
			t.Error("the fetch carries values of the first caller's context")
		}
	})
}

func TestAnswersDuringAnOutageAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: failing}
		c := newCache(t, i)
		_, err := c.VerificationKeys(t.Context(), "first", "ES256")
		var retry interface{ RetryAfter() time.Duration }
		if verdict(nil, err) != "unavailable" || !errors.As(err, &retry) || retry.RetryAfter() <= 0 || retry.RetryAfter() > 2*time.Second {
			t.Fatalf("first question: %v", err)
		}
		began := time.Now()
		for range 1000 {
			expect(t, "while there is no key", c, "first", "unavailable")
		}
		if time.Since(began) != 0 {
			t.Errorf("callers waited %v though the fetch had failed", time.Since(began))
		}
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want 1 until the next try", i.fetches())
		}
		if s := c.Status(); s.Keys != 0 || s.LastError == nil || !s.LoadedAt.IsZero() {
			t.Errorf("status: %+v", s)
		}
	})
}

func TestRecoveryWithinTwoSecondsWhileTokensWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: failing}
		c := newCache(t, i)
		for range 6000 { // ten minutes
			expect(t, "outage", c, "first", "unavailable")
			time.Sleep(100 * time.Millisecond)
		}
		if n := i.fetches(); n < 300 || n > 320 {
			t.Errorf("%d fetches in ten minutes, want one every two seconds", n)
		}
		i.set(serving(first()))
		time.Sleep(2 * time.Second)
		expect(t, "two seconds after the recovery", c, "first", "found")
	})
}

func TestAQuestionAfterAQuietOutageIsTriedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: failing}
		c := newCache(t, i)
		expect(t, "outage", c, "first", "unavailable")
		time.Sleep(10 * time.Minute)
		quiet := i.fetches()
		if quiet > 20 {
			t.Errorf("%d fetches in ten quiet minutes, want at most 20", quiet)
		}
		i.set(slow(time.Second, serving(first())))
		time.Sleep(5 * time.Second) // the next try is up to a minute away
		expect(t, "first question after the recovery", c, "first", "found")
	})
}

func TestNobodyWaitsLongerThanTwoSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(time.Hour, serving(first()))}
		c := newCache(t, i)
		began := time.Now()
		expect(t, "a server that hangs", c, "first", "unavailable")
		if time.Since(began) != 2*time.Second {
			t.Errorf("the caller waited %v, want 2s", time.Since(began))
		}
		time.Sleep(3*time.Second + time.Millisecond) // the fetch is cut at five seconds
		began = time.Now()
		for range 100 {
			expect(t, "once the fetch has failed", c, "first", "unavailable")
			time.Sleep(100 * time.Millisecond)
		}
		if waited := time.Since(began) - 10*time.Second; waited != 0 {
			t.Errorf("callers waited %v for tries in the background", waited)
		}
	})
}

func TestKeysOutliveAnOutageUntilMaxStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.MaxStale = time.Hour })
		expect(t, "start", c, "first", "found")
		i.set(failing)
		time.Sleep(time.Hour - time.Millisecond)
		expect(t, "just before the limit", c, "first", "found")
		if s := c.Status(); s.Keys != 1 || s.LastError == nil {
			t.Errorf("status in the outage: %+v", s)
		}
		time.Sleep(2 * time.Millisecond)
		expect(t, "just after the limit", c, "first", "unavailable")
		if s := c.Status(); s.Keys != 0 {
			t.Errorf("stale keys are counted as usable: %+v", s)
		}
		i.set(serving(first()))
		time.Sleep(2 * time.Second)
		expect(t, "two seconds after the recovery", c, "first", "found")
	})
}

// Whenever the keys end, the token that comes next does not have to wait for a server that hangs.
func TestNobodyWaitsWhenKeysBecomeStale(t *testing.T) {
	t.Parallel()
	for n := range 10 {
		synctest.Test(t, func(t *testing.T) {
			life := time.Hour + time.Duration(n)*7*time.Second
			i := &issuer{answer: serving(first())}
			c := newCache(t, i, func(cfg *jwks.Config) { cfg.MaxStale = life })
			expect(t, "start", c, "first", "found")
			i.set(slow(time.Hour, serving(first())))
			time.Sleep(life + time.Millisecond)
			began := time.Now()
			expect(t, "stale", c, "first", "unavailable")
			if waited := time.Since(began); waited != 0 {
				t.Errorf("after %v: the caller waited %v", life, waited)
			}
		})
	}
}

func TestMaxStaleCountsFromTheLastSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
			if r.Header.Get("If-None-Match") == `"v1"` {
				return respond(304, ""), nil
			}
			return respond(200, string(document(first())), "ETag", `"v1"`), nil
		}}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.MaxStale = time.Hour })
		expect(t, "start", c, "first", "found")
		for range 48 {
			time.Sleep(time.Hour)
			expect(t, "the set has not changed for long", c, "first", "found")
		}
	})
}

func TestNegativeMaxStaleNeverEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.MaxStale = -1 })
		expect(t, "start", c, "first", "found")
		i.set(failing)
		time.Sleep(3 * 24 * time.Hour)
		expect(t, "after three days", c, "first", "found")
	})
}

func TestAKeyThatLeftTheSetStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first(), second())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		kept := must(c.VerificationKeys(t.Context(), "second", "ES256"))[0]
		i.set(serving(second()))
		time.Sleep(10 * time.Minute)
		expect(t, "the key that was withdrawn", c, "first", "not found")
		if keys := must(c.VerificationKeys(t.Context(), "second", "ES256")); !slices.Equal(keys, []*jwks.Key{kept}) {
			t.Error("the key that stayed is another one after the refresh")
		}
	})
}

// The tenants of a server share its keys: a cached token must notice that its key is no longer for its tenant.
func TestAChangedIssuerOfAKeyIsAChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, change := range [][2]any{{nil, "https://a"}, {"https://a", "https://b"}, {"https://a", nil}} {
			i := &issuer{answer: serving(first().with("issuer", change[0]))}
			c := newCache(t, i)
			pick := func() *jwks.Key { return must(c.VerificationKeys(t.Context(), "first", "ES256"))[0] }
			old := pick()
			for _, again := range []any{change[0], change[1]} {
				i.set(serving(first().with("issuer", again)))
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				issuer, _ := again.(string)
				if now := pick(); now.Issuer() != issuer || now.Equal(old) != (again == change[0]) {
					t.Errorf("from %v to %v: the key is for %q, and equal to the old one: %v", change[0], again, now.Issuer(), now.Equal(old))
				}
			}
		}
	})
}

func TestLimitOfStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(publicJWK("k", "ES256", p256A()))}
		c := newCache(t, i)
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		i.set(failing)
		time.Sleep(24*time.Hour - 1)
		if _, err := c.VerificationKeys(t.Context(), "k", "ES256"); err != nil {
			t.Errorf("just before a day: %v", err)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if keys, err := c.VerificationKeys(t.Context(), "k", "ES256"); err == nil {
			t.Errorf("after a day %d keys are still used", len(keys))
		}
	})
}

// loaded is a cache with n keys; the last one is asked for.
func loaded(tb testing.TB, n int) (c *jwks.Cache, kid string) {
	tb.Helper()
	keys := make([]any, n)
	for i := range keys {
		kid = fmt.Sprint("key-", i)
		keys[i] = publicJWK(kid, "ES256", p256A())
	}
	c = must(jwks.New(jwks.Config{URL: keysURL, HTTPClient: &http.Client{Transport: &issuer{answer: serving(keys...)}}}))
	tb.Cleanup(func() { _ = c.Close() })
	if err := c.Refresh(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return c, kid
}

// Not parallel, as allocations of other tests would be counted.
func TestAKnownKidCostsNoAllocation(t *testing.T) {
	c, kid := loaded(t, 100)
	for _, kid := range []string{kid, ""} {
		if n := testing.AllocsPerRun(1000, func() { _, _ = c.VerificationKeys(t.Context(), kid, "ES256") }); n != 0 {
			t.Errorf("kid %q: %v allocations, want none", kid, n)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.VerificationKeys(t.Context(), kid, "RS256") }); n != 0 {
		t.Errorf("another algorithm: %v allocations, want none", n)
	}
}

func BenchmarkKnownKid(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			c, kid := loaded(b, n)
			ctx := b.Context()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = c.VerificationKeys(ctx, kid, "ES256")
				}
			})
		})
	}
}
