package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

const (
	sharedSecret = "canary-Secret of the cache, 32 b"
	olderSecret  = "canary-Secret of last year, 32 b"
)

// engine is a cache that several instances use. Its hooks run before anything else is done.
type engine struct {
	beforeGet, beforeSet func(ctx context.Context) error

	mu     sync.Mutex
	values map[string]kept
	gets   int
	sets   int
	ttls   []time.Duration
}

type kept struct {
	value []byte
	until time.Time
}

func (e *engine) Get(ctx context.Context, key string) ([]byte, bool, error) {
	e.mu.Lock()
	e.gets++
	e.mu.Unlock()
	if e.beforeGet != nil {
		if err := e.beforeGet(ctx); err != nil {
			return nil, false, err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	k, found := e.values[key]
	return k.value, found && time.Now().Before(k.until), nil
}

func (e *engine) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	e.mu.Lock()
	e.sets++
	e.mu.Unlock()
	if e.beforeSet != nil {
		if err := e.beforeSet(ctx); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.values == nil {
		e.values = make(map[string]kept)
	}
	e.values[key] = kept{value, time.Now().Add(ttl)}
	e.ttls = append(e.ttls, ttl)
	return nil
}

// change lets somebody write to the cache who should not; nothing ends any more.
func (e *engine) change(to func(key string, value []byte) []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, k := range e.values {
		e.values[key] = kept{to(key, k.value), time.Now().Add(1000 * time.Hour)}
	}
}

func (e *engine) counts() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return fmt.Sprintf("%d reads, %d writes", e.gets, e.sets)
}

func (e *engine) mustHaveSeen(t *testing.T, want string) {
	t.Helper()
	if got := e.counts(); got != want {
		t.Errorf("the cache saw %s, want %s", got, want)
	}
}

func sharing(cache introspection.SharedCache) introspection.Config {
	return introspection.Config{Shared: cache, SharedSecrets: [][]byte{[]byte(sharedSecret)}}
}

func TestInstancesAskOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, tr := new(engine), &transport{serve: answers(activeText)}
		first, second := newClient(t, sharing(cache), tr), newClient(t, sharing(cache), tr)
		mustIntrospect(t, first, "token")
		synctest.Wait()
		cache.mustHaveSeen(t, "1 reads, 1 writes")
		for range 3 {
			response := mustIntrospect(t, second, "token")
			var claims struct {
				Subject string `json:"sub"`
			}
			if err := response.Claims(&claims); err != nil || claims.Subject != "alice" || !response.Active() {
				t.Errorf("the shared answer is %+v, %v", claims, err)
			}
			if !second.Fresh(response, time.Now()) || first.Fresh(response, time.Now()) {
				t.Error("the answer is not the second Client's own")
			}
			mustIntrospect(t, first, "token")
		}
		synctest.Wait()
		cache.mustHaveSeen(t, "2 reads, 1 writes") // nothing for a token that is known, and no write of what was there
		if tr.count() != 1 {
			t.Errorf("%d requests, want 1 for both", tr.count())
		}
		if got, want := first.Status().Shared, (introspection.SharedStatus{InUse: true, Misses: 1}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("status %+v", got)
		}
		if got, want := second.Status().Shared, (introspection.SharedStatus{InUse: true, Hits: 1}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("status %+v", got)
		}
		if got := newClient(t, introspection.Config{}, tr).Status().Shared; got.InUse {
			t.Errorf("without a cache: %+v", got)
		}
	})
}

func TestOneReadForAllWhoAskAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := &engine{beforeGet: func(ctx context.Context) error { return wait(ctx, time.Millisecond) }}
		tr := &transport{serve: slowly(time.Second, activeText)}
		client := newClient(t, sharing(cache), tr)
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() { mustIntrospect(t, client, "token") })
		}
		all.Wait()
		synctest.Wait()
		cache.mustHaveSeen(t, "1 reads, 1 writes")
		if tr.count() != 1 {
			t.Errorf("%d requests", tr.count())
		}
	})
}

func TestNobodyWaitsForAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := &engine{beforeSet: func(ctx context.Context) error { return wait(ctx, time.Hour) }}
		client := newClient(t, sharing(cache), &transport{serve: answers(activeText)})
		start := time.Now()
		mustIntrospect(t, client, "token")
		if time.Since(start) != 0 {
			t.Errorf("waited %v", time.Since(start))
		}
		time.Sleep(50 * time.Millisecond)
		synctest.Wait()
		status := client.Status().Shared
		if status.Errors != 1 || status.Paused || status.LastError == nil || !strings.Contains(status.LastError.Error(), "within 50ms") {
			t.Errorf("a write that hangs: %+v", status)
		}
	})
}

