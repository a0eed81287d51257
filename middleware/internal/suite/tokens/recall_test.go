package tokens_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// askedClient returns a real Client of a server that answers so. It caches nothing beyond exp, by the real time; in the time of
// [synctest] the good tokens of this suite are good for years.
func askedClient(t *testing.T, answer kit.Claims, changes ...func(*introspection.Config)) (*introspection.Client, *kit.IntrospectionServer) {
	t.Helper()
	server := new(kit.IntrospectionServer)
	server.Say(answer)
	return kit.NewIntrospectionClient(t, server, changes...), server
}

// bubble is a subtest in the time of [synctest].
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { synctest.Test(t, test) })
}

// introspectedTokens are tokens that a server judges, in the modes in which it does.
func introspectedTokens() map[string]struct {
	mode  middleware.JWTMode
	token string
} {
	return map[string]struct {
		mode  middleware.JWTMode
		token string
	}{
		"an opaque token":               {middleware.VerifyJWTs, "opaque"},
		"an opaque token with two dots": {middleware.VerifyJWTs, kit.OpaqueToken},
		"an opaque token of an issuer whose JWTs are introspected": {middleware.VerifyAndIntrospectJWTs, "opaque"},
		"a JWT that is introspected":                               {middleware.IntrospectJWTs, kit.Mint(kit.GoodClaims(nil))},
		"a JWT that is verified and introspected":                  {middleware.VerifyAndIntrospectJWTs, kit.Mint(kit.GoodClaims(nil))},
	}
}

// The server is asked once for as long as its answer may be kept, then again; also where Config.Clock stands still.
func TestARepeatedTokenAsksTheServerWhenItsAnswerIsOld(t *testing.T) {
	for name, row := range introspectedTokens() {
		for _, still := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, own clock %t", name, still), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					times := kit.Claims{"exp": start.Add(time.Hour).Unix(), "iat": start.Unix()}
					token := row.token
					if strings.HasPrefix(token, "ey") {
						token = kit.Mint(kit.GoodClaims(times))
					}
					c, server := askedClient(t, kit.ActiveAnswer(times))
					var d middleware.Decision
					v := kit.NewValidator(t, func(cfg *middleware.Config) {
						askingAbout(row.mode, c)(cfg)
						cfg.Observe = kit.ObserveInto(&d)
						if cfg.Clock = nil; still {
							cfg.Clock = func() time.Time { return start }
						}
					})
					for round := range 3 {
						for repeat := range 3 {
							wantAdmittedOnce(t, v, token)
							if want := repeat > 0 && !kit.CacheIsOff(); d.Cached != want {
								t.Errorf("round %d, request %d: Cached is %t", round, repeat, d.Cached)
							}
						}
						if got := server.Asked.Load(); got != int64(round+1) {
							t.Fatalf("the server was asked %d times, want %d", got, round+1)
						}
						time.Sleep(10 * time.Second)
					}
					server.Say(kit.Claims{"active": false})
					kit.WantRefused(t, v, token, kit.BadToken, inactive)
				})
			})
		}
	}
}

// What the Client no longer remembers, or may no longer say, is nothing that a Validator goes on saying.
func TestAnAnswerEndsWithItsClientsMemory(t *testing.T) {
	for name, row := range introspectedTokens() {
		t.Run(name, func(t *testing.T) {
			bubble(t, "closed", func(t *testing.T) {
				c, _ := askedClient(t, kit.ActiveAnswer(nil))
				v := kit.NewValidator(t, askingAbout(row.mode, c))
				kit.WantAdmitted(t, v, row.token)
				c.Close()
				kit.WantRefused(t, v, row.token, "503", outage)
			})
			bubble(t, "evicted", func(t *testing.T) {
				c, server := askedClient(t, kit.ActiveAnswer(nil), func(cfg *introspection.Config) { cfg.Entries = 1 })
				v := kit.NewValidator(t, askingAbout(row.mode, c))
				kit.WantAdmitted(t, v, row.token)
				testkit.Must(c.Introspect(t.Context(), "another"))
				server.Say(kit.Claims{"active": false})
				kit.WantRefused(t, v, row.token, kit.BadToken, inactive)
			})
			bubble(t, "not kept", func(t *testing.T) {
				c, server := askedClient(t, kit.ActiveAnswer(nil), func(cfg *introspection.Config) { cfg.ActiveTTL = -1 })
				v := kit.NewValidator(t, askingAbout(row.mode, c))
				kit.WantAdmitted(t, v, row.token)
				server.Say(kit.Claims{"active": false})
				kit.WantRefused(t, v, row.token, kit.BadToken, inactive)
			})
		})
	}
}

