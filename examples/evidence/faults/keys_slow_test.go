package faults_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slowloris sends a correct key set, one byte each pause, for as long as it is let.
func (a *authority) slowloris(pause time.Duration) transport {
	return func(r *http.Request) (*http.Response, error) {
		full, err := a.delayed(0)(r)
		if err == nil {
			full.Body = &trickle{full.Body, pause, r.Context()}
		}
		return full, err
	}
}

type trickle struct {
	io.ReadCloser
	pause time.Duration
	ctx   context.Context
}

func (s *trickle) Read(p []byte) (int, error) {
	select {
	case <-time.After(s.pause):
		return s.ReadCloser.Read(p[:min(1, len(p))])
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

func TestSlowIssuerIsNotFeltOnceKeysAreHeld(t *testing.T) {
	for name, row := range map[string]struct {
		fault func(*authority) transport
		took  time.Duration // of a whole fetch
		ends  bool          // with a set
	}{
		"three seconds":                     {func(a *authority) transport { return a.delayed(3 * time.Second) }, 3 * time.Second, true},
		"no answer":                         {func(*authority) transport { return hang }, 5 * time.Second, false},
		"a byte each fifth of a second":     {func(a *authority) transport { return a.slowloris(200 * time.Millisecond) }, 5 * time.Second, false},
		"a byte before each idle time-out":  {func(a *authority) transport { return a.slowloris(4 * time.Second) }, 5 * time.Second, false},
		"a byte each millisecond is enough": {func(a *authority) transport { return a.slowloris(time.Millisecond) }, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority("login.example.com")
				s := newService(t, fetchedEach(t, trusting(a), a, 10*time.Minute))
				warm(t, s.validator)
				const perSecond = 2
				tr := a.usual(perSecond)
				time.Sleep(untilRefresh)
				var ended atomic.Int32
				fetches := make(chan time.Duration, 1000)
				fault := row.fault(a)
				a.fail(func(r *http.Request) (*http.Response, error) {
					began := time.Now()
					context.AfterFunc(r.Context(), func() { // the whole fetch is over, its body too
						fetches <- time.Since(began)
						ended.Add(1)
					})
					return fault(r)
				})
				before, most := runtime.NumGoroutine(), 0
				stacks := make([]byte, 16<<10)
				repeated := tr
				repeated.fresh = nil
				for second := range 600 {
					if second%10 == 0 {
						s.steady(time.Second, tr)
					} else {
						s.steady(time.Second, repeated)
					}
					n := runtime.NumGoroutine()
					for tries := 0; n > before+2 && tries < 1000; tries++ { // those of other tests may be about to end
						runtime.Gosched()
						n = runtime.NumGoroutine()
					}
					if n > most {
						if most = n; n > before+2 {
							stacks = stacks[:runtime.Stack(stacks[:cap(stacks)], true)]
						}
					}
				}
				if c := s.take(); c.unavailable > 0 || c.waited > 0 || c.accepted+c.refused+c.doubted != 600*perSecond {
					t.Errorf("%+v; want %d requests judged at once", c, 600*perSecond)
				}
				if most > before+2 {
					t.Errorf("%d goroutines, %d before:\n%s", most, before, stacks)
				}
				for range ended.Load() {
					if took := <-fetches; took > 5*time.Second || row.took > 0 && took != row.took {
						t.Errorf("a fetch took %v, want %v", took, row.took)
					}
				}
				if ended.Load() == 0 {
					t.Error("no fetch has ended")
				}
				if failed := s.health().Keys.LastError != nil; failed == row.ends {
					t.Errorf("the fetches fail: %v, want %v", failed, !row.ends)
				}
			})
		})
	}
}

// Metadata and keys share the five seconds: an issuer that is slow with both does not get ten.
func TestMetadataAndKeysAreCutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		a.fail(a.delayed(3 * time.Second))
		s := newService(t, trusting(a))
		s.good(a.token(a.key()))
		time.Sleep(3*time.Second - 1)
		if keys := s.health().Keys; keys.Failures != 0 {
			t.Errorf("before five seconds are over: %+v", keys)
		}
		time.Sleep(2 * time.Nanosecond)
		if keys := s.health().Keys; keys.Failures != 1 {
			t.Errorf("after five seconds: %+v", keys)
		}
	})
}

