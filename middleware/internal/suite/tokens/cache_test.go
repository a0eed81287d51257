package tokens_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// cachedAfter sends the token n times and lists Decision.Cached of each.
func cachedAfter(t *testing.T, change func(*middleware.Config), token string, n int) string {
	t.Helper()
	var d middleware.Decision
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		change(cfg)
		cfg.Observe = kit.ObserveInto(&d)
	})
	var seen []string
	for range n {
		kit.Serve(v.Require(), kit.Bearer(token))
		seen = append(seen, fmt.Sprintf("%s cached=%t", d.Outcome, d.Cached))
	}
	return strings.Join(seen, ", ")
}

func TestWhatComesFromTheCache(t *testing.T) {
	kit.NeedsCache(t)
	const miss, hit = "allowed cached=false", "allowed cached=true"
	refused := func(n int) string {
		return strings.TrimSuffix(strings.Repeat("refused cached=false, ", n), ", ")
	}
	token := kit.Mint(kit.GoodClaims(nil))
	for name, row := range map[string]struct {
		change func(*middleware.Config)
		token  string
		want   string
	}{
		"a good token":        {func(*middleware.Config) {}, token, strings.Join([]string{miss, hit, hit}, ", ")},
		"a cache that is off": {func(cfg *middleware.Config) { cfg.TokenCache.Entries = -1 }, token, strings.Join([]string{miss, miss, miss}, ", ")},
		"a cache of one":      {func(cfg *middleware.Config) { cfg.TokenCache.Entries = 1 }, token, strings.Join([]string{miss, hit, hit}, ", ")},
		"a forged token": {
			func(*middleware.Config) {}, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()),
			refused(3),
		},
		"an expired token":          {func(*middleware.Config) {}, kit.Mint(kit.GoodClaims(kit.Claims{"exp": 1})), refused(3)},
		"a token ahead of its time": {func(*middleware.Config) {}, kit.Mint(kit.GoodClaims(kit.Claims{"nbf": testkit.Now.Add(time.Hour).Unix()})), refused(3)},
		"a token for another API":   {func(*middleware.Config) {}, kit.Mint(kit.GoodClaims(kit.Claims{"aud": "other"})), refused(3)},
		"a token that Accept refuses": {func(cfg *middleware.Config) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { return errors.New("no") }
		}, token, refused(3)},
		"an opaque token of one answer": {func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = kit.Answering(kit.ActiveAnswer(nil)) }, kit.OpaqueToken,
			strings.Join([]string{miss, hit, hit}, ", ")},
		"an opaque token, cache off": {func(cfg *middleware.Config) {
			cfg.Issuers[0].Introspector, cfg.TokenCache.Entries = kit.Answering(kit.ActiveAnswer(nil)), -1
		}, kit.OpaqueToken, strings.Join([]string{miss, miss, miss}, ", ")},
		"a verified and introspected token": {func(cfg *middleware.Config) {
			askingAbout(middleware.VerifyAndIntrospectJWTs, kit.Answering(kit.ActiveAnswer(nil)))(cfg)
		}, token, strings.Join([]string{miss, hit, hit}, ", ")},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cachedAfter(t, row.change, row.token, 3); got != row.want {
				t.Errorf("decisions are %q, want %q", got, row.want)
			}
		})
	}
}

// CWE-613 in liboauth2: nothing outlives exp, whatever the cache holds and whichever way the clock jumps.
func TestExpiryIsJudgedOnHits(t *testing.T) {
	kit.NeedsCache(t)
	at := testkit.Now
	var d middleware.Decision
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Clock = func() time.Time { return at }
		cfg.Observe = kit.ObserveInto(&d)
	})
	token := kit.Mint(kit.GoodClaims(nil))
	kit.WantAdmitted(t, v, token)
	at = testkit.Now.Add(time.Hour + 31*time.Second)
	kit.WantRefused(t, v, token, kit.BadToken, expired)
	if !d.Cached || d.Subject != "user-1" || d.Issuer != testkit.Issuer {
		t.Errorf("the refusal was not of the cached token: %+v", d)
	}
}

func TestMaxAgeOfAnEntry(t *testing.T) {
	kit.NeedsCache(t)
	synctest.Test(t, func(t *testing.T) {
		var d middleware.Decision
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.TokenCache.MaxAge = time.Minute
			cfg.Observe = kit.ObserveInto(&d)
		})
		for i, want := range []bool{false, true, true, false, true} {
			kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
			if d.Cached != want {
				t.Errorf("request %d: cached is %t, want %t", i, d.Cached, want)
			}
			time.Sleep(25 * time.Second) // the fourth comes 75 s after the first
		}
	})
}

