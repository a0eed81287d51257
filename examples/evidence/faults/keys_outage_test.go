package faults_test

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// outages are the ways in which an issuer can be gone.
var outages = map[string]transport{
	"connections reset":        reset,
	"connections refused":      failing(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}),
	"its name does not exist":  failing(&net.DNSError{Err: "no such host", Name: "issuer.example", IsNotFound: true}),
	"the resolver is down":     failing(&net.DNSError{Err: "server misbehaving", Name: "issuer.example", IsTemporary: true}),
	"its certificate is over":  failing(x509.CertificateInvalidError{Reason: x509.Expired}),
	"an unknown authority":     failing(x509.UnknownAuthorityError{}),
	"503":                      always(503, nil),
	"500 with a key set":       always(500, keySetOf(newSigningKey("stranger"))),
	"404 for everything":       always(404, nil),
	"401 for everything":       always(401, nil),
	"it accepts and is silent": hang,
	"the transport panics":     func(*http.Request) (*http.Response, error) { panic("a bug in the transport") },
}

// untilRefresh ends shortly before the keys are fetched for the second time.
const untilRefresh = 9*time.Minute - time.Second

func TestOutageAfterTheFirstLoadRefusesNobody(t *testing.T) {
	for name, fault := range outages {
		perSecond := 2
		if name == "connections reset" {
			perSecond = part(500)
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority("login.example.com")
				s := newService(t, trusting(a))
				warm(t, s.validator)
				tr := a.usual(perSecond)
				time.Sleep(untilRefresh)

				a.fail(fault)
				began := time.Now()
				s.steady(10*time.Minute, tr)
				if c := s.take(); c.unavailable > 0 || c.waited > 0 || c.accepted+c.refused+c.doubted != 600*perSecond {
					t.Errorf("%+v; want %d requests judged at once", c, 600*perSecond)
				}
				// Forged tokens may add three tries, and one more each half minute (DESIGN 3.5).
				if n := len(a.fetched(began)); n < 8 || n > 20+3+20 {
					t.Errorf("%d tries in the ten minutes, want the back-off from one second to one minute", n)
				}
				if s.health().Keys.LastError == nil || !s.health().Ready {
					t.Errorf("health %+v; want ready, with an error", s.health())
				}

				a.fail(nil)
				time.Sleep(time.Minute)
				if h := s.health(); h.Keys.LastError != nil {
					t.Errorf("a minute after the outage: %v", h.Keys.LastError)
				}
			})
		})
	}
}

func TestKeysEndADayAfterTheirIssuerWasLastSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		loaded, tr := time.Now(), a.usual(1)
		a.fail(reset)

		s.steady(time.Hour, tr)
		time.Sleep(22 * time.Hour)
		s.steady(time.Hour-2*time.Second, tr)
		if c := s.take(); c.unavailable > 0 || c.waited > 0 {
			t.Errorf("within the day: %+v; want nobody refused", c)
		}
		var last, first time.Time
		for range 40 {
			time.Sleep(100 * time.Millisecond)
			switch r := s.good(tr.good[0]); {
			case r.status == 200:
				last = time.Now()
			case first.IsZero():
				first = time.Now()
			}
		}
		if last.After(loaded.Add(24*time.Hour)) || first.IsZero() || first.After(loaded.Add(24*time.Hour+time.Second)) {
			t.Errorf("accepted until %v and refused from %v after the load; want 24h", last.Sub(loaded), first.Sub(loaded))
		}
		if s.health().Ready {
			t.Error("ready without keys")
		}
		s.take()
		since := time.Now()
		s.steady(time.Minute, traffic{perSecond: 20, good: tr.good, bad: tr.bad, forged: tr.forged, fresh: tr.fresh})
		if c := s.take(); c.accepted > 0 || c.unavailable == 0 {
			t.Errorf("without keys: %+v; want every good token unavailable", c)
		}
		if n := len(a.fetched(since)); n < 25 || n > 35 {
			t.Errorf("%d tries in a minute in which tokens waited for keys, want one each two seconds", n)
		}
		wantBackWithin(t, s, a, tr.good[0], 2*time.Second)
		s.take()
		s.steady(time.Minute, tr)
		s.wantServed("after the recovery")
	})
}

// wantBackWithin ends the fault and wants the token to be accepted so soon.
func wantBackWithin(t *testing.T, s *service, a *authority, token string, limit time.Duration) {
	t.Helper()
	const step = 10 * time.Millisecond // between two looks, so the recovery may be seen that much later
	limit += step
	a.fail(nil)
	back := time.Now()
	for s.good(token).status != 200 {
		if time.Since(back) > limit {
			t.Fatalf("not back %v after the fault has ended", limit)
		}
		time.Sleep(step)
	}
	if since := time.Since(back); since > limit {
		t.Errorf("back after %v, want %v at most", since, limit)
	}
}