// However many hands an answer went through, it is used ActiveTTL after the question at most.
func TestSharedAnswersEndWithActiveTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var revoked bool
		cache, tr := new(engine), new(transport)
		tr.serve = func(*http.Request, string) (*http.Response, error) {
			if revoked {
				return respond(200, inactiveText), nil
			}
			return respond(200, activeText), nil
		}
		start := time.Now()
		instances := make([]*introspection.Client, 4)
		for i := range instances {
			instances[i] = newClient(t, sharing(cache), tr)
		}
		at := func(d time.Duration, instance int, want bool, requests int) {
			t.Helper()
			time.Sleep(time.Until(start.Add(d)))
			if got := mustIntrospect(t, instances[instance], "token").Active(); got != want || tr.count() != requests {
				t.Errorf("at %v instance %d says active %t after %d requests, want %t after %d", d, instance, got, tr.count(), want, requests)
			}
		}
		at(0, 0, true, 1)
		revoked = true
		at(5*time.Second, 1, true, 1)
		at(9*time.Second-1, 2, true, 1)
		at(9*time.Second-1, 1, true, 1)
		at(9*time.Second, 3, false, 2) // the clocks of two machines may differ by a second
		at(9*time.Second, 2, false, 3)
		at(10*time.Second-1, 0, true, 3)
		at(10*time.Second, 0, false, 4)
		synctest.Wait()
		if cache.sets != 1 || cache.ttls[0] != 9*time.Second {
			t.Errorf("%d writes for %v", cache.sets, cache.ttls)
		}
	})
}

func TestSharedAnswersEndWithTheToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		cache := new(engine)
		tr := &transport{serve: answers(fmt.Sprintf(`{"active":true,"exp":%d}`, start.Add(5*time.Second).Unix()))}
		mustIntrospect(t, newClient(t, sharing(cache), tr), "token")
		synctest.Wait()
		if len(cache.ttls) != 1 || cache.ttls[0] != 5*time.Second {
			t.Errorf("kept for %v", cache.ttls)
		}
		cache.change(func(_ string, v []byte) []byte { return v })
		second := newClient(t, sharing(cache), tr)
		time.Sleep(5*time.Second - 1)
		mustIntrospect(t, second, "token")
		if tr.count() != 1 {
			t.Errorf("%d requests", tr.count())
		}
		time.Sleep(time.Nanosecond)
		mustIntrospect(t, second, "token")
		if third := newClient(t, sharing(cache), tr); !mustIntrospect(t, third, "token").Active() || tr.count() != 3 || third.Status().Shared.Outdated != 1 {
			t.Errorf("%d requests, %+v", tr.count(), third.Status().Shared)
		}
		synctest.Wait()
		if cache.sets != 1 {
			t.Error("what has ended was shared")
		}
	})
}

func TestAnswersThatTakeLongAreNotShared(t *testing.T) {
	for _, row := range []struct {
		takes time.Duration
		want  string
	}{
		{900*time.Millisecond - time.Millisecond, "1 reads, 1 writes"},
		{900*time.Millisecond - time.Millisecond + 1, "1 reads, 0 writes"},
		{950 * time.Millisecond, "1 reads, 0 writes"},
	} {
		synctest.Test(t, func(t *testing.T) {
			cache := new(engine)
			cfg := sharing(cache)
			cfg.ActiveTTL = time.Second
			mustIntrospect(t, newClient(t, cfg, &transport{serve: slowly(row.takes, activeText)}), "token")
			synctest.Wait()
			cache.mustHaveSeen(t, row.want)
		})
	}
}

func TestInactiveAnswersAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, tr := new(engine), &transport{serve: answers(inactiveText)}
		for range 2 {
			client := newClient(t, sharing(cache), tr)
			for i := range 10 {
				mustIntrospect(t, client, fmt.Sprint("garbage", i))
				mustIntrospect(t, client, fmt.Sprint("garbage", i))
			}
		}
		synctest.Wait()
		cache.mustHaveSeen(t, "20 reads, 0 writes")
		if tr.count() != 20 {
			t.Errorf("%d requests", tr.count())
		}
	})
}

// What this instance has heard later is truer than what another one has heard before, even after it need not be believed any more.
func TestOlderSharedAnswersDoNotReplaceLaterOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, tr := new(engine), &transport{serve: answers(activeText)}
		mustIntrospect(t, newClient(t, sharing(cache), tr), "token")
		synctest.Wait()
		time.Sleep(time.Second)
		tr.serve = answers(inactiveText)
		cache.beforeGet = func(context.Context) error { return errors.New("gone for a moment") }
		client := newClient(t, sharing(cache), tr)
		for range 3 { // each after InactiveTTL
			if mustIntrospect(t, client, "token").Active() {
				t.Fatalf("active again after %d requests", tr.count())
			}
			cache.beforeGet = nil
			time.Sleep(2500 * time.Millisecond)
			mustIntrospect(t, client, "another") // which finds out that the cache is back
			time.Sleep(2500 * time.Millisecond)
		}
		if status := client.Status().Shared; status.Paused || status.Outdated == 0 {
			t.Errorf("the cache was not asked again: %+v", status)
		}
	})
}

func TestOwnQuestionsAreNotShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := new(engine)
		client := newClient(t, sharing(cache), &transport{serve: answers(activeText)})
		if err := client.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		cache.mustHaveSeen(t, "0 reads, 0 writes")
	})
}

func TestSharedAnswersOfAsk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, asked := new(engine), 0
		cfg := sharing(cache)
		cfg.URL = "https://as.example/tokeninfo"
		cfg.Ask = func(context.Context, *http.Client, string) ([]byte, error) {
			asked++
			return []byte(`{"sub":"alice"}`), nil // without active, which Ask may leave out
		}
		for range 2 {
			client, err := introspection.New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if !mustIntrospect(t, client, "token").Active() || asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			synctest.Wait()
		}
	})
}
