package jwks_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

func TestARotatedKeyIsFoundWithOneFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "before", c, "first", "found")
		i.set(slow(time.Second, serving(second())))
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { expect(t, "the new key", c, "second", "found") })
		}
		wg.Wait()
		if i.fetches() != 2 {
			t.Errorf("%d fetches, want 2", i.fetches())
		}
	})
}

func TestAFloodOfKidsCostsFewFetches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		flood := func(d time.Duration) {
			for n := range int(d / (10 * time.Millisecond)) {
				expect(t, "flood", c, fmt.Sprint("random", n, time.Now().UnixNano()), "not found")
				time.Sleep(10 * time.Millisecond)
			}
		}
		flood(time.Minute)
		if n := i.fetches() - 1; n < 4 || n > 5 {
			t.Errorf("%d fetches in a minute, want three saved up and one each half minute", n)
		}
		i.set(serving(first(), second()))
		flood(30 * time.Second)
		expect(t, "a rotation during the flood, half a minute later", c, "second", "found")
	})
}

func TestAKidLookedUpInVainIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		long := strings.Repeat("x", 100_000)
		for range 29 {
			expect(t, "the same unknown kid", c, "mistaken", "not found")
			expect(t, "a long one", c, long, "not found")
			time.Sleep(time.Second)
		}
		if i.fetches() != 3 {
			t.Errorf("%d fetches, want one for each kid", i.fetches())
		}
		i.set(serving(first(), second()))
		expect(t, "another kid still has its fetch", c, "second", "found")
		time.Sleep(time.Second)
		i.set(serving(first(), second(), publicJWK("mistaken", "ES256", p256A())))
		time.Sleep(30 * time.Second)
		expect(t, "a kid is forgotten after the cool-down", c, "mistaken", "found")
	})
}

func TestAChangedSetForgetsWhatWasMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		expect(t, "before it is published", c, "second", "not found")
		i.set(serving(first(), publicJWK("third", "ES256", p256B())))
		expect(t, "the set changes for another reason", c, "third", "found")
		i.set(serving(first(), second()))
		expect(t, "once it is published", c, "second", "found")
	})
}

func TestUnknownKidDuringAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		i.set(failing)
		for n := range 10 {
			expect(t, "it cannot be told whether the kid is new", c, fmt.Sprint(n), "unavailable")
			expect(t, "a known kid is not affected", c, "first", "found")
		}
		if n := i.fetches() - 1; n != 3 {
			t.Errorf("%d fetches, want the three saved up", n)
		}
	})
}

func TestUnknownKidHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		i.set(always(429, "", "Retry-After", "120"))
		for n := range 119 {
			expect(t, "the server has asked us to stay away", c, fmt.Sprint(n), "unavailable")
			time.Sleep(time.Second)
		}
		if i.fetches() != 2 {
			t.Errorf("%d fetches, want 2", i.fetches())
		}
	})
}

// A fetch that was under way when the question came may have read the set before the key was in it.
func TestAFetchUnderWayIsNotTheLastWord(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(time.Second, serving(first()))}
		c := newCache(t, i)
		go func() { _ = c.Refresh(t.Context()) }()
		time.Sleep(time.Millisecond)
		i.set(serving(first(), second()))
		expect(t, "published during the fetch", c, "second", "found")
		if i.fetches() != 2 {
			t.Errorf("%d fetches, want 2", i.fetches())
		}
	})
}

func TestQuestionsThatCannotCauseAFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		ask := func(what, kid, alg string) {
			if got := verdict(c.VerificationKeys(t.Context(), kid, alg)); got != "not found" {
				t.Errorf("%s: %s, want not found", what, got)
			}
		}
		for _, alg := range []string{"none", "HS256", "HS512", "", "RS1", "es256", strings.Repeat("x", 10_000)} {
			ask("before the first load", "first", alg)
		}
		if i.fetches() != 0 {
			t.Errorf("%d fetches for algorithms that no set can serve", i.fetches())
		}
		expect(t, "start", c, "first", "found")
		for range 10 {
			ask("a known kid with another algorithm", "first", "RS256")
			ask("an algorithm that no set can serve", "unknown", "HS256")
		}
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want 1", i.fetches())
		}
	})
}

func TestATokenWithoutKid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "a key that fits", c, "", "found")
		for range 10 {
			if got := verdict(c.VerificationKeys(t.Context(), "", "RS256")); got != "not found" {
				t.Errorf("no key fits: %s", got)
			}
		}
		if i.fetches() != 2 {
			t.Errorf("%d fetches, want 2: nothing fitted, which is remembered", i.fetches())
		}
		i.set(serving(first(), publicJWK("", "RS256", rsaA())))
		time.Sleep(30 * time.Second)
		for _, kid := range []string{"", "any"} {
			if got := verdict(c.VerificationKeys(t.Context(), kid, "RS256")); got != "found" {
				t.Errorf("a key without id, kid %q: %s", kid, got)
			}
		}
	})
}

func TestCooldownIsConfigurable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.Cooldown = time.Second })
		expect(t, "start", c, "first", "found")
		for n := range 100 {
			expect(t, "flood", c, fmt.Sprint(n), "not found")
			time.Sleep(100 * time.Millisecond)
		}
		if n := i.fetches() - 1; n != 12 {
			t.Errorf("%d fetches in ten seconds, want 3 + 9", n)
		}
	})
}

func TestAnUnknownKidIsUnknownWithEveryAlgorithm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		for _, alg := range []string{"ES256", "RS256", "PS256", "EdDSA"} {
			if got := verdict(c.VerificationKeys(t.Context(), "x", alg)); got != "not found" {
				t.Errorf("%s: %s", alg, got)
			}
		}
		if i.fetches() != 2 {
			t.Errorf("%d fetches, want one for the kid", i.fetches())
		}
	})
}

// Whoever must not refuse for good what a new key may have signed can tell a key that is not there from one that nobody has looked for.
func TestAKeyThatWasNotLookedForSaysSo(t *testing.T) {
	t.Parallel()
	unsought := func(err error) bool {
		var key interface{ Unsought() bool }
		return errors.Is(err, jwks.ErrKeyNotFound) && errors.As(err, &key) && key.Unsought()
	}
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, &issuer{answer: serving(old())})
		tried := held(t, c, "main", "ES256")
		for n := range 5 {
			_, err := c.VerificationKeys(t.Context(), fmt.Sprint(n), "ES256")
			if unsought(err) != (n >= 3) {
				t.Errorf("kid %d: %v, unsought %t", n, err, unsought(err))
			}
			_, err = c.Reconsider(t.Context(), "main", "ES256", tried)
			if unsought(err) != (n >= 3) {
				t.Errorf("another key, %d: %v, unsought %t", n, err, unsought(err))
			}
		}
		if _, err := c.VerificationKeys(t.Context(), "x", "HS256"); unsought(err) {
			t.Error("no set can hold a secret")
		}
		time.Sleep(30 * time.Second)
		_, first := c.VerificationKeys(t.Context(), "again", "ES256")
		_, second := c.VerificationKeys(t.Context(), "again", "ES256")
		if unsought(first) || !unsought(second) {
			t.Errorf("looked for: %v, and just before: %v", first, second)
		}
	})
}

func BenchmarkUnknownKids(b *testing.B) {
	c, _ := loaded(b, 10)
	kids := make([]string, 4096)
	for i := range kids {
		kids[i] = fmt.Sprint("made-up-", i)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		_, _ = c.VerificationKeys(b.Context(), kids[n%len(kids)], "ES256")
	}
}
