package introspection_test

import (
	"bytes"
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
	"github.com/cardea-auth/cardea/introspection/internal/shared"
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

// Where the instances of an API run, clocks differ.
func TestClocksOfOtherInstances(t *testing.T) {
	for _, row := range []struct {
		name  string
		ttl   time.Duration
		asked time.Duration // when the other one asked, by its clock, seen from here
		life  time.Duration // for which the answer is used here; zero: it is not
	}{
		{"the same clock", 0, 0, 9 * time.Second},
		{"asked a while ago", 0, -4 * time.Second, 5 * time.Second},
		{"asked a moment less than ActiveTTL and the difference of clocks ago", 0, -9*time.Second + 1, 1},
		{"too old if the clocks differ", 0, -9 * time.Second, 0},
		{"from the future, as far as clocks differ", 0, time.Second, 10 * time.Second},
		{"from further ahead", 0, time.Second + 1, 0},
		{"from another century", 0, 200 * 365 * 24 * time.Hour, 0},
		{"from the first day", 0, -30 * 365 * 24 * time.Hour, 0},
		{"of a second, of which clocks may differ by a tenth", time.Second, 0, 900 * time.Millisecond},
		{"of a second, from the future", time.Second, 100 * time.Millisecond, time.Second},
		{"of a second, from further ahead", time.Second, 100*time.Millisecond + 1, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache, tr := new(engine), &transport{serve: answers(inactiveText)}
				cfg := sharing(cache)
				cfg.ActiveTTL = row.ttl
				client := newClient(t, cfg, tr)
				seal, err := shared.NewSeal([]byte(sharedSecret), "https://as.example/introspect", "", "client_secret_basic", "api", "false", "false")
				if err != nil {
					t.Fatal(err)
				}
				key := seal.Key("token")
				value, err := seal.Seal(key, shared.Answer{Claims: activeText, Asked: time.Now().Add(row.asked)})
				if err != nil || cache.Set(t.Context(), key, value, time.Hour) != nil {
					t.Fatal(err)
				}
				for _, after := range []time.Duration{0, row.life - 1} {
					if row.life == 0 {
						break
					}
					if time.Sleep(after); !mustIntrospect(t, client, "token").Active() || tr.count() != 0 {
						t.Fatalf("after %v: not used, %+v", after, client.Status().Shared)
					}
				}
				time.Sleep(min(time.Nanosecond, row.life))
				if mustIntrospect(t, client, "token").Active() || client.Status().Shared.Outdated != 1 {
					t.Errorf("still used, %+v", client.Status().Shared)
				}
			})
		})
	}
}

