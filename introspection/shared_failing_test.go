package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
)

func TestSharedCacheThatFails(t *testing.T) {
	for name, fail := range map[string]func(context.Context) error{
		"an error": func(context.Context) error { return errors.New("READONLY") },
		"a panic":  func(context.Context) error { panic("canary-Secret") },
		"no end":   func(context.Context) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache, tr := &engine{beforeGet: fail, beforeSet: fail}, &transport{serve: answers(activeText)}
				var logged strings.Builder
				cfg := sharing(cache)
				cfg.Logger = textLogger(&logged)
				client := newClient(t, cfg, tr)
				start := time.Now()
				for i := range 1000 {
					mustIntrospect(t, client, fmt.Sprint("token", i))
				}
				synctest.Wait()
				writes := cache.sets // of as many writers as there are, before the first one knew
				if cache.gets != 1 || writes < 1 || writes > 8 {
					t.Errorf("%s of a cache that fails", cache.counts())
				}
				status := client.Status()
				if status.LastError != nil || status.BreakerOpen || time.Since(start) != 0 {
					t.Errorf("%v later: %+v", time.Since(start), status)
				}
				if shared := status.Shared; !shared.Paused || shared.LastError == nil || shared.Misses != 0 || shared.Errors != uint64(
					1+writes,
				) || shared.Dropped != uint64(
					1000-writes,
				) {
					t.Errorf("status %+v", shared)
				}
				for i := range 40 {
					time.Sleep(250 * time.Millisecond)
					mustIntrospect(t, client, fmt.Sprint("later", i))
				}
				synctest.Wait()
				cache.mustHaveSeen(t, fmt.Sprintf("%d reads, %d writes", 1+40, writes+40)) // four times a second
				if lines := strings.Count(logged.String(), "the shared cache fails"); lines != 1 {
					t.Errorf("%d lines in ten seconds:\n%s", lines, &logged)
				}
				time.Sleep(time.Minute)
				mustIntrospect(t, client, "minute")
				synctest.Wait()
				if lines := strings.Count(logged.String(), "the shared cache fails"); lines != 2 || strings.Contains(logged.String(), "canary-Secret") {
					t.Errorf("%d lines:\n%s", lines, &logged)
				}
				cache.beforeGet, cache.beforeSet = nil, nil
				time.Sleep(500 * time.Millisecond)
				mustIntrospect(t, client, "back")
				synctest.Wait()
				if status := client.Status().Shared; status.Paused || status.LastError != nil {
					t.Errorf("status %+v", status)
				}
				before := cache.gets
				mustIntrospect(t, client, "ever")
				if synctest.Wait(); cache.gets != before+1 || len(cache.values) != 2 {
					t.Errorf("%d reads, %d values", cache.gets-before, len(cache.values))
				}
			})
		})
	}
}

// Requests that come while nobody can tell yet wait for SharedTimeout, all others do not.
func TestSharedCacheThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hangs bool
		cache, tr := new(engine), &transport{serve: answers(activeText)}
		cache.beforeGet = func(ctx context.Context) error {
			if hangs {
				return wait(ctx, time.Hour)
			}
			return nil
		}
		client := newClient(t, sharing(cache), tr)
		mustIntrospect(t, client, "before")
		hangs = true
		start := time.Now()
		var all sync.WaitGroup
		var mu sync.Mutex
		waited := make([]time.Duration, 1000)
		for i := range waited { // 500 new tokens a second, for two seconds
			all.Go(func() {
				time.Sleep(time.Duration(i) * 2 * time.Millisecond)
				came := time.Now()
				mustIntrospect(t, client, fmt.Sprint("token", i))
				mu.Lock()
				defer mu.Unlock()
				waited[i] = time.Since(came)
			})
		}
		all.Wait()
		for i, d := range waited {
			if want := 50 * time.Millisecond; i < 5 && d != want || i >= 5 && d != 0 {
				t.Errorf("the request at %v waited %v", time.Duration(i)*2*time.Millisecond, d)
			}
		}
		if !client.Status().Shared.Paused || client.Status().Shared.Errors < 5 {
			t.Errorf("status %+v", client.Status().Shared)
		}
		hangs = false
		time.Sleep(time.Until(start.Add(3 * time.Second)))
		mustIntrospect(t, client, "finds")
		synctest.Wait()
		if status := client.Status().Shared; status.Paused || status.LastError != nil {
			t.Errorf("status %+v", status)
		}
	})
}