// denying is an Introspector of an application's own around a Client, with a list of what it knows better.
type denying struct {
	*introspection.Client
	mu     sync.Mutex
	denied []string
}

func (d *denying) Introspect(ctx context.Context, token string) (*introspection.Response, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Contains(d.denied, token) {
		return introspection.ParseResponse([]byte(`{"active":false}`))
	}
	return d.Client.Introspect(ctx, token)
}

func TestAnIntrospectorAroundAClientIsAlwaysAsked(t *testing.T) {
	for name, row := range introspectedTokens() {
		bubble(t, name, func(t *testing.T) {
			c, _ := askedClient(t, kit.ActiveAnswer(nil))
			wrapped := &denying{Client: c}
			v := kit.NewValidator(t, askingAbout(row.mode, wrapped))
			kit.WantAdmitted(t, v, row.token)
			wrapped.mu.Lock()
			wrapped.denied = append(wrapped.denied, row.token)
			wrapped.mu.Unlock()
			kit.WantRefused(t, v, row.token, kit.BadToken, inactive)
		})
	}
}

// An answer is about one token. One that shares a part with it is another.
func TestAnAnswerIsAboutOneToken(t *testing.T) {
	jwt, other := kit.Mint(kit.GoodClaims(nil)), kit.Mint(kit.GoodClaims(kit.Claims{"sub": "other"}))
	signed, signature := jwt[:len(jwt)-86], jwt[len(jwt)-86:]
	for name, row := range map[string]struct{ known, like string }{
		"another payload before the signature": {jwt, other[:len(other)-86] + signature},
		"another signature":                    {jwt, signed + other[len(other)-86:]},
		"another first segment":                {"a.b.opaque", "c.b.opaque"},
		"another last segment":                 {"a.b.opaque", "a.b.Opaque"},
		"the last segment alone":               {"a.b.opaque", "opaque"},
		"an opaque token behind segments":      {"opaque", "a.b.opaque"},
		"the signature as an opaque token":     {jwt, signature[:85] + "_"},
	} {
		bubble(t, name, func(t *testing.T) {
			for _, mode := range []middleware.JWTMode{middleware.VerifyJWTs, middleware.IntrospectJWTs} {
				if row.known == jwt && mode == middleware.VerifyJWTs {
					continue
				}
				c, server := askedClient(t, kit.ActiveAnswer(nil))
				v := kit.NewValidator(t, askingAbout(mode, c))
				kit.WantAdmitted(t, v, row.known)
				server.Say(kit.Claims{"active": false})
				kit.WantRefused(t, v, row.like, kit.BadToken, inactive)
				kit.WantAdmitted(t, v, row.known)
			}
		})
	}
}

// The key of a verified JWT counts, however fresh the answer about it is: one that is gone, and one that has taken its name.
func TestAFreshAnswerStandsForNoKey(t *testing.T) {
	for reason, left := range map[middleware.Reason]*jwks.Set{
		middleware.ReasonUnknownKey: jwks.NewSet(),
		middleware.ReasonSignature:  testkit.OneKey("ed", testkit.StrangeKey()),
	} {
		bubble(t, string(reason), func(t *testing.T) {
			c, _ := askedClient(t, kit.ActiveAnswer(nil))
			set := testkit.KeySet()
			keys := kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
				return set.VerificationKeys(ctx, kid, alg)
			})
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				askingAbout(middleware.VerifyAndIntrospectJWTs, c)(cfg)
				cfg.Issuers[0].Keys = keys
			})
			token := kit.Mint(kit.GoodClaims(nil))
			kit.WantAdmitted(t, v, token)
			set = left
			kit.WantRefused(t, v, token, kit.BadToken, reason)
		})
	}
}

