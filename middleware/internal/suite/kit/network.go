package kit

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
)

// UnvisitedServer is the address of a server that nobody may visit.
func UnvisitedServer(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a token caused a request to %s", r.URL)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// NoNetwork is a client that fails the test when anything is fetched.
func NoNetwork(t testing.TB) *http.Client {
	return &http.Client{Transport: TransportFunc(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s %s was fetched, want no I/O", r.Method, r.URL)
		return nil, errors.New("offline")
	})}
}

// TransportFunc is an http.RoundTripper.
type TransportFunc func(*http.Request) (*http.Response, error)

func (f TransportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
