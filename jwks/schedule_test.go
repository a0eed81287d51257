package jwks_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

func TestWhenTheNextFetchIs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what    string
		header  []string
		cfg     jwks.Config
		longest time.Duration // and at least nine tenths of it
	}{
		{"nothing said", nil, jwks.Config{}, 10 * time.Minute},
		{"nothing said, configured", nil, jwks.Config{Refresh: 5 * time.Second}, 5 * time.Second},
		{"nothing said, a short life", nil, jwks.Config{MaxStale: 30 * time.Second}, 15 * time.Second},
		{"max-age inside the bounds", []string{"Cache-Control", "public, max-age=300, must-revalidate"}, jwks.Config{}, 5 * time.Minute},
		{"max-age in quotes and capitals", []string{"Cache-Control", `Max-Age="300"`}, jwks.Config{}, 5 * time.Minute},
		{"max-age less the age", []string{"Cache-Control", "max-age=300", "Age", "120"}, jwks.Config{}, 3 * time.Minute},
		{"older than its max-age", []string{"Cache-Control", "max-age=300", "Age", "1000"}, jwks.Config{}, time.Minute},
		{"max-age of nothing must not become a fetch per second", []string{"Cache-Control", "max-age=0"}, jwks.Config{}, time.Minute},
		{"a cool-down over a minute is the lower bound", []string{"Cache-Control", "max-age=0"}, jwks.Config{Cooldown: 3 * time.Minute}, 3 * time.Minute},
		{"no-store", []string{"Cache-Control", "no-store"}, jwks.Config{}, time.Minute},
		{"no-cache beside max-age", []string{"Cache-Control", "max-age=300, no-cache"}, jwks.Config{}, time.Minute},
		{"a year must not let a withdrawn key live", []string{"Cache-Control", "max-age=31536000"}, jwks.Config{}, 10 * time.Minute},
		{"more than a number holds", []string{"Cache-Control", "max-age=99999999999999999999"}, jwks.Config{}, 10 * time.Minute},
		{"a negative max-age is none", []string{"Cache-Control", "max-age=-1"}, jwks.Config{}, 10 * time.Minute},
		{"text as max-age is none", []string{"Cache-Control", "max-age=soon, x"}, jwks.Config{}, 10 * time.Minute},
		{"s-maxage is for proxies", []string{"Cache-Control", "s-maxage=120"}, jwks.Config{}, 10 * time.Minute},
		{"an interval shorter than the lower bound stays", []string{"Cache-Control", "max-age=0"}, jwks.Config{Refresh: 5 * time.Second}, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: always(200, string(document(first())), row.header...)}
			c := newCache(t, i, func(cfg *jwks.Config) {
				cfg.Refresh, cfg.Cooldown, cfg.MaxStale = row.cfg.Refresh, row.cfg.Cooldown, row.cfg.MaxStale
			})
			for range 20 {
				if err := c.Refresh(t.Context()); err != nil {
					t.Fatal(err)
				}
				if wait := time.Until(c.Status().NextRefresh); wait > row.longest || wait < row.longest*9/10 {
					t.Errorf("%s: next fetch in %v, want %v or up to a tenth less", row.what, wait, row.longest)
				}
			}
			before := i.fetches()
			time.Sleep(row.longest)
			synctest.Wait()
			if i.fetches() != before+1 {
				t.Errorf("%s: %d fetches in the interval, want 1", row.what, i.fetches()-before)
			}
		})
	}
}

func TestIdleCachesStayFresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		time.Sleep(24 * time.Hour)
		if n := i.fetches(); n < 144 || n > 161 {
			t.Errorf("%d fetches in an idle day, want one each nine to ten minutes", n)
		}
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "start", c, "first", "found")
		i.set(failing)
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
		for n, pause := range want {
			pause *= time.Second
			if got := i.times[n+2].Sub(i.times[n+1]); got > pause || got < pause*9/10 {
				t.Errorf("pause %d after a failure: %v, want %v or up to a tenth less", n, got, pause)
			}
		}
		i.set(serving(first()))
		time.Sleep(time.Minute)
		if s := c.Status(); s.LastError != nil || time.Until(s.NextRefresh) < 8*time.Minute-time.Second {
			t.Errorf("after the recovery: %+v", s)
		}
	})
}

func TestEverySecondFetchFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := 0
		i := &issuer{answer: func(*http.Request) (*http.Response, error) {
			if n++; n%2 == 0 {
				return respond(503, ""), nil
			}
			return respond(200, string(document(first()))), nil
		}}
		c := newCache(t, i)
		for range 600 {
			expect(t, "flapping server", c, "first", "found")
			time.Sleep(time.Second)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what   string
		status int
		value  func() string
		want   time.Duration
	}{
		{"seconds", 503, func() string { return "30" }, 30 * time.Second},
		{"seconds with 429", 429, func() string { return "30" }, 30 * time.Second},
		{"a date", 503, func() string { return time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat) }, 90 * time.Second},
		{"a day is cut to five minutes", 503, func() string { return "86400" }, 5 * time.Minute},
		{"more than a number holds is cut too", 503, func() string { return "99999999999999999999" }, 5 * time.Minute},
		{"a date in the past", 503, func() string { return "Thu, 01 Jan 1970 00:00:00 GMT" }, time.Second},
		{"nonsense", 503, func() string { return "soon" }, time.Second},
		{"a negative number", 503, func() string { return "-5" }, time.Second},
		{"a status that is not about load", 404, func() string { return "30" }, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: always(row.status, "", "Retry-After", row.value())}
			c := newCache(t, i)
			expect(t, row.what, c, "first", "unavailable")
			wait := time.Until(c.Status().NextRefresh)
			if wait > row.want || wait < row.want*9/10 {
				t.Errorf("%s: next try in %v, want %v", row.what, wait, row.want)
			}
			for time.Until(c.Status().NextRefresh) > time.Second { // tokens that wait do not shorten it
				expect(t, row.what, c, "first", "unavailable")
				time.Sleep(time.Second)
			}
			if i.fetches() != 1 {
				t.Errorf("%s: %d fetches, want 1 until then", row.what, i.fetches())
			}
		})
	}
}

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
