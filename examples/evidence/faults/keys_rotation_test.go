package faults_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTwentyRotationsWithOverlapRefuseNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			rotations = 20
			between   = 40 * time.Second
			crowdOf   = 25
		)
		requests := part(100_000)
		perSecond := requests / (rotations * 40)
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		began, total := time.Now(), 0
		for n := range rotations {
			before := a.key()
			a.publish(newSigningKey(fmt.Sprint("rotation-", n)), before)

			// The first tokens of the new key come all at once, beside those of the key before.
			var crowd sync.WaitGroup
			for i := range crowdOf {
				fresh := a.another(a.key(), i)
				crowd.Go(func() { s.good(fresh) })
			}
			crowd.Wait()
			tr := a.usual(perSecond)
			tr.good = append(tr.good, a.token(before))
			s.steady(between, tr)
			total += crowdOf + perSecond*40
		}
		c, fetches := s.take(), len(a.fetched(began))
		if c.unavailable > 0 || c.waited > 0 || c.accepted+c.refused+c.doubted != total || total < requests {
			t.Errorf("%+v of %d; want all judged at once", c, total)
		}
		scheduled, forged := 2, 3+int(time.Since(began)/(30*time.Second))    // what forged tokens may cause (DESIGN 3.5)
		if fetches-1 < rotations || fetches-1 > rotations+scheduled+forged { // and the first load
			t.Errorf("%d fetches for %d rotations", fetches-1, rotations)
		}
	})
}

// A key that was replaced at once ends its tokens, verified ones that are cached too, when the set is fetched: with the first
// token of the new key.
func TestRotationWithoutOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		before := a.key()
		cached := a.token(before)
		s.good(cached)
		time.Sleep(time.Minute)
		a.publish(newSigningKey("new"))
		unseen := a.another(before, 1)

		began := time.Now()
		if r := s.good(a.token(a.key())); r.status != 200 || r.took > 0 {
			t.Errorf("the first token of the new key: %+v", r)
		}
		if n := len(a.fetched(began)); n != 1 {
			t.Errorf("%d fetches for it, want one", n)
		}
		s.take()
		for range 100 {
			s.bad(cached)
			s.bad(unseen)
			s.good(a.token(a.key()))
			time.Sleep(time.Second)
		}
		if c := s.take(); c.refused != 200 || c.accepted != 100 {
			t.Errorf("%+v; want the tokens of the old key refused from then on", c)
		}
		if n := len(a.fetched(began)); n > 5 { // the old kid is an unknown one now
			t.Errorf("%d fetches", n)
		}
	})
}

// A server that numbers its keys from one replaces a key under the id it had. The id is known still, and the tokens are over.
func TestKeyReplacedUnderItsID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		before := a.key()
		cached := a.token(before)
		s.good(cached)
		a.publish(newSigningKey(before.kid))
		warm(t, s.validator)
		s.take()
		s.bad(cached)
		s.bad(a.another(before, 1))
		s.good(a.token(a.key()))
		if c := s.take(); c.refused != 2 || c.accepted != 1 {
			t.Errorf("%+v; want the tokens of the old key refused, and that of the new one accepted", c)
		}
	})
}

// Without a token of the new key nothing but the schedule tells.
func TestWithdrawnKeyLivesOneRefreshIntervalAtMost(t *testing.T) {
	for _, interval := range []time.Duration{10 * time.Minute, 5 * time.Second} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority("login.example.com")
				cfg := trusting(a)
				if interval != 10*time.Minute { // which is what a user gets
					cfg = fetchedEach(t, cfg, a, interval)
				}
				s := newService(t, cfg)
				warm(t, s.validator)
				before := a.key()
				cached := a.token(before)
				s.good(cached)
				time.Sleep(interval / 4)
				a.publish(newSigningKey("new"))
				time.Sleep(interval)
				s.take()
				s.bad(cached)
				s.bad(a.another(before, 1))
				if c := s.take(); c.refused != 2 {
					t.Errorf("%+v; want both refused", c)
				}
			})
		})
	}
}

// The only way to find a new key is down: whether the token is good cannot be told, and is not.
func TestRotationDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		before := a.usual(20)
		a.publish(newSigningKey("new"), a.key())
		a.fail(reset)
		began, rotated := time.Now(), a.token(a.key())
		for range 60 {
			s.good(rotated)
			s.steady(time.Second, before)
		}
		if c := s.take(); c.unavailable != 60 || c.waited > 0 {
			t.Errorf("%+v; want the tokens of the new key unavailable, and no other", c)
		}
		if n := len(a.fetched(began)); n > 12 {
			t.Errorf("%d tries in a minute", n)
		}
		a.fail(nil)
		for back := time.Now(); s.good(rotated).status != 200; time.Sleep(100 * time.Millisecond) {
			if time.Since(back) > time.Minute {
				t.Fatal("the new key is not found a minute after the outage")
			}
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for name, row := range map[string]struct {
		value string
		quiet time.Duration
	}{
		"thirty seconds":           {"30", 30 * time.Second},
		"a day is five minutes":    {"86400", 5 * time.Minute},
		"a date, a minute from it": {"Sat, 01 Jan 2000 00:11:00 GMT", time.Minute}, // a bubble begins with the year 2000
	} {
		t.Run(name+", after the first load", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority("login.example.com")
				s := newService(t, fetchedEach(t, trusting(a), a, 10*time.Minute))
				warm(t, s.validator)
				tr := a.usual(5)
				time.Sleep(10*time.Minute - time.Since(a.fetched(time.Time{})[0].began))
				a.fail(always(503, nil, "Retry-After", row.value))
				_ = s.validator.Warm(context.Background())
				began := time.Now()
				time.Sleep(time.Millisecond)
				for n := range int(row.quiet/time.Second) - 1 { // new kids among the requests
					s.good(newSigningKey(fmt.Sprint("stranger", n)).sign(nil, a.claims(nil)))
					s.steady(time.Second, tr)
				}
				if n := len(a.fetched(began.Add(time.Nanosecond))); n != 0 {
					t.Errorf("%d fetches in the time that was asked for", n)
				}
				c := s.take()
				if want := int(row.quiet/time.Second) - 1; c.unavailable != want || c.waited > 0 {
					t.Errorf("%+v; want the %d tokens of unknown keys unavailable, and no other", c, want)
				}
				a.fail(nil)
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if n := len(a.fetched(began.Add(time.Nanosecond))); n != 1 {
					t.Errorf("%d fetches when the time is over, want one", n)
				}
			})
		})
		t.Run(name+", at the start", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority("login.example.com")
				time.Sleep(10 * time.Minute)
				a.fail(always(429, nil, "Retry-After", row.value))
				s := newService(t, fetchedEach(t, trusting(a), a, 10*time.Minute))
				tr := a.usual(5)
				r := s.good(tr.good[0])
				if r.status != 503 || r.retryAfter != row.quiet {
					t.Errorf("%+v; want the client to be told %v", r, row.quiet)
				}
				s.steady(row.quiet-time.Second, tr)
				if n := len(a.fetched(time.Time{})); n != 1 {
					t.Errorf("%d fetches in the time that was asked for, want one", n)
				}
				wantBackWithin(t, s, a, tr.good[0], time.Second+2*time.Second)
			})
		})
	}
}