func TestWhatIsAskedOnEachRequest(t *testing.T) {
	kit.NeedsCache(t)
	keys, accepted, tenantsAsked := &kit.CountedKeys{Set: testkit.KeySet()}, 0, 0
	allowed := true
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{
			URL: kit.TenantsURL, Keys: keys,
			AllowTenant: func(context.Context, string) bool { tenantsAsked++; return allowed },
			Accept:      func(*middleware.Token) error { accepted++; return nil },
		}}
	})
	token := kit.TenantToken("acme")
	kit.WantAdmitted(t, v, token)
	keys.Asked.Store(0)
	accepted, tenantsAsked = 0, 0
	for range 5 {
		kit.Serve(v.Require(), kit.Bearer(token))
	}
	if n := keys.Asked.Load(); n != 5 || accepted != 5 || tenantsAsked != 5 {
		t.Errorf("5 hits asked the keys %d, Accept %d and AllowTenant %d times", n, accepted, tenantsAsked)
	}
	allowed = false
	kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonTenant)
	allowed = true
	kit.WantAdmitted(t, v, token)
}

// Every character of the token counts: a spelling that shares all but one is another token.
func TestTheWholeTokenIsTheKey(t *testing.T) {
	v := kit.NewValidator(t, nil)
	token := kit.Mint(kit.GoodClaims(nil))
	kit.WantAdmitted(t, v, token)
	for i := range token {
		for _, c := range []byte("AQgw_.=") {
			if token[i] == c {
				continue
			}
			changed := token[:i] + string(c) + token[i+1:]
			if got := kit.Serve(v.Require(), kit.Bearer(changed)); got.Ran {
				t.Fatalf("with %q in place %d the token is admitted", c, i)
			}
		}
	}
	for _, changed := range []string{token + "A", token + "=", token[1:], token[:len(token)-1], token + "." + token} {
		if got := kit.Serve(v.Require(), kit.Bearer(changed)); got.Ran {
			t.Errorf("%s is admitted", changed)
		}
	}
}

// Long tokens differ at their end as well: one that shares all but its signature with a cached one is a forgery.
func TestTheEndOfALongTokenCounts(t *testing.T) {
	for _, length := range []int{1000, 1200, 1500, 2000, 5000, 10_000} {
		v := kit.NewValidator(t, nil)
		payload := string(testkit.JSON(kit.GoodClaims(kit.Claims{"x": strings.Repeat("x", length)})))
		kit.WantAdmitted(t, v, kit.MintText(payload))
		kit.WantRefused(t, v, testkit.Sign(kit.Ed25519Header, payload, testkit.StrangeKey()), kit.BadToken, middleware.ReasonSignature)
		kit.WantRefused(t, v, kit.MintText(payload)+"A", kit.BadToken, middleware.ReasonSignature)
		kit.WantRefused(t, v, kit.MintText(payload[:len(payload)-1]+`,"aud":"other"}`), kit.BadToken, middleware.ReasonMalformed)
		kit.WantRefused(
			t, v, kit.MintText(strings.Replace(payload, `x"}`, `y"}`, 1))[:len(kit.MintText(payload))-86]+strings.Repeat("A", 86),
			kit.BadToken, middleware.ReasonSignature,
		)
		kit.WantAdmitted(t, v, kit.MintText(payload))
	}
}

// CVE-2026-25536: subject out is subject in, and what a handler does to its token stays with it.
func TestParallelSubjects(t *testing.T) {
	server := kit.EchoIntrospector{}
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.TokenCache.Entries = 64 // so that tokens keep falling out
		cfg.Issuers[0].Introspector = server
	})
	const subjects, rounds = 200, 3
	tokens := make([]string, 0, 2*subjects)
	for i := range subjects {
		tokens = append(tokens, kit.Mint(kit.GoodClaims(kit.Claims{"sub": fmt.Sprint("jwt-", i)})), fmt.Sprint("opaque-", i))
	}
	var wrong atomic.Int64
	var all sync.WaitGroup
	guard := v.Require("read")
	for worker := range 16 {
		all.Go(func() {
			for i := worker; i < len(tokens)*rounds; i += 13 { // overlapping, so that tokens meet
				token := tokens[i%len(tokens)]
				want := token
				if strings.HasPrefix(token, "ey") {
					want = fmt.Sprint("jwt-", i%len(tokens)/2)
				}
				got := kit.Serve(guard, kit.Bearer(token))
				if !got.Ran || got.Token.Subject != want {
					wrong.Add(1)
					continue
				}
				got.Token.Subject, got.Token.Scopes = "changed by a handler", middleware.SetOf("admin")
			}
		})
	}
	all.Wait()
	if n := wrong.Load(); n != 0 {
		t.Errorf("%d answers were wrong", n)
	}
}

