package faults_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// forger makes tokens of one issuer with made-up key ids, which cost next to nothing to make.
type forger struct{ payload string }

func (a *authority) forger() forger {
	return forger{"." + base64url(toJSON(a.claims(nil))) + "." + base64url(make([]byte, 64))}
}

func (f forger) token() string {
	header := fmt.Appendf(make([]byte, 0, 80), `{"typ":"at+jwt","alg":"EdDSA","kid":"%016x"}`, rand.Uint64())
	return base64.RawURLEncoding.EncodeToString(header) + f.payload
}

func TestMillionTokensOfUnknownKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			issuers = 20
			seconds = 60
		)
		moments := 25 // in each second
		if *full {
			moments = 100
		}
		inMoment := (part(1_000_000) + seconds*moments - 1) / (seconds * moments)
		authorities, forgers, crowds := make([]*authority, issuers), make([]forger, issuers), make([]traffic, issuers)
		for i := range authorities {
			a := newAuthority(fmt.Sprintf("login-%d.example.com", i))
			a.fail(a.delayed(20 * time.Millisecond))
			authorities[i], forgers[i], crowds[i] = a, a.forger(), a.usual(1)
		}
		s := newService(t, trusting(authorities...))
		warm(t, s.validator)
		began := time.Now()

		var flood sync.WaitGroup
		var accepted, unavailable atomic.Int64
		flood.Go(func() {
			guard := s.validator.Require()
			for n := range seconds * moments {
				for i := range inMoment {
					// Those that wait for a fetch must not keep the others from coming.
					token := forgers[(n+i)%issuers].token()
					if i%issuers == 0 {
						flood.Go(func() { s.bad(token) })
						continue
					}
					_, err := guard.Check(requestWith(context.Background(), token))
					switch e := asRefusal(err); {
					case e == nil:
						accepted.Add(1)
					case e.Status() == http.StatusServiceUnavailable:
						unavailable.Add(1)
					}
				}
				time.Sleep(time.Second / time.Duration(moments))
			}
		})

		// Good tokens of every issuer meanwhile, seen before and not; and in the middle one issuer rotates.
		rotating := authorities[7]
		var rotated, noticed time.Time
		for n := range 600 {
			i := n % issuers
			for _, token := range []string{crowds[i].good[0], crowds[i].fresh()} {
				if r := s.good(token); r.status != 200 || r.took > 0 {
					t.Errorf("issuer %d: a good token during the flood: %+v", i, r)
				}
			}
			if n == 200 {
				rotating.publish(newSigningKey("new"), rotating.key())
				rotated = time.Now()
			}
			if !rotated.IsZero() && noticed.IsZero() {
				if status := s.status(rotating.token(rotating.key())); status == 200 {
					noticed = time.Now()
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		flood.Wait()

		if c := s.take(); c.unavailable > 0 || c.accepted != 1200 || accepted.Load() > 0 || unavailable.Load() > 0 {
			t.Errorf("%+v; of the flood %d were accepted and %d unavailable; want 1200 good tokens accepted, and all others refused",
				c, accepted.Load(), unavailable.Load())
		}
		if noticed.IsZero() || noticed.Sub(rotated) > 30*time.Second+100*time.Millisecond {
			t.Errorf("the rotation was noticed at %v, after it at %v; want half a minute at most", noticed, rotated)
		}
		for i, a := range authorities {
			if n := len(a.fetched(began)); n < 3 || n > 5 {
				t.Errorf("issuer %d: %d fetches, want three and one more each half minute", i, n)
			}
		}
	})
}

// One client with a key id that will never be known must not use up what a rotation needs.
func TestOneMistakenKeyIDLeavesFetchesForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		mistaken := newSigningKey("mistaken")
		began := time.Now().Add(time.Nanosecond)
		time.Sleep(time.Second)
		for range 29 {
			s.bad(a.token(mistaken))
			time.Sleep(time.Second)
		}
		if n := len(a.fetched(began)); n != 1 {
			t.Errorf("%d fetches for one unknown key id, want one", n)
		}
		a.publish(newSigningKey("new"), a.key())
		if r := s.good(a.token(a.key())); r.status != 200 {
			t.Errorf("a rotation beside it: %+v", r)
		}
	})
}

// A server may publish a new key under the old name, so a bad signature under a known key id has the keys fetched again, from a bucket of
// its own (DESIGN 3.5). Tokens that are bad in something else as well have not.
func TestForgedSignaturesCauseFewFetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		began := time.Now().Add(time.Nanosecond)
		payload := a.forger().payload
		header := base64url(toJSON(map[string]any{"typ": "at+jwt", "alg": "EdDSA", "kid": a.key().kid}))
		for range 100 {
			for _, token := range a.bad() {
				s.bad(token)
			}
			time.Sleep(time.Second)
		}
		if n := len(a.fetched(began)); n != 0 {
			t.Errorf("%d fetches for tokens that are bad whatever their key, want none", n)
		}
		for range 100 {
			s.bad(header + payload)
			s.bad(a.forged()) // the server answers, so nothing is left in doubt
			time.Sleep(time.Second)
		}
		if n := len(a.fetched(began)); n < 5 || n > 7 {
			t.Errorf("%d fetches in 100 s of forged tokens, want three and one more each half minute", n)
		}
	})
}