// One read finds out whether the cache is back, however many come when it is time for that.
func TestOneReadTriesTheCacheAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache := &engine{beforeGet: func(ctx context.Context) error { return wait(ctx, time.Hour) }}
		client := newClient(t, sharing(cache), &transport{serve: answers(activeText)})
		mustIntrospect(t, client, "first")
		time.Sleep(500 * time.Millisecond)
		for round := range 5 {
			for i := range 10 {
				mustIntrospect(t, client, fmt.Sprintf("token%d.%d", round, i))
			}
			time.Sleep(time.Millisecond)
		}
		if cache.gets != 2 {
			t.Errorf("%d reads, want the one that failed and one that tries", cache.gets)
		}
	})
}

func TestSharedTimeout(t *testing.T) {
	for _, row := range []struct{ configured, timeout, want time.Duration }{
		{0, 0, 50 * time.Millisecond}, {time.Second, 0, time.Second}, {0, 40 * time.Millisecond, 20 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			cache := &engine{beforeGet: func(ctx context.Context) error { return wait(ctx, time.Hour) }}
			cfg := sharing(cache)
			cfg.SharedTimeout, cfg.Timeout = row.configured, row.timeout
			client := newClient(t, cfg, &transport{serve: answers(activeText)})
			start := time.Now()
			mustIntrospect(t, client, "token")
			if time.Since(start) != row.want {
				t.Errorf("waited %v, want %v", time.Since(start), row.want)
			}
		})
	}
}

// An implementation that does not look at its context holds up nobody, and no more than so many goroutines.
func TestSharedCacheThatIgnoresItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		cache := &engine{beforeGet: func(context.Context) error { <-end; return nil }, beforeSet: func(context.Context) error { <-end; return nil }}
		tr := &transport{serve: answers(activeText)}
		client := newClient(t, sharing(cache), tr)
		for i := range 3000 {
			mustIntrospect(t, client, fmt.Sprint("token", i))
			time.Sleep(100 * time.Millisecond)
		}
		cache.mustHaveSeen(t, "64 reads, 8 writes")
		if dropped := client.Status().Shared.Dropped; dropped != 3000-1024-8 {
			t.Errorf("%d answers dropped: the queue is not bounded", dropped)
		}
		start := time.Now()
		client.Close()
		if time.Since(start) != time.Second {
			t.Errorf("Close waited %v", time.Since(start))
		}
		close(end) // a goroutine that is left then fails the test
	})
}

func TestSharedCacheComesBackAfterIgnoringItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		cache := &engine{beforeGet: func(context.Context) error { <-end; return nil }}
		client := newClient(t, sharing(cache), &transport{serve: answers(activeText)})
		for i := range 200 {
			mustIntrospect(t, client, fmt.Sprint("token", i))
			time.Sleep(500 * time.Millisecond)
		}
		cache.mustHaveSeen(t, "64 reads, 200 writes")
		close(end)
		time.Sleep(time.Second)
		mustIntrospect(t, client, "finds")
		synctest.Wait()
		if client.Status().Shared.Paused {
			t.Errorf("%s, %+v", cache.counts(), client.Status().Shared)
		}
		misses := client.Status().Shared.Misses
		mustIntrospect(t, client, "ever")
		if client.Status().Shared.Misses != misses+1 {
			t.Error("the cache is not read")
		}
	})
}

func TestCloseEndsWhatSharedCachesDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { return wait(ctx, time.Hour) }
		cache := &engine{beforeSet: hang}
		var logged strings.Builder
		cfg := sharing(cache)
		cfg.Logger, cfg.SharedTimeout = textLogger(&logged), time.Second
		client := newClient(t, cfg, &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
			return respond(200, activeText), r.Context().Err()
		}})
		for i := range 100 {
			mustIntrospect(t, client, fmt.Sprint("token", i))
		}
		synctest.Wait()
		cache.beforeGet = hang
		outcome := make(chan error, 1)
		go func() {
			_, err := client.Introspect(t.Context(), "waiting")
			outcome <- err
		}()
		synctest.Wait()
		start := time.Now()
		client.Close()
		mustBeUnavailable(t, nil, <-outcome)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("Close waited %v", waited)
		}
		client.Close()
		_, err := client.Introspect(t.Context(), "later")
		mustBeUnavailable(t, nil, err)
		synctest.Wait()
		cache.mustHaveSeen(t, "101 reads, 8 writes")
		if status := client.Status().Shared; status.Errors != 0 || status.Paused || logged.Len() > 0 {
			t.Errorf("Close is taken for a failure of the cache: %+v\n%s", status, &logged)
		}
	})
}