// A new key is waited for, but two seconds at most; the fetch goes on, and what it brings is there for the next request.
func TestNewKeyOfASlowIssuer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority("login.example.com")
		s := newService(t, trusting(a))
		warm(t, s.validator)
		before := a.usual(100)
		a.publish(newSigningKey("new"), a.key())
		a.fail(a.delayed(3 * time.Second))

		time.Sleep(time.Second)
		began := time.Now()
		var crowd sync.WaitGroup
		for n := range 100 {
			token := a.another(a.key(), n)
			crowd.Go(func() {
				if r := s.good(token); r.status != 503 || r.took != 2*time.Second {
					t.Errorf("%+v; want 503 after two seconds", r)
				}
			})
		}
		crowd.Wait()
		s.take()
		time.Sleep(time.Second)
		if r := s.good(a.token(a.key())); r.status != 200 || r.took > 0 {
			t.Errorf("when the fetch has ended: %+v; want 200 at once", r)
		}
		if n := len(a.fetched(began)); n != 1 {
			t.Errorf("%v fetches for one new key, want one %v", a.fetched(began), began)
		}
		s.steady(time.Second, before)
		if c := s.take(); c.waited > 0 || c.unavailable > 0 {
			t.Errorf("tokens of the key before: %+v; want nobody to wait", c)
		}
	})
}

// rawServer is connections without a network below a whole HTTP client: the client's own time-outs and clean-up are in play.
type rawServer struct {
	talk   func(ctx context.Context, c net.Conn) // on one connection; ctx ends when the client closes it
	opened atomic.Int32
	open   atomic.Int32
}

func (s *rawServer) transport() *http.Transport {
	return &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		server, client := net.Pipe()
		ctx, cancel := context.WithCancel(context.Background())
		s.opened.Add(1)
		s.open.Add(1)
		go func() {
			defer func() { _ = server.Close() }()
			s.talk(ctx, server)
		}()
		return &clientConn{Conn: client, closed: sync.OnceFunc(func() { s.open.Add(-1); cancel() })}, nil
	}}
}

type clientConn struct {
	net.Conn
	closed func()
}

func (c *clientConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

func silent(_ context.Context, c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// dripping writes one byte each pause, and then nothing more.
func dripping(text string, pause time.Duration) func(context.Context, net.Conn) {
	return func(ctx context.Context, c net.Conn) {
		go silent(ctx, c)
		for n := range len(text) {
			select {
			case <-time.After(pause):
				_, _ = c.Write([]byte(text[n : n+1]))
			case <-ctx.Done():
				return
			}
		}
		<-ctx.Done()
	}
}

func TestConnectionsThatGoNowhereAreCutAndClosed(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
	for name, talk := range map[string]func(context.Context, net.Conn){
		"it accepts and says nothing":             silent,
		"it does not even read the request":       func(ctx context.Context, _ net.Conn) { <-ctx.Done() },
		"the header trickles":                     dripping(head, 200*time.Millisecond),
		"the header never ends":                   dripping("HTTP/1.1 200 OK\r\nX-Pad: "+strings.Repeat("x", 1000), 10*time.Millisecond),
		"the body trickles":                       dripping(head+`{"keys":[`+strings.Repeat(" ", 1000), 20*time.Millisecond),
		"the body stops":                          dripping(head+`{"keys":[`, time.Millisecond),
		"interim answers, and never the real one": dripping("HTTP/1.1 102 Processing\r\n\r\n", 100*time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, server := newAuthority("login.example.com"), &rawServer{talk: talk}
				cfg := trusting(a)
				cfg.HTTPClient = &http.Client{Transport: server.transport()}
				cfg.Issuers[0].JWKSURI = "http://127.0.0.1/keys"
				s := newService(t, cfg)

				if r := s.good(a.token(a.key())); r.status != 503 || r.took != 2*time.Second {
					t.Errorf("the first request: %+v; want 503 after two seconds", r)
				}
				time.Sleep(3*time.Second - 1)
				if keys := s.health().Keys; keys.Failures != 0 {
					t.Errorf("before five seconds are over: %+v", keys)
				}
				time.Sleep(2 * time.Nanosecond)
				if keys := s.health().Keys; keys.Failures != 1 || !errors.Is(keys.LastError, context.DeadlineExceeded) {
					t.Errorf("after five seconds: %+v; want the fetch to be cut", keys)
				}
				synctest.Wait() // a goroutine that is left over when the bubble ends fails the test
				if server.open.Load() > 0 || server.opened.Load() != 1 {
					t.Errorf("%d of %d connections are still open, want 0 of 1", server.open.Load(), server.opened.Load())
				}
			})
		})
	}
}
