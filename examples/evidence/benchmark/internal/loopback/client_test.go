package loopback_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/loopback"
)

func serve(t *testing.T, h http.HandlerFunc) *loopback.Server {
	t.Helper()
	s, err := loopback.Serve(h)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

type runner interface {
	Run(time.Duration) (loopback.Window, error)
	Close()
}

// eachClient runs a test with both clients.
func eachClient(t *testing.T, test func(t *testing.T, dial func(addr, path string, tokens []string) (runner, error))) {
	t.Run("small", func(t *testing.T) {
		test(t, func(addr, path string, tokens []string) (runner, error) { return loopback.Dial(addr, path, tokens) })
	})
	t.Run("ordinary", func(t *testing.T) {
		test(t, func(addr, path string, tokens []string) (runner, error) {
			return loopback.DialOrdinary(addr, path, tokens)
		})
	})
}

func TestEveryRequestIsCountedOnce(t *testing.T) { eachClient(t, everyRequestIsCountedOnce) }

func everyRequestIsCountedOnce(t *testing.T, dial func(addr, path string, tokens []string) (runner, error)) {
	var served atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		if r.Header.Get("Authorization") != "Bearer one" && r.Header.Get("Authorization") != "Bearer two" {
			t.Errorf("Authorization is %q", r.Header.Get("Authorization"))
		}
		_, _ = w.Write([]byte("ok"))
	})
	c, err := dial(s.Addr, "/", []string{"one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := served.Load()
	w, err := c.Run(20 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got := served.Load() - before; int(got) != len(w.Took) || got == 0 || w.Rate <= 0 {
		t.Errorf("served %d, timed %d, rate %.0f/s", got, len(w.Took), w.Rate)
	}
}

// A window that ends before anybody gets a turn, as on a loaded machine, still has a rate and times to be sorted.
func TestTheShortestWindowHasARequestOfEveryConnection(t *testing.T) {
	eachClient(t, theShortestWindowHasARequestOfEveryConnection)
}

func theShortestWindowHasARequestOfEveryConnection(t *testing.T, dial func(addr, path string, tokens []string) (runner, error)) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	c, err := dial(s.Addr, "/", []string{"one", "two", "three"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if w, err := c.Run(0); err != nil || len(w.Took) != 3 || w.Rate <= 0 {
		t.Errorf("timed %d, rate %.0f/s, error %v", len(w.Took), w.Rate, err)
	}
}

func TestMixedRequestsCarryEveryToken(t *testing.T) {
	var one, two atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Bearer one":
			one.Add(1)
		case "Bearer two":
			two.Add(1)
		}
		_, _ = w.Write([]byte("ok"))
	})
	c, err := loopback.DialMixed(s.Addr, "/", 1, []string{"one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 100 {
		if _, err := c.Run(5 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if one.Load() > 0 && two.Load() > 0 {
			return
		}
	}
	t.Errorf("one came %d times, two %d times", one.Load(), two.Load())
}

func TestAServerThatRefusesIsNoBenchmark(t *testing.T) {
	eachClient(t, aServerThatRefusesIsNoBenchmark)
}

func aServerThatRefusesIsNoBenchmark(t *testing.T, dial func(addr, path string, tokens []string) (runner, error)) {
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "who are you", http.StatusUnauthorized) })
	if _, err := dial(s.Addr, "/", []string{"x"}); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("got %v, want an error that names the status", err)
	}
}

func TestAServerThatBeginsToRefuseIsNoticed(t *testing.T) {
	eachClient(t, aServerThatBeginsToRefuseIsNoticed)
}

func aServerThatBeginsToRefuseIsNoticed(t *testing.T, dial func(addr, path string, tokens []string) (runner, error)) {
	var served atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) > 1 {
			w.WriteHeader(http.StatusNonAuthoritativeInfo)
		}
		_, _ = w.Write([]byte(strings.Repeat("x", 500))) // longer than the difference of the status lines
	})
	c, err := dial(s.Addr, "/", []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Run(20 * time.Millisecond); err == nil || !strings.Contains(err.Error(), "203") {
		t.Errorf("got %v, want an error that shows the status line", err)
	}
}