// What other instances know counts while the server is down, as what is cached here does.
func TestSharedAnswersWhileTheServerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, tr := new(engine), &transport{serve: answers(activeText)}
		other := newClient(t, sharing(cache), tr)
		tr.serve = status(503, "")
		client := newClient(t, sharing(cache), tr)
		for i := range 5 {
			client.Introspect(t.Context(), fmt.Sprint("token", i))
		}
		if !client.Status().BreakerOpen {
			t.Fatal("the breaker is closed")
		}
		tr.serve = answers(activeText)
		mustIntrospect(t, other, "known")
		tr.serve = status(503, "")
		synctest.Wait()
		before := tr.count()
		if !mustIntrospect(t, client, "known").Active() {
			t.Error("not active")
		}
		response, err := client.Introspect(t.Context(), "unknown")
		mustBeUnavailable(t, response, err)
		if err := client.Probe(t.Context()); err == nil || retryAfter(err) <= 0 {
			t.Errorf("Probe says %v", err)
		}
		if tr.count() != before {
			t.Errorf("%d requests while the breaker is open", tr.count()-before)
		}
		gets := cache.gets
		cache.beforeGet = func(context.Context) error { return errors.New("down as well") }
		for i := range 10 {
			response, err := client.Introspect(t.Context(), fmt.Sprint("unknown", i))
			mustBeUnavailable(t, response, err)
		}
		if cache.gets != gets+1 {
			t.Errorf("%d reads of a cache that is down", cache.gets-gets)
		}
	})
}

func TestNewRefusesMistakesAboutSharing(t *testing.T) {
	good := []byte(sharedSecret)
	ask := func(context.Context, *http.Client, string) ([]byte, error) { return nil, nil }
	for _, row := range []struct {
		name   string
		change func(*introspection.Config)
		want   []string
	}{
		{"no secrets", func(cfg *introspection.Config) { cfg.SharedSecrets = nil }, []string{"Config.SharedSecrets is empty, and Shared cannot do without"}},
		{"no cache", func(cfg *introspection.Config) { cfg.Shared = nil }, []string{"Config.SharedSecrets is set, but Shared is nil"}},
		{
			"no cache, but a timeout", func(cfg *introspection.Config) { cfg.Shared, cfg.SharedSecrets, cfg.SharedTimeout = nil, nil, 1 },
			[]string{"Config.SharedTimeout is 1ns, but Shared is nil"},
		},
		{
			"a short secret", func(cfg *introspection.Config) { cfg.SharedSecrets = [][]byte{good, good[:31]} },
			[]string{"Config.SharedSecrets[1] has 31 bytes: use at least 32 random ones"},
		},
		{
			"an empty secret and one that is there twice",
			func(cfg *introspection.Config) { cfg.SharedSecrets = [][]byte{nil, good, good} },
			[]string{"Config.SharedSecrets[0] has 0 bytes", "Config.SharedSecrets[2] is there twice"},
		},
		{
			"a secret that nobody has filled", func(cfg *introspection.Config) { cfg.SharedSecrets = [][]byte{make([]byte, 64)} },
			[]string{"Config.SharedSecrets[0] is one byte 64 times"},
		},
		{"nothing may be used twice", func(cfg *introspection.Config) { cfg.ActiveTTL = -1 }, []string{"Config.Shared is set, and ActiveTTL is negative (-1ns)"}},
		{"a negative timeout", func(cfg *introspection.Config) { cfg.SharedTimeout = -1 }, []string{"Config.SharedTimeout is negative (-1ns)"}},
		{
			"a timeout that leaves no time", func(cfg *introspection.Config) { cfg.SharedTimeout = 2 * time.Second },
			[]string{"Config.SharedTimeout is 2s, which leaves the server no time within Timeout (2s)"},
		},
		{"no URL, which is a mistake of its own", func(cfg *introspection.Config) { cfg.URL = "" }, []string{"Config.URL is required"}},
		{"a negative timeout of the whole", func(cfg *introspection.Config) { cfg.Timeout = -1 }, []string{"Config.Timeout is negative"}},
		{"a function without a name", func(cfg *introspection.Config) {
			cfg.URL, cfg.ClientAuth, cfg.Ask = "", introspection.ClientAuth{}, ask
		}, []string{"Config.URL is required by Shared beside Ask"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := sharing(new(engine))
			cfg.URL, cfg.ClientAuth = "https://as.example/introspect", introspection.NoClientAuth()
			row.change(&cfg)
			client, err := introspection.New(cfg)
			if err == nil || client != nil {
				t.Fatal("accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(row.want) {
				t.Errorf("%d mistakes: %v", len(lines), err)
			}
			for _, part := range row.want {
				if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, "introspection: "+part) }) {
					t.Errorf("report %q does not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the report tells a secret: %v", err)
			}
		})
	}
	cfg := sharing(new(engine))
	cfg.URL, cfg.Ask, cfg.SharedTimeout = "https://as.example/tokeninfo", ask, 2*time.Second-1
	if client, err := introspection.New(cfg); err != nil {
		t.Error(err)
	} else {
		client.Close()
	}
}