// Whoever writes to the cache makes no token good, and an instance that is not like this one has nothing to say to it.
func TestForgedSharedValuesAreNoAnswers(t *testing.T) {
	type change = func(key string, value []byte) []byte
	key := newECKey(t)
	none := func(*introspection.Config) {}
	for _, row := range []struct {
		name               string
		other              func(*introspection.Config) // the instance that asks first
		change             change
		rejected, outdated uint64
	}{
		{"nothing changed (the token is active)", none, nil, 0, 0},
		{"a bit that was flipped", none, func(_ string, v []byte) []byte { v = bytes.Clone(v); v[len(v)/2] ^= 1; return v }, 1, 0},
		{"a value that was cut", none, func(_ string, v []byte) []byte { return v[:len(v)-1] }, 1, 0},
		{"nothing", none, func(string, []byte) []byte { return nil }, 1, 0},
		{"a plain answer", none, func(string, []byte) []byte { return []byte(activeText) }, 1, 0},
		{"an answer about another token", none, func(key string, v []byte) []byte { return v }, 1, 0},
		{"another secret", func(cfg *introspection.Config) { cfg.SharedSecrets = [][]byte{[]byte(olderSecret)} }, nil, 0, 0},
		{"another endpoint", func(cfg *introspection.Config) { cfg.URL = "https://as.example/tenant2/introspect" }, nil, 0, 0},
		{"another query", func(cfg *introspection.Config) { cfg.URL = "https://as.example/introspect?realm=2" }, nil, 0, 0},
		{"another issuer", func(cfg *introspection.Config) { cfg.Issuer = "https://as.example" }, nil, 0, 0},
		{"another client id", func(cfg *introspection.Config) { cfg.ClientAuth = introspection.SecretBasic("api2", "x") }, nil, 0, 0},
		{"another way to authenticate", func(cfg *introspection.Config) { cfg.ClientAuth = introspection.SecretPost("api", "x") }, nil, 0, 0},
		{"nobody in particular", func(cfg *introspection.Config) { cfg.ClientAuth = introspection.NoClientAuth() }, nil, 0, 0},
		{"an endpoint that is asked otherwise", func(cfg *introspection.Config) {
			cfg.URL = "https://as.example/introspect"
			cfg.Ask = func(context.Context, *http.Client, string) ([]byte, error) { return []byte(activeText), nil }
		}, nil, 0, 0},
		{"signed answers", func(cfg *introspection.Config) {
			cfg.Issuer, cfg.SignedBy = "https://as.example", keySet(t, "k1", "ES256", key.Public())
		}, nil, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cache := new(engine)
				cfg := sharing(cache)
				row.other(&cfg)
				asked := &transport{serve: func(*http.Request, string) (*http.Response, error) {
					if cfg.SignedBy == nil {
						return respond(200, activeText), nil
					}
					response := respond(200, signES256(t, key, goodHeader,
						fmt.Sprintf(`{"iss":"https://as.example","aud":"api","iat":%d,"token_introspection":{"active":true}}`, time.Now().Unix())))
					response.Header.Set("Content-Type", signedType)
					return response, nil
				}}
				var first *introspection.Client
				if cfg.Ask == nil {
					first = newClient(t, cfg, asked)
				} else {
					var err error
					if first, err = introspection.New(cfg); err != nil {
						t.Fatal(err)
					}
					defer first.Close()
				}
				if !mustIntrospect(t, first, "token").Active() || !mustIntrospect(t, first, "another").Active() {
					t.Fatal("not active")
				}
				synctest.Wait()
				cache.mustHaveSeen(t, "2 reads, 2 writes")
				if strings.HasPrefix(row.name, "an answer about another") {
					keys := make([]string, 0, 2)
					for key := range cache.values {
						keys = append(keys, key)
					}
					cache.values[keys[0]], cache.values[keys[1]] = cache.values[keys[1]], cache.values[keys[0]]
				} else if row.change != nil {
					cache.change(row.change)
				}
				var logged strings.Builder
				mine := sharing(cache)
				mine.Logger = textLogger(&logged)
				tr := &transport{serve: answers(inactiveText)}
				client := newClient(t, mine, tr)
				genuine := strings.HasPrefix(row.name, "nothing changed")
				if mustIntrospect(t, client, "token").Active() != genuine {
					t.Errorf("active %t", !genuine)
				}
				if status := client.Status().Shared; status.Rejected != row.rejected || status.Outdated != row.outdated || status.Paused || status.LastError != nil {
					t.Errorf("status %+v", status)
				}
				if told := strings.Count(logged.String(), "level=ERROR"); told != int(row.rejected) {
					t.Errorf("%d lines:\n%s", told, &logged)
				}
			})
		})
	}
}

func TestOldSharedValuesThatArePutBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, tr := new(engine), &transport{serve: answers(activeText)}
		first := newClient(t, sharing(cache), tr)
		mustIntrospect(t, first, "token")
		synctest.Wait()
		cache.change(func(_ string, v []byte) []byte { return v }) // it is there for ever
		time.Sleep(time.Minute)
		tr.serve = answers(inactiveText)
		for range 3 {
			if second := newClient(t, sharing(cache), tr); mustIntrospect(t, second, "token").Active() || second.Status().Shared.Outdated != 1 {
				t.Errorf("an answer of a minute ago is used: %+v", second.Status().Shared)
			}
		}
		if mustIntrospect(t, first, "token").Active() {
			t.Error("the one who asked believes it")
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

// What a holder of the secret has sealed is read as strictly as what the server says.
func TestSealedTextsThatAreNoActiveAnswers(t *testing.T) {
	seal, err := shared.NewSeal([]byte(sharedSecret), "https://as.example/introspect", "", "client_secret_basic", "api", "false", "false")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		inactiveText, "", "null", `{"active":true,"active":true}`, `{"active":1}`, `{"active":true,"exp":"never"}`, `{"active":true,"exp":1}`, activeText + "}",
	} {
		synctest.Test(t, func(t *testing.T) {
			cache, tr := new(engine), &transport{serve: answers(activeText)}
			client := newClient(t, sharing(cache), tr)
			key := seal.Key("token")
			value, err := seal.Seal(key, shared.Answer{Claims: text, Asked: time.Now()})
			if err != nil || cache.Set(t.Context(), key, value, time.Hour) != nil {
				t.Fatal(err)
			}
			response := mustIntrospect(t, client, "token")
			if got := client.Status().Shared; !response.Active() || tr.count() != 1 || got.Outdated != 1 || got.Misses != 1 || got.Hits != 0 || got.Rejected != 0 {
				t.Errorf("%q: active %t after %d requests, %+v", text, response.Active(), tr.count(), got)
			}
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

func TestSharedSecretsRotate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cache, tr := new(engine), &transport{serve: answers(activeText)}
		both := sharing(cache)
		both.SharedSecrets = append(both.SharedSecrets, []byte(olderSecret))
		old := sharing(cache)
		old.SharedSecrets = [][]byte{[]byte(olderSecret)}
		mustIntrospect(t, newClient(t, old, tr), "token")
		synctest.Wait()
		cache.mustHaveSeen(t, "1 reads, 1 writes")
		client := newClient(t, both, tr)
		mustIntrospect(t, client, "token")
		if tr.count() != 1 {
			t.Error("what the older secret has sealed was not opened")
		}
		mustIntrospect(t, client, "another")
		synctest.Wait()
		cache.mustHaveSeen(t, "5 reads, 2 writes")
		mustIntrospect(t, newClient(t, sharing(cache), tr), "another")
		if tr.count() != 2 {
			t.Error("what was sealed with two secrets is not for the newer one")
		}
		mustIntrospect(t, newClient(t, sharing(cache), tr), "token")
		if tr.count() != 3 {
			t.Error("a secret that is no longer configured has a say")
		}
	})
}

func TestTheCacheLearnsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen, logged bytes.Buffer
		cache := new(engine)
		tr := &transport{serve: answers(`{"active":true,"sub":"canary-alice@example.com","token":"` + canaryToken + `"}`)}
		cfg := sharing(cache)
		cfg.Logger = textLogger(&logged)
		client := newClient(t, cfg, tr)
		mustIntrospect(t, client, canaryToken)
		synctest.Wait()
		for key, k := range cache.values {
			fmt.Fprintf(&seen, "%s\n%s\n%x\n", key, k.value, k.value)
			if len(key) != 64 {
				t.Errorf("the key is %q", key)
			}
		}
		cache.change(func(string, []byte) []byte { return []byte(canaryToken) })
		mustIntrospect(t, newClient(t, cfg, tr), canaryToken)
		synctest.Wait()
		fmt.Fprintf(&seen, "%+v %#v %s", client.Status(), *client, &logged)
		if found := shows(seen.String(), canaryToken, canarySecret, sharedSecret, "canary-alice@example.com"); len(found) > 0 || cache.sets != 1 && cache.sets != 2 {
			t.Errorf("%q are shown in %s", found, &seen)
		}
	})
}

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
				if shared := status.Shared; !shared.Paused || shared.LastError == nil || shared.Misses != 0 || shared.Errors != uint64(1+writes) || shared.Dropped != uint64(1000-writes) {
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
		{"no cache, but a timeout", func(cfg *introspection.Config) { cfg.Shared, cfg.SharedSecrets, cfg.SharedTimeout = nil, nil, 1 }, []string{"Config.SharedTimeout is 1ns, but Shared is nil"}},
		{"a short secret", func(cfg *introspection.Config) { cfg.SharedSecrets = [][]byte{good, good[:31]} }, []string{"Config.SharedSecrets[1] has 31 bytes: use at least 32 random ones"}},
		{"an empty secret and one that is there twice", func(cfg *introspection.Config) { cfg.SharedSecrets = [][]byte{nil, good, good} }, []string{"Config.SharedSecrets[0] has 0 bytes", "Config.SharedSecrets[2] is there twice"}},
		{"a secret that nobody has filled", func(cfg *introspection.Config) { cfg.SharedSecrets = [][]byte{make([]byte, 64)} }, []string{"Config.SharedSecrets[0] is one byte 64 times"}},
		{"nothing may be used twice", func(cfg *introspection.Config) { cfg.ActiveTTL = -1 }, []string{"Config.Shared is set, and ActiveTTL is negative (-1ns)"}},
		{"a negative timeout", func(cfg *introspection.Config) { cfg.SharedTimeout = -1 }, []string{"Config.SharedTimeout is negative (-1ns)"}},
		{"a timeout that leaves no time", func(cfg *introspection.Config) { cfg.SharedTimeout = 2 * time.Second }, []string{"Config.SharedTimeout is 2s, which leaves the server no time within Timeout (2s)"}},
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