// While nobody asks, tries are a minute apart; the first request after the outage must not wait for the next of them.
func TestFirstRequestAfterALongSilenceIsServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		token := a.token(a.key())
		a.fail(reset)
		time.Sleep(48 * time.Hour)
		if tries := a.fetched(time.Now().Add(-2 * time.Second)); len(tries) > 0 {
			time.Sleep(2 * time.Second) // so shortly after a try there is no other, and the next by itself is far away
		}
		a.fail(nil)
		if r := s.good(token); r.status != 200 || r.took > 0 {
			t.Errorf("%+v; want a fetch of its own and 200", r)
		}
	})
}

func TestIssuerThatIsDownAtStart(t *testing.T) {
	for name, fault := range outages {
		if name == "it accepts and is silent" {
			continue // below
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority("login.example.com")
				a.fail(fault)
				began := time.Now()
				s := newService(t, trusting(a))
				if took := time.Since(began); took > 0 || a.requests() > 0 {
					t.Errorf("New took %v and made %d requests, want none", took, a.requests())
				}
				if err := s.validator.Warm(t.Context()); err == nil {
					t.Error("Warm says nothing")
				}
				tr := a.usual(2)
				s.steady(time.Minute, tr)
				if c := s.take(); c.accepted > 0 || c.unavailable == 0 || c.waited > 0 {
					t.Errorf("%+v; want good tokens unavailable at once", c)
				}
				if tries := a.requests(); tries > 2*40 { // at most two addresses of metadata each
					t.Errorf("%d requests in a minute, want a try each two seconds", tries)
				}
				if s.health().Ready {
					t.Error("ready without keys")
				}
				wantBackWithin(t, s, a, tr.good[0], 2*time.Second)
				s.take()
				s.steady(time.Minute, tr)
				s.wantServed("after the recovery")
			})
		})
	}
}

func TestIssuerThatIsSilentAtStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		a.fail(hang)
		s := newService(t, trusting(a))
		tr := a.usual(20)
		wantPatience(t, s, a, func(n int) string { return a.another(a.key(), n) })
		time.Sleep(3*time.Second + time.Millisecond) // the fetch is cut at five
		s.take()
		s.steady(time.Minute, tr)
		if c := s.take(); c.accepted > 0 || c.waited > 0 {
			t.Errorf("%+v; want nobody to wait for an issuer that has just not answered", c)
		}
		// A try that is under way when the issuer comes back is lost, but another overtakes it.
		wantBackWithin(t, s, a, tr.good[0], 2*time.Second)
	})
}

// wantPatience wants every one of a crowd to be told after two seconds that the keys are not to be had, and one fetch for all.
func wantPatience(t *testing.T, s *service, a *authority, token func(caller int) string) {
	t.Helper()
	const callers = 1000
	var crowd sync.WaitGroup
	var late atomic.Int32
	for n := range callers {
		token := token(n)
		crowd.Go(func() {
			if r := s.good(token); r.status != 503 || r.took != 2*time.Second {
				late.Add(1)
			}
		})
	}
	crowd.Wait()
	if late.Load() > 0 || a.requests() != 1 {
		t.Errorf("%d of %d callers waited longer than two seconds; %d requests, want one", late.Load(), callers, a.requests())
	}
}

// Callers with the same token share its verification, and that must not make them wait twice.
func TestIssuerThatIsSilentAtStartAndOneTokenForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		a.fail(hang)
		s := newService(t, trusting(a))
		token := a.token(a.key())
		wantPatience(t, s, a, func(int) string { return token })
	})
}

// The caller that started the fetch is no more than one of those who wait for it.
func TestCallerThatLeavesDoesNotEndTheFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		a.fail(a.delayed(500 * time.Millisecond))
		s := newService(t, trusting(a))
		token := a.token(a.key())

		var crowd sync.WaitGroup
		crowd.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if r := s.judge(ctx, token, good); r.status != 503 || r.took != 100*time.Millisecond {
				t.Errorf("the caller that leaves: %+v", r)
			}
		})
		time.Sleep(time.Millisecond)
		for range 100 {
			crowd.Go(func() {
				if r := s.good(token); r.status != 200 {
					t.Errorf("one that stays: %+v", r)
				}
			})
		}
		crowd.Wait()
		if n := a.requests(); n != 2 {
			t.Errorf("%d requests, want metadata and keys once", n)
		}
	})
}

func TestEverySecondAnswerFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		cfg := trusting(a)
		s := newService(t, fetchedEach(t, cfg, a, 5*time.Second))
		warm(t, s.validator)
		began, healthy, n := time.Now(), a.delayed(time.Millisecond), 0
		a.fail(func(r *http.Request) (*http.Response, error) {
			if n++; n%2 == 1 {
				return respond(503, nil), nil
			}
			return healthy(r)
		})
		s.steady(10*time.Minute, a.usual(10))
		if c := s.take(); c.unavailable > 0 || c.waited > 0 || c.refused == 0 {
			t.Errorf("%+v; want nobody refused", c)
		}
		if tries := len(a.fetched(began)); tries < 150 {
			t.Errorf("%d tries, want the fault to have been met", tries)
		}
	})
}