// Time, tenant and Accept are judged on every request, however fresh the answer is.
func TestAFreshAnswerIsJudgedAgain(t *testing.T) {
	at, accept, tenant := testkit.Now, error(nil), "acme"
	answer := kit.ActiveAnswer(kit.Claims{"iss": kit.TenantIssuer("acme"), "tid": "acme"})
	jwt := kit.TenantToken("acme")
	for name, row := range map[string]struct {
		mode  middleware.JWTMode
		token string
	}{
		"opaque": {middleware.VerifyJWTs, "opaque"}, "introspected": {middleware.IntrospectJWTs, jwt}, "both": {middleware.VerifyAndIntrospectJWTs, jwt},
	} {
		bubble(t, name, func(t *testing.T) {
			c, _ := askedClient(t, answer)
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Clock = func() time.Time { return at }
				cfg.Issuers = []middleware.Issuer{{URL: kit.TenantsURL, Keys: testkit.KeySet(), Introspector: c, JWTs: row.mode,
					AllowTenant: func(_ context.Context, one string) bool { return one == tenant },
					Accept:      func(*middleware.Token) error { return accept },
				}}
				if row.mode == middleware.IntrospectJWTs {
					cfg.Issuers[0].Keys = nil
				}
			})
			kit.WantAdmitted(t, v, row.token)
			at = testkit.Now.Add(2 * time.Hour)
			kit.WantRefused(t, v, row.token, kit.BadToken, expired)
			at, tenant = testkit.Now, "other"
			kit.WantRefused(t, v, row.token, kit.BadToken, middleware.ReasonTenant)
			tenant, accept = "acme", context.Canceled
			kit.WantRefused(t, v, row.token, kit.BadToken, middleware.ReasonNotAccepted)
			accept = nil
			kit.WantAdmitted(t, v, row.token)
		})
	}
}

// A JWT that the server judges names a tenant of its own, which must be allowed as well as that of the answer.
func TestTheTenantOfAnIntrospectedJWTIsJudgedOnEveryRequest(t *testing.T) {
	for _, tenant := range []string{"acme", "other"} {
		bubble(t, tenant, func(t *testing.T) {
			banned := ""
			c, _ := askedClient(t, kit.ActiveAnswer(kit.Claims{"iss": kit.TenantIssuer("other"), "tid": "other"}))
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Issuers = []middleware.Issuer{{URL: kit.TenantsURL, Introspector: c, JWTs: middleware.IntrospectJWTs,
					AllowTenant: func(_ context.Context, tenant string) bool { return tenant != banned },
				}}
			})
			token := kit.TenantToken("acme")
			kit.WantAdmitted(t, v, token)
			banned = tenant
			kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonTenant)
			banned = ""
			kit.WantAdmitted(t, v, token)
		})
	}
}

// A Guard inside another takes the verdict over, whoever judged the token.
func TestNestedGuardsOfIntrospectedTokens(t *testing.T) {
	for name, row := range introspectedTokens() {
		bubble(t, name, func(t *testing.T) {
			c, _ := askedClient(t, kit.ActiveAnswer(nil))
			var d middleware.Decision
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				askingAbout(row.mode, c)(cfg)
				cfg.Observe = kit.ObserveInto(&d)
			})
			for range 2 { // the second time from the caches
				ctx := testkit.Must(v.Require().Check(kit.Bearer(row.token)))
				r := kit.Bearer(row.token).WithContext(ctx)
				if _, err := v.Require().Check(r); err != nil || !d.Nested {
					t.Errorf("nested %t, error %v", d.Nested, err)
				}
			}
		})
	}
}

// No part of a token that could be used as one is within reach of what is remembered about it.
func TestWhatIsRememberedHoldsNoToken(t *testing.T) {
	kit.NeedsCache(t)
	tokens := introspectedTokens()
	tokens["a JWT that is verified"] = tokens["an opaque token"]
	for name, row := range tokens {
		if name == "a JWT that is verified" {
			row.token = kit.Mint(kit.GoodClaims(nil))
		}
		t.Run(name, func(t *testing.T) {
			c, _ := askedClient(t, kit.ActiveAnswer(kit.Claims{"exp": nil}))
			v := kit.NewValidator(t, askingAbout(row.mode, c))
			gone := make(chan struct{})
			func() {
				field := append(make([]byte, 0, 4096), "Bearer "+row.token...) // in memory of its own
				runtime.AddCleanup(&field[0], func(gone chan struct{}) { close(gone) }, gone)
				r := kit.Bearer("")
				r.Header["Authorization"] = []string{unsafe.String(&field[0], len(field))}
				for range 2 {
					if got := kit.Serve(v.Require(), r).String(); got != "200" {
						t.Errorf("outcome is %q", got)
					}
				}
			}()
			for range 100 {
				runtime.GC()
				select {
				case <-gone:
					return
				case <-time.After(time.Millisecond):
				}
			}
			t.Error("the token is still in memory")
		})
	}
}
