package jwks_test

import (
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// numbered answers the n-th request, counted from one, with what the n-th function says, and all that follow as the last one.
func numbered(answers ...func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	var n atomic.Int32
	return func(r *http.Request) (*http.Response, error) {
		return answers[min(int(n.Add(1)), len(answers))-1](r)
	}
}

var hanging = slow(time.Hour, failing)

// deaf answers after d, even if the request was given up long before.
func deaf(d time.Duration, answer func(*http.Request) (*http.Response, error)) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		time.Sleep(d)
		return answer(r)
	}
}

// Requests that reach the server before it recovers hang until they are given up; those that come later are answered. So, as in reality,
// it is no help to a fetch that waits.
func TestAServerThatHungServesSoonAfterItRecovers(t *testing.T) {
	t.Parallel()
	const latency, step = 300 * time.Millisecond, 100 * time.Millisecond
	for _, warm := range []bool{false, true} {
		for recovery := time.Duration(0); recovery < 17*time.Second; recovery += 650 * time.Millisecond {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				var inFlight, most atomic.Int32
				i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
					most.Store(max(most.Load(), inFlight.Add(1)))
					defer inFlight.Add(-1)
					if time.Since(began) < recovery {
						return hanging(r)
					}
					return slow(latency, serving(first()))(r)
				}}
				c := newCache(t, i)
				limit := int32(3)
				if warm {
					limit++ // a patient fetch outlasts the others
					go func() { _ = c.Refresh(t.Context()) }()
					synctest.Wait()
				}
				var all sync.WaitGroup
				served := make(chan time.Duration, 1000)
				for range int((recovery + 5*time.Second) / step) {
					all.Go(func() {
						if _, err := c.VerificationKeys(t.Context(), "first", "ES256"); err == nil {
							served <- time.Since(began)
						}
					})
					time.Sleep(step)
				}
				all.Wait()
				if at := <-served; at > recovery+2*time.Second+latency+step {
					t.Errorf("Warm %v, recovery after %v: the first key came %v later", warm, recovery, at-recovery)
				}
				if most.Load() > limit {
					t.Errorf("Warm %v, recovery after %v: %d fetches at a time, want at most %d", warm, recovery, most.Load(), limit)
				}
				for n := 1; n < i.fetches(); n++ {
					if pause := i.times[n].Sub(i.times[n-1]); pause < 900*time.Millisecond {
						t.Errorf("Warm %v, recovery after %v: fetch %d began %v after the one before", warm, recovery, n, pause)
					}
				}
				if inFlight.Load() != 0 {
					t.Errorf("Warm %v, recovery after %v: %d fetches go on though keys are held", warm, recovery, inFlight.Load())
				}
			})
		}
	}
}

func TestAnOvertakenFetchIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log record
		i := &issuer{answer: numbered(hanging, serving(first()))}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
		time.Sleep(1500 * time.Millisecond)
		expect(t, "a caller that waits when the second fetch begins", c, "first", "found")
		time.Sleep(time.Minute)
		if s := c.Status(); s.Failures != 0 || s.LastError != nil || log.String() != "" || i.fetches() != 2 {
			t.Errorf("%d fetches, status %+v, log %s", i.fetches(), s, &log)
		}
	})
}

