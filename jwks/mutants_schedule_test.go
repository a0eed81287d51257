package jwks_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// A server that asked us to stay away is left alone even when the last keys end meanwhile.
func TestEndOfTheKeysHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.Refresh, cfg.MaxStale = 30*time.Second, time.Minute })
		expect(t, "start", c, "first", "found")
		i.set(always(429, "", "Retry-After", "240"))
		time.Sleep(4 * time.Minute)
		expect(t, "the keys have ended", c, "first", "unavailable")
		if i.fetches() != 2 {
			t.Errorf("%d fetches, want the first and the one that was told to stay away", i.fetches())
		}
	})
}

func TestRetryAfterOfAnAnswerDuringATry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: failing}
		c := newCache(t, i)
		expect(t, "start", c, "first", "unavailable")
		i.set(slow(time.Second, failing))
		time.Sleep(1500 * time.Millisecond) // the second try began after one second at most
		_, err := c.VerificationKeys(t.Context(), "first", "ES256")
		var again interface{ RetryAfter() time.Duration }
		if i.fetches() != 2 || !errors.As(err, &again) || again.RetryAfter() != 2*time.Second {
			t.Errorf("%d fetches, error %v: want to be told to come back in two seconds", i.fetches(), err)
		}
	})
}

// RFC 9111 section 4.2.1: of several values the first is used.
func TestFirstMaxAgeCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache(t, &issuer{answer: always(200, string(document(first())), "Cache-Control", "max-age=120, max-age=300")})
		expect(t, "start", c, "first", "found")
		if wait := time.Until(c.Status().NextRefresh); wait > 2*time.Minute {
			t.Errorf("next fetch in %v, want two minutes at most", wait)
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
