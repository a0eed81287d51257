package introspection_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/introspection/internal/shared"
)

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