func TestFetchesBesideOneAnother(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what           string
		answer         func(*http.Request) (*http.Response, error)
		want           string // the answer to a caller that comes after 1.5 seconds, and waits for two
		waited         time.Duration
		fetches        int // until then
		failed         uint64
		thenFetches    int // after four seconds, in which nobody asks
		thenFailed     uint64
		heldAfterwards int
	}{
		{"the second is refused, the first answers late", numbered(slow(3*time.Second, serving(first())), failing), "found", 1500 * time.Millisecond, 2, 1, 2, 1, 1},
		{"the second hangs, the first answers late", numbered(slow(3*time.Second, serving(first())), hanging), "found", 1500 * time.Millisecond, 2, 0, 2, 0, 1},
		{
			"the second panics, the first answers late",
			numbered(slow(3*time.Second, serving(first())), func(*http.Request) (*http.Response, error) { panic("second") }), "found",
			1500 * time.Millisecond, 2, 1, 2, 1, 1,
		},
		{
			"the first is refused late, the second answers later",
			numbered(slow(2500*time.Millisecond, failing), slow(time.Second, serving(first()))), "found", 1500 * time.Millisecond, 2, 1, 2,
			1, 1,
		},
		{"both are refused late", numbered(slow(2200*time.Millisecond, failing), slow(500*time.Millisecond, failing)), "unavailable", time.Second, 2, 2, 3, 3, 0},
		{"all hang", hanging, "unavailable", 2 * time.Second, 2, 0, 2, 1, 0},
		{"the server speaks, if slowly", func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(trickle{r.Context().Done()})}, nil
		}, "unavailable", 2 * time.Second, 1, 0, 2, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: row.answer}
			c := newCache(t, i)
			go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
			time.Sleep(1500 * time.Millisecond)
			began := time.Now()
			expect(t, row.what, c, "first", row.want)
			if waited := time.Since(began); waited != row.waited {
				t.Errorf("%s: the caller waited %v, want %v", row.what, waited, row.waited)
			}
			if s := c.Status(); i.fetches() != row.fetches || s.Failures != row.failed {
				t.Errorf("%s: %d fetches, %d failed; want %d and %d", row.what, i.fetches(), s.Failures, row.fetches, row.failed)
			}
			time.Sleep(3 * time.Second)
			if s := c.Status(); i.fetches() != row.thenFetches || s.Failures != row.thenFailed || s.Keys != row.heldAfterwards {
				t.Errorf("%s: later %d fetches, %d failed, %d keys", row.what, i.fetches(), s.Failures, s.Keys)
			}
		})
	}
}

// An answer that was on its way for long may be from before a rotation.
func TestAnOlderAnswerDoesNotReplaceANewerOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: numbered(
			deaf(10*time.Second, always(200, string(document(first())), "ETag", `"old"`)),
			always(200, string(document(second())), "ETag", `"new"`),
			always(304, ""),
		)}
		c := newCache(t, i)
		go func() { _, _ = c.VerificationKeys(t.Context(), "second", "ES256") }()
		time.Sleep(1500 * time.Millisecond)
		expect(t, "the newer answer", c, "second", "found")
		for n := 2; n < 4; n++ { // before the older answer comes, and after it
			if err := c.Refresh(t.Context()); err != nil || i.request(n).Header.Get("If-None-Match") != `"new"` {
				t.Errorf("%v; fetch %d asks for what differs from %q", err, n, i.request(n).Header.Get("If-None-Match"))
			}
			loaded := c.Status().LoadedAt
			time.Sleep(30 * time.Second)
			expect(t, "after the older answer", c, "second", "found")
			if s := c.Status(); s.LastError != nil || !s.LoadedAt.Equal(loaded) {
				t.Errorf("the older answer counts: %+v", s)
			}
		}
	})
}

func TestRefreshKnowsWhichFetchWasFirst(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what    string
		answer  func(*http.Request) (*http.Response, error)
		called  time.Duration
		fetches int
	}{
		{"a fetch that began after the call overtakes the one it joined", numbered(hanging, serving(first(), second())), time.Second, 2},
		{
			"the one it joined is overtaken by an older one",
			numbered(slow(3*time.Second, serving(first())), hanging, serving(first(), second())), 2500 * time.Millisecond, 3,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: row.answer}
			c := newCache(t, i)
			for range 2 {
				go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
				time.Sleep(row.called / 2)
			}
			if err := c.Refresh(t.Context()); err != nil {
				t.Errorf("%s: %v", row.what, err)
			}
			if i.fetches() != row.fetches {
				t.Errorf("%s: %d fetches, want %d", row.what, i.fetches(), row.fetches)
			}
			if keys, _ := c.VerificationKeys(t.Context(), "second", "ES256"); len(keys) != 1 {
				t.Errorf("%s: Refresh has returned with an older set", row.what)
			}
		})
	}
}

func TestCloseEndsFetchesBesideOneAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inFlight atomic.Int32
		i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
			inFlight.Add(1)
			defer inFlight.Add(-1)
			return hanging(r)
		}}
		c := newCache(t, i)
		for range 46 { // four seconds and a half
			go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
			time.Sleep(100 * time.Millisecond)
		}
		if inFlight.Load() != 3 {
			t.Fatalf("%d fetches are under way, want 3", inFlight.Load())
		}
		began := time.Now()
		_ = c.Close()
		if inFlight.Load() != 0 || time.Since(began) != 0 {
			t.Errorf("%d fetches are left after %v", inFlight.Load(), time.Since(began))
		}
		time.Sleep(time.Minute)
		if i.fetches() != 3 {
			t.Errorf("%d fetches after Close", i.fetches()-3)
		}
	})
}

