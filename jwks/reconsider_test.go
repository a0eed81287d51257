package jwks_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// old and renewed are two keys of one name, as a server publishes them that makes a key of its own at each start.
func old() members     { return publicJWK("main", "ES256", p256A()) }
func renewed() members { return publicJWK("main", "ES256", p256B()) }

func held(t *testing.T, c *jwks.Cache, kid, alg string) []*jwks.Key {
	t.Helper()
	keys, _ := c.VerificationKeys(t.Context(), kid, alg)
	return keys
}

func TestANewKeyUnderAnOldNameIsFoundWithOneFetch(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what          string
		before, after members
		kid, alg      string
	}{
		{"the same kid", old(), renewed(), "main", "ES256"},
		{"the same kid for another algorithm", old(), publicJWK("main", "RS256", rsaA()), "main", "RS256"},
		{"the same kid for another issuer", old(), old().with("issuer", "https://a"), "main", "ES256"},
		{"a token without kid", old(), renewed().with("kid", "other"), "", "ES256"},
		{"keys without kid", old().with("kid", ""), renewed().with("kid", ""), "", "ES256"},
		{"keys without kid, and a token with one", old().with("kid", ""), renewed().with("kid", ""), "any", "ES256"},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: serving(row.before)}
			c := newCache(t, i)
			_ = c.Refresh(t.Context())
			i.set(slow(time.Second, serving(row.after)))
			tried := held(t, c, row.kid, row.alg)
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					keys, err := c.Reconsider(t.Context(), row.kid, row.alg, tried)
					if err != nil || len(keys) != 1 || slices.ContainsFunc(tried, keys[0].Equal) {
						t.Errorf("%s: %v, %v", row.what, names(keys), err)
					}
				})
			}
			all.Wait()
			if i.fetches() != 2 {
				t.Errorf("%s: %d fetches, want one for all", row.what, i.fetches()-1)
			}
			if keys, err := c.Reconsider(t.Context(), row.kid, row.alg, tried); err != nil || len(keys) != 1 || i.fetches() != 2 {
				t.Errorf("%s: a token that was tried with the old keys meanwhile: %v, %v, %d fetches", row.what, names(keys), err, i.fetches()-1)
			}
		})
	}
}

func TestForgedSignaturesCostFewFetches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(old())}
		c := newCache(t, i)
		tried := held(t, c, "main", "ES256")
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "not found" || i.fetches() != 2 {
			t.Errorf("one forged signature: %s after %d fetches", got, i.fetches()-1)
		}
		for range 6000 {
			if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "not found" {
				t.Fatalf("a forged signature: %s", got)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := i.fetches() - 1; n < 4 || n > 5 {
			t.Errorf("%d fetches in a minute, want three saved up and one each half minute", n)
		}
		before := i.fetches()
		expect(t, "an unknown kid still has its fetch", c, "unknown", "not found")
		if i.fetches() != before+1 {
			t.Error("forged signatures have drained the fetches for unknown kids")
		}
		i.set(serving(renewed()))
		time.Sleep(30 * time.Second)
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "found" {
			t.Errorf("a new key during the flood, half a minute later: %s", got)
		}
	})
}

func TestUnknownKidsLeaveTheFetchesForKnownOnes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(old())}
		c := newCache(t, i)
		tried := held(t, c, "main", "ES256")
		for n := range 100 {
			expect(t, "flood", c, fmt.Sprint(n), "not found")
		}
		i.set(serving(renewed()))
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "found" {
			t.Errorf("a new key under the old name: %s", got)
		}
	})
}

func TestReconsiderDuringAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(old())}
		c := newCache(t, i)
		tried := held(t, c, "main", "ES256")
		i.set(failing)
		for range 10 {
			if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "unavailable" {
				t.Errorf("it cannot be told whether there is a new key: %s", got)
			}
		}
		if n := i.fetches() - 1; n != 3 {
			t.Errorf("%d fetches, want the three saved up", n)
		}
		i.set(always(429, "", "Retry-After", "120"))
		time.Sleep(30 * time.Second)
		before := i.fetches()
		for range 60 {
			if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "unavailable" {
				t.Errorf("the server has asked us to stay away: %s", got)
			}
			time.Sleep(time.Second)
		}
		if n := i.fetches() - before; n > 1 {
			t.Errorf("%d fetches from a server that has asked us to stay away", n)
		}
		i.set(hanging)
		time.Sleep(10 * time.Minute)
		began := time.Now()
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "unavailable" || time.Since(began) > 2*time.Second {
			t.Errorf("a server that hangs: %s after %v", got, time.Since(began))
		}
	})
}

func TestReconsiderThatCannotCauseAFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(old())}
		c := newCache(t, i)
		_ = c.Refresh(t.Context())
		for what, q := range map[string][2]string{
			"a kid that is not known":                {"unknown", "ES256"},
			"no kid, and an algorithm without a key": {"", "RS256"},
			"an algorithm that no set can serve":     {"main", "HS256"},
			"no algorithm":                           {"main", "none"},
		} {
			if got := verdict(c.Reconsider(t.Context(), q[0], q[1], nil)); got != "not found" {
				t.Errorf("%s: %s", what, got)
			}
		}
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want none", i.fetches()-1)
		}
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", nil)); got != "found" || i.fetches() != 1 {
			t.Errorf("a key that was not tried: %s, %d fetches", got, i.fetches()-1)
		}
		_ = c.Close()
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", nil)); got != "unavailable" {
			t.Errorf("after Close: %s", got)
		}
		synctest.Wait()
		if i.fetches() != 1 {
			t.Errorf("%d fetches after Close", i.fetches()-1)
		}
	})
}

// A fetch that was under way when the question came may have read the set before the key was in it.
func TestReconsiderIsNotContentWithAFetchUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(old())}
		c := newCache(t, i)
		tried := held(t, c, "main", "ES256")
		i.set(slow(time.Second, serving(old())))
		go func() { _ = c.Refresh(t.Context()) }()
		synctest.Wait()
		i.set(serving(renewed()))
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "found" || i.fetches() != 3 {
			t.Errorf("published during the fetch: %s after %d fetches", got, i.fetches())
		}
	})
}

func TestReconsiderWithoutUsableKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(old())}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.MaxStale = time.Hour })
		tried := held(t, c, "main", "ES256")
		i.set(failing)
		time.Sleep(2 * time.Hour)
		for range 10 {
			if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "unavailable" {
				t.Errorf("the keys have ended: %s", got)
			}
		}
		i.set(serving(renewed()))
		time.Sleep(2*time.Second + time.Millisecond)
		if got := verdict(c.Reconsider(t.Context(), "main", "ES256", tried)); got != "found" {
			t.Errorf("two seconds after the recovery: %s", got)
		}
	})
}