// Many first sights of one token are one verification; none of them waits for ever if the first fails.
func TestFirstSightsOfOneToken(t *testing.T) {
	kit.NeedsCache(t)
	for name, row := range map[string]struct {
		err     error
		outcome string
		asked   int64 // the key source: the first for a key, the others whether it is still there
	}{
		"of a good token":  {nil, "200", 50},
		"during an outage": {errors.New("down"), "503", 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var asked, verified atomic.Int64
				v := kit.NewValidator(t, func(cfg *middleware.Config) {
					cfg.Issuers[0].Keys = kit.KeySourceFunc(func(_ context.Context, kid, alg string) ([]*jwks.Key, error) {
						asked.Add(1)
						time.Sleep(time.Second)
						return []*jwks.Key{edPublic("ed", testkit.EdKey())}, row.err
					})
					cfg.Observe = func(_ context.Context, d middleware.Decision) {
						if !d.Cached {
							verified.Add(1)
						}
					}
				})
				token := kit.Mint(kit.GoodClaims(nil))
				for range 50 {
					go func() {
						start := time.Now()
						got := kit.Serve(v.Require(), kit.Bearer(token)).String()
						if waited := time.Since(start); got != row.outcome || waited > 2*time.Second {
							t.Errorf("outcome is %q after %v, want %q", got, waited, row.outcome)
						}
					}()
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := verified.Load(); n != 1 && row.err == nil {
					t.Errorf("%d verifications, want one", n)
				}
				if n := asked.Load(); n != row.asked {
					t.Errorf("the key source was asked %d times, want %d", n, row.asked)
				}
			})
		})
	}
}

// That a token was refused is the first caller's own: what has changed meanwhile counts for the others.
func TestRefusalOfAFirstSightIsNotShared(t *testing.T) {
	kit.NeedsCache(t)
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int64
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Keys = kit.KeySourceFunc(func(context.Context, string, string) ([]*jwks.Key, error) {
				if asked.Add(1) == 1 {
					time.Sleep(time.Second)
					return nil, jwks.ErrKeyNotFound
				}
				return []*jwks.Key{edPublic("ed", testkit.EdKey())}, nil
			})
		})
		token := kit.Mint(kit.GoodClaims(nil))
		go func() {
			if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != kit.BadToken {
				t.Errorf("who came first gets %q", got)
			}
		}()
		synctest.Wait()
		if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != "200" {
			t.Errorf("who waited gets %q", got)
		}
	})
}

// The first of them may leave. The others are judged all the same.
func TestFirstCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Keys = kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(time.Second):
					return []*jwks.Key{edPublic("ed", testkit.EdKey())}, nil
				}
			})
		})
		token := kit.Mint(kit.GoodClaims(nil))
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			if got := kit.Serve(v.Require(), kit.Bearer(token).WithContext(ctx)).String(); got != "503" {
				t.Errorf("who leaves gets %q", got)
			}
		}()
		synctest.Wait()
		for range 10 {
			go func() {
				if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != "200" {
					t.Errorf("who stays gets %q", got)
				}
			}()
		}
		synctest.Wait()
		cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
	})
}

// Who waits for another caller's verification of the same token may leave before it ends.
func TestWaitingCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Keys = kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(time.Minute):
					return []*jwks.Key{edPublic("ed", testkit.EdKey())}, nil
				}
			})
		})
		token, start := kit.Mint(kit.GoodClaims(nil)), time.Now()
		go func() {
			if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != "200" {
				t.Errorf("who came first gets %q", got)
			}
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		got := kit.Serve(v.Require(), kit.Bearer(token).WithContext(ctx)).String()
		if waited := time.Since(start); got != "503" || waited != time.Second {
			t.Errorf("who leaves gets %q after %v", got, waited)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
	})
}

// CVE-2025-64527: two tokens in one request while the keys cannot be fetched.
func TestTwoTokensWhileKeysFail(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = kit.KeySourceFunc(func(context.Context, string, string) ([]*jwks.Key, error) { return nil, errors.New("down") })
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token")}
	})
	token := kit.Mint(kit.GoodClaims(nil))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				r := kit.Request(http.MethodGet, http.Header{"Authorization": {"Bearer " + token}, "X-Token": {token}})
				if got := kit.Serve(v.Require(), r).String(); got != "400 invalid_request" {
					t.Errorf("outcome is %q", got)
				}
				if got := kit.Serve(v.Optional(), kit.Bearer(token)).String(); got != "503" {
					t.Errorf("outcome is %q", got)
				}
			}
		})
	}
	all.Wait()
}