func TestWhatAnOvertakenFetchLookedForIsRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: numbered(hanging, serving(first()))}
		c := newCache(t, i)
		go func() { _, _ = c.VerificationKeys(t.Context(), "unknown", "ES256") }()
		time.Sleep(1500 * time.Millisecond)
		expect(t, "a kid that the second fetch brings", c, "first", "found")
		expect(t, "a kid that began the first", c, "unknown", "not found")
		if i.fetches() != 2 {
			t.Errorf("%d fetches, want 2", i.fetches())
		}
	})
}

// Once a fetch has failed, nobody waits for one that has had as long as others.
func TestNobodyWaitsForAPatientFetchThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: hanging}
		c := newCache(t, i)
		go func() { _ = c.Refresh(t.Context()) }()
		time.Sleep(time.Second)
		for range 70 {
			go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
			time.Sleep(100 * time.Millisecond)
		}
		began := time.Now()
		expect(t, "eight seconds after Refresh", c, "first", "unavailable")
		if waited := time.Since(began); waited != 0 || c.Status().Failures == 0 {
			t.Errorf("the caller waited %v, %+v", waited, c.Status())
		}
	})
}

// A transport that does not end when its request is given up must not pile up fetches.
func TestFetchesThatDoNotEndAreCounted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: deaf(30*time.Second, failing)}
		c := newCache(t, i)
		for range 290 {
			go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
			time.Sleep(100 * time.Millisecond)
		}
		if i.fetches() != 3 {
			t.Errorf("%d fetches are under way, want at most 3", i.fetches())
		}
		_ = c.Close()
		time.Sleep(30 * time.Second) // the bubble waits for them
	})
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: numbered(serving(first()), deaf(time.Minute, failing))}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.Cooldown = time.Second })
		expect(t, "start", c, "first", "found")
		for range 25 {
			expect(t, "a kid that no fetch brings", c, "unknown", "unavailable")
		}
		if i.fetches() != 4 {
			t.Errorf("%d fetches are under way, want at most 3", i.fetches()-1)
		}
		_ = c.Close()
		time.Sleep(time.Minute)
	})
}

// What a fetch has found out about the address of the keys is not lost to an older one that found nothing.
func TestAFetchThatFoundNothingForgetsNoAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name, place = "https://h", "https://h/.well-known/openid-configuration"
		aboutIt := numbered(hanging, always(200, metadata(name, keysURL)), failing)
		began := time.Now()
		i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
			switch {
			case r.URL.String() == place:
				return aboutIt(r)
			case time.Since(began) < 5500*time.Millisecond: // until the first fetch has been cut
				return respond(404, ""), nil
			}
			return respond(200, string(document(first()))), nil
		}}
		c := newDiscovering(t, i, name)
		for range 80 {
			go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
			time.Sleep(100 * time.Millisecond)
		}
		expect(t, "the metadata is out of reach, the keys are not", c, "first", "found")
	})
}

func TestAServerThatSpeaksIsNotOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(trickle{r.Context().Done()})}, nil
		}}
		c := newCache(t, i)
		for range 49 {
			go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
			time.Sleep(100 * time.Millisecond)
		}
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want one while bytes come in", i.fetches())
		}
	})
}

// Another fetch, overtaken or failed, does not lift what the server has asked for.
func TestNobodyOvertakesAServerThatAskedUsToStayAway(t *testing.T) {
	t.Parallel()
	for _, older := range []func(*http.Request) (*http.Response, error){hanging, slow(3*time.Second, always(500, ""))} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: numbered(older, always(429, "", "Retry-After", "60"), serving(first()))}
			c := newCache(t, i)
			ask := func(d time.Duration) {
				for range int(d / (100 * time.Millisecond)) {
					go func() { _, _ = c.VerificationKeys(t.Context(), "first", "ES256") }()
					time.Sleep(100 * time.Millisecond)
				}
			}
			ask(60 * time.Second)
			if i.fetches() != 2 {
				t.Errorf("%d fetches, want the slow one and the one that was told to stay away", i.fetches())
			}
			ask(3 * time.Second)
			expect(t, "after that time", c, "first", "found")
		})
	}
}
