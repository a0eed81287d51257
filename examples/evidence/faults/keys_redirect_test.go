package faults_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// trap listens where nobody should connect, and counts who does.
type trap struct {
	url         string
	connections atomic.Int32
}

func newTrap(t *testing.T) *trap {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tr := &trap{url: "http://" + listener.Addr().String()}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			tr.connections.Add(1)
			_ = c.Close()
		}
	}()
	return tr
}

// sprung reports whether anybody came. A connection of the test's own shows that none is still waiting to be counted.
func (tr *trap) sprung(t *testing.T) int32 {
	t.Helper()
	before := tr.connections.Load()
	c, err := net.Dial("tcp", strings.TrimPrefix(tr.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Read(make([]byte, 1)) // ends when the connection has been counted
	_ = c.Close()
	return max(before, tr.connections.Load()-1)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newTrap(t)
	targets := map[string]func(r *http.Request) string{
		"to another server": func(*http.Request) string { return elsewhere.url + "/keys" },
		"to itself":         func(r *http.Request) string { return r.URL.Path },
		"round and round":   func(r *http.Request) string { return r.URL.Path + "x" },
		"to a file":         func(*http.Request) string { return "file:///etc/passwd" },
		"to metadata of a cloud": func(*http.Request) string {
			return "http://169.254.169.254/latest/meta-data"
		},
	}
	for name, target := range targets {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for client, given := range map[string]*http.Client{"our own client": nil, "a given client": {Transport: ownTransport(t)}, "one that follows": {
				Transport: ownTransport(t), CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
			}} {
				t.Run(fmt.Sprintf("%d %s, %s", status, name, client), func(t *testing.T) {
					a := newAuthority("login.example.com")
					var redirecting atomic.Bool
					var asked atomic.Int32
					server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						asked.Add(1)
						if redirecting.Load() {
							w.Header().Set("Location", target(r))
							w.WriteHeader(status)
							_, _ = w.Write(keySetOf(newSigningKey("stranger")))
							return
						}
						a.serve(w, r)
					}))
					defer server.Close()
					a.url = server.URL
					redirecting.Store(true)
					s := newService(t, middleware.Config{Issuers: []middleware.Issuer{{URL: a.url}}, Audiences: []string{ordersAPI}, HTTPClient: given})
					if err := s.validator.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "redirects are not followed") {
						t.Errorf("metadata elsewhere: %v", err)
					}
					if n := asked.Load(); n != 2 {
						t.Errorf("%d requests, want one for each address of the metadata", n)
					}
					s.good(a.token(a.key()))
					if c := s.take(); c.unavailable != 1 {
						t.Errorf("%+v; want 503", c)
					}
					redirecting.Store(false)
					warm(t, s.validator)
					redirecting.Store(true)
					if err := s.validator.Warm(t.Context()); err == nil || s.health().Keys.LastError == nil {
						t.Errorf("keys elsewhere: %v, health %v", err, s.health().Keys.LastError)
					}
					tr := a.usual(1)
					s.good(tr.good[0])
					for _, token := range tr.bad {
						s.bad(token)
					}
					s.wantServed("with the keys from before")
				})
			}
		}
	}
	if n := elsewhere.sprung(t); n != 0 {
		t.Errorf("%d connections to where the redirects lead", n)
	}
}

// A token names addresses of keys; nobody goes there, whoever has signed it.
func TestAddressesInATokenAreNotVisited(t *testing.T) {
	elsewhere := newTrap(t)
	a := newAuthority("login.example.com")
	server := httptest.NewServer(http.HandlerFunc(a.serve))
	defer server.Close()
	a.url = server.URL
	s := newService(t, middleware.Config{Issuers: []middleware.Issuer{{URL: a.url}}, Audiences: []string{ordersAPI}})
	warm(t, s.validator)
	stranger := newSigningKey("stranger")
	for _, header := range []map[string]any{
		{"jku": elsewhere.url + "/keys"},
		{"x5u": elsewhere.url + "/certificate"},
		{"jwk": stranger.jwk()},
		{"kid": elsewhere.url + "/keys"},
		{"kid": "../../../../dev/null"},
	} {
		s.bad(stranger.sign(header, a.claims(nil)))
		s.bad(stranger.sign(header, a.claims(map[string]any{"iss": elsewhere.url})))
	}
	if c := s.take(); c.refused != 10 || elsewhere.sprung(t) != 0 {
		t.Errorf("%+v, %d connections; want 10 refused and none", c, elsewhere.sprung(t))
	}
}
