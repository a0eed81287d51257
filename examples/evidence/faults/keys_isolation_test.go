package faults_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// Two issuers that call their keys by the same name, one of them in trouble: neither the keys nor the trouble get across.
func TestIssuersWithTheSameKeyID(t *testing.T) {
	for name, fault := range outages {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := newAuthority("a.example.com"), newAuthority("b.example.com")
				ofA, ofB := newSigningKey("1"), newSigningKey("1")
				a.publish(ofA)
				b.publish(ofB)
				cfg := trusting(a, b)
				s := newService(t, cfg)
				send := func() {
					s.good(a.token(ofA))
					s.good(b.token(ofB))
					s.forged(a.token(ofB)) // B's key under A's name
					s.forged(b.token(ofA))
				}
				wantB := func(when string, d time.Duration) {
					t.Helper()
					s.take()
					s.steady(d, b.usual(1))
					if c := s.take(); c.unavailable > 0 || c.waited > 0 {
						t.Errorf("B %s: %+v; want nobody to notice", when, c)
					}
				}

				// A is down at the start.
				a.fail(fault)
				s.good(b.token(ofB)) // loads
				waiting := make(chan int)
				go func() { waiting <- s.status(a.token(ofA)) }()
				wantB("while A does not load", time.Minute)
				if status := <-waiting; status != 503 {
					t.Errorf("A: status %d, want 503", status)
				}
				s.forged(b.token(ofA))
				s.forged(a.token(ofB))
				if c := s.take(); c.refused != 1 || c.doubted != 1 {
					t.Errorf("%+v; want A's key refused for B, and nothing told about A", c)
				}
				if h := s.validator.Health(); h[0].Ready || !h[1].Ready {
					t.Errorf("ready: A %v, B %v; want B alone", h[0].Ready, h[1].Ready)
				}

				// A is up.
				wantBackWithin(t, s, a, a.token(ofA), 7*time.Second)
				time.Sleep(time.Second)
				s.take()
				send()
				if c := s.take(); c.accepted != 2 || c.refused != 2 {
					t.Errorf("both up: %+v; want 2 accepted and 2 refused", c)
				}

				// A goes down after it was loaded.
				a.fail(fault)
				wantB("while A is down again", 20*time.Minute)
				send()
				if c := s.take(); c.accepted != 2 || c.refused != 1 || c.doubted != 1 {
					t.Errorf("A down after the load: %+v; want 2 accepted, B's key refused for A or not judged, and A's refused for B", c)
				}
				if n := cfg.HTTPClient.Transport.(*network).strayed; len(n) > 0 {
					t.Errorf("requests to nobody: %q", n)
				}
			})
		})
	}
}
