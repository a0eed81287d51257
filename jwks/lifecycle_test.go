package jwks_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

func TestAfterClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		expect(t, "before", c, "first", "found")
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		for _, kid := range []string{"first", "unknown", ""} {
			expect(t, "after Close", c, kid, "unavailable")
		}
		if got := verdict(c.VerificationKeys(t.Context(), "first", "HS256")); got != "unavailable" {
			t.Errorf("another algorithm after Close: %s", got)
		}
		if got := verdict(nil, c.Refresh(t.Context())); got != "unavailable" {
			t.Errorf("Refresh after Close: %s", got)
		}
		if s := c.Status(); s.Keys != 0 || !s.NextRefresh.IsZero() {
			t.Errorf("status after Close: %+v", s)
		}
		time.Sleep(48 * time.Hour)
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want none after Close", i.fetches()-1)
		}
	})
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(time.Hour, serving(first()))}
		c := newCache(t, i)
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { expect(t, "in flight when Close comes", c, "first", "unavailable") })
		}
		time.Sleep(time.Second)
		began := time.Now()
		for range 100 {
			wg.Go(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
		if i.fetches() != 1 {
			t.Errorf("%d fetches, want 1", i.fetches())
		}
	})
}

func TestCloseDoesNotWaitForATransportThatIgnoresIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Minute)
			return respond(200, string(document(first()))), nil
		}}
		c := newCache(t, i)
		go func() { _ = c.Refresh(t.Context()) }()
		time.Sleep(time.Millisecond)
		began := time.Now()
		go func() {
			expect(t, "a caller that waits when Close comes", c, "first", "unavailable")
			if waited := time.Since(began); waited != 0 {
				t.Errorf("the caller waited %v", waited)
			}
		}()
		synctest.Wait()
		_ = c.Close()
		if took := time.Since(began); took != time.Second {
			t.Errorf("Close took %v, want 1s", took)
		}
		time.Sleep(time.Minute)
		expect(t, "the answer that came after Close", c, "first", "unavailable")
	})
}

func TestCloseBeforeUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: serving(first())}
		c := newCache(t, i)
		_ = c.Close()
		_ = c.Close()
		expect(t, "never used", c, "first", "unavailable")
		if i.fetches() != 0 {
			t.Error("a closed cache fetches")
		}
	})
}

func TestCallersThatLeaveAtAnyMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{answer: slow(30*time.Millisecond, serving(first()))}
		c := newCache(t, i, func(cfg *jwks.Config) { cfg.Cooldown, cfg.Refresh = 50*time.Millisecond, 200*time.Millisecond })
		var wg sync.WaitGroup
		for n := range 5000 {
			ctx, cancel := context.WithTimeout(t.Context(), rand.N(50*time.Millisecond))
			wg.Go(func() {
				defer cancel()
				kid := "first"
				if n%2 == 0 {
					kid = fmt.Sprint(n)
				}
				keys, err := c.VerificationKeys(ctx, kid, "ES256")
				if got := verdict(keys, err); got == "confused" || got == "found" && kid != "first" || got == "not found" && kid == "first" {
					t.Errorf("kid %s: %s, %v", kid, got, err)
				}
			})
			if n%100 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		wg.Wait()
		expect(t, "afterwards", c, "first", "found")
	})
}

// Not parallel: it counts what belongs to the whole process.
func TestNothingIsLeftBehind(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(document(first())) }))
	defer server.Close()
	once := func() {
		c := must(jwks.New(jwks.Config{URL: server.URL}))
		expect(t, "use", c, "first", "found")
		expect(t, "use", c, "unknown", "not found")
		_ = c.Close()
	}
	once()
	files, goroutines := openFiles(), runtime.NumGoroutine()
	for range 200 {
		once()
	}
	const slack = 10 // connections that the server is about to close
	for range 1000 {
		if runtime.NumGoroutine() <= goroutines+slack && openFiles() <= files+slack {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines and %d files more than before", runtime.NumGoroutine()-goroutines, openFiles()-files)
}

// openFiles is zero where the system does not tell.
func openFiles() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

func TestCloseOfTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i)
		settle(t, s, "a")
		i.set(hanging)
		var all sync.WaitGroup
		for _, name := range []string{"b", "c"} {
			all.Go(func() {
				if got := askTenant(t, s, realm(name), name); got != "unavailable" {
					t.Errorf("in flight when Close comes: %s", got)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		for range 3 {
			all.Go(func() { _ = s.Close() })
		}
		all.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v", took)
		}
		before := i.fetches()
		for _, name := range []string{"a", "new"} {
			if got := askTenant(t, s, realm(name), name); got != "unavailable" {
				t.Errorf("after Close: %s", got)
			}
		}
		time.Sleep(24 * time.Hour)
		if i.fetches() != before {
			t.Errorf("%d fetches after Close", i.fetches()-before)
		}
	})
}
