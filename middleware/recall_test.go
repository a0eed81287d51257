package middleware_test

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
)

// askedClient returns a real Client of a server that answers so. It caches nothing beyond exp, by the real time; in the time of
// [synctest] the good tokens of this suite are good for years.
func askedClient(t *testing.T, answer claims, changes ...func(*introspection.Config)) (*introspection.Client, *introspectionServer) {
	t.Helper()
	server := new(introspectionServer)
	server.say(answer)
	return introspectionClient(t, server, changes...), server
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
		"an opaque token with two dots": {middleware.VerifyJWTs, opaque},
		"an opaque token of an issuer whose JWTs are introspected": {middleware.VerifyAndIntrospectJWTs, "opaque"},
		"a JWT that is introspected":                               {middleware.IntrospectJWTs, mint(good(nil))},
		"a JWT that is verified and introspected":                  {middleware.VerifyAndIntrospectJWTs, mint(good(nil))},
	}
}

// The server is asked once for as long as its answer may be kept, then again; also where Config.Clock stands still.
func TestARepeatedTokenAsksTheServerWhenItsAnswerIsOld(t *testing.T) {
	for name, row := range introspectedTokens() {
		for _, still := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, own clock %t", name, still), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					start := time.Now()
					times := claims{"exp": start.Add(time.Hour).Unix(), "iat": start.Unix()}
					token := row.token
					if strings.HasPrefix(token, "ey") {
						token = mint(good(times))
					}
					c, server := askedClient(t, active(times))
					var d middleware.Decision
					v := validator(t, func(cfg *middleware.Config) {
						askingAbout(row.mode, c)(cfg)
						cfg.Observe = observeInto(&d)
						if cfg.Clock = nil; still {
							cfg.Clock = func() time.Time { return start }
						}
					})
					for round := range 3 {
						for repeat := range 3 {
							wantAdmittedOnce(t, v, token)
							if want := repeat > 0 && !cacheIsOff(); d.Cached != want {
								t.Errorf("round %d, request %d: Cached is %t", round, repeat, d.Cached)
							}
						}
						if got := server.asked.Load(); got != int64(round+1) {
							t.Fatalf("the server was asked %d times, want %d", got, round+1)
						}
						time.Sleep(10 * time.Second)
					}
					server.say(claims{"active": false})
					wantRefused(t, v, token, badToken, inactive)
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
				c, _ := askedClient(t, active(nil))
				v := validator(t, askingAbout(row.mode, c))
				wantAdmitted(t, v, row.token)
				c.Close()
				wantRefused(t, v, row.token, "503", outage)
			})
			bubble(t, "evicted", func(t *testing.T) {
				c, server := askedClient(t, active(nil), func(cfg *introspection.Config) { cfg.Entries = 1 })
				v := validator(t, askingAbout(row.mode, c))
				wantAdmitted(t, v, row.token)
				must(c.Introspect(t.Context(), "another"))
				server.say(claims{"active": false})
				wantRefused(t, v, row.token, badToken, inactive)
			})
			bubble(t, "not kept", func(t *testing.T) {
				c, server := askedClient(t, active(nil), func(cfg *introspection.Config) { cfg.ActiveTTL = -1 })
				v := validator(t, askingAbout(row.mode, c))
				wantAdmitted(t, v, row.token)
				server.say(claims{"active": false})
				wantRefused(t, v, row.token, badToken, inactive)
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
			c, _ := askedClient(t, active(nil))
			wrapped := &denying{Client: c}
			v := validator(t, askingAbout(row.mode, wrapped))
			wantAdmitted(t, v, row.token)
			wrapped.mu.Lock()
			wrapped.denied = append(wrapped.denied, row.token)
			wrapped.mu.Unlock()
			wantRefused(t, v, row.token, badToken, inactive)
		})
	}
}

// An answer is about one token. One that shares a part with it is another.
func TestAnAnswerIsAboutOneToken(t *testing.T) {
	jwt, other := mint(good(nil)), mint(good(claims{"sub": "other"}))
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
				c, server := askedClient(t, active(nil))
				v := validator(t, askingAbout(mode, c))
				wantAdmitted(t, v, row.known)
				server.say(claims{"active": false})
				wantRefused(t, v, row.like, badToken, inactive)
				wantAdmitted(t, v, row.known)
			}
		})
	}
}

// The key of a verified JWT counts, however fresh the answer about it is: one that is gone, and one that has taken its name.
func TestAFreshAnswerStandsForNoKey(t *testing.T) {
	for reason, left := range map[middleware.Reason]*jwks.Set{
		middleware.ReasonUnknownKey: jwks.NewSet(),
		middleware.ReasonSignature:  oneKey("ed", strangeKey()),
	} {
		bubble(t, string(reason), func(t *testing.T) {
			c, _ := askedClient(t, active(nil))
			set := keySet()
			keys := keySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
				return set.VerificationKeys(ctx, kid, alg)
			})
			v := validator(t, func(cfg *middleware.Config) {
				askingAbout(middleware.VerifyAndIntrospectJWTs, c)(cfg)
				cfg.Issuers[0].Keys = keys
			})
			token := mint(good(nil))
			wantAdmitted(t, v, token)
			set = left
			wantRefused(t, v, token, badToken, reason)
		})
	}
}

// Time, tenant and Accept are judged on every request, however fresh the answer is.
func TestAFreshAnswerIsJudgedAgain(t *testing.T) {
	at, accept, tenant := now, error(nil), "acme"
	answer := active(claims{"iss": tenantIssuer("acme"), "tid": "acme"})
	jwt := tenantToken("acme")
	for name, row := range map[string]struct {
		mode  middleware.JWTMode
		token string
	}{
		"opaque": {middleware.VerifyJWTs, "opaque"}, "introspected": {middleware.IntrospectJWTs, jwt}, "both": {middleware.VerifyAndIntrospectJWTs, jwt},
	} {
		bubble(t, name, func(t *testing.T) {
			c, _ := askedClient(t, answer)
			v := validator(t, func(cfg *middleware.Config) {
				cfg.Clock = func() time.Time { return at }
				cfg.Issuers = []middleware.Issuer{{URL: tenants, Keys: keySet(), Introspector: c, JWTs: row.mode,
					AllowTenant: func(_ context.Context, one string) bool { return one == tenant },
					Accept:      func(*middleware.Token) error { return accept },
				}}
				if row.mode == middleware.IntrospectJWTs {
					cfg.Issuers[0].Keys = nil
				}
			})
			wantAdmitted(t, v, row.token)
			at = now.Add(2 * time.Hour)
			wantRefused(t, v, row.token, badToken, expired)
			at, tenant = now, "other"
			wantRefused(t, v, row.token, badToken, middleware.ReasonTenant)
			tenant, accept = "acme", context.Canceled
			wantRefused(t, v, row.token, badToken, middleware.ReasonNotAccepted)
			accept = nil
			wantAdmitted(t, v, row.token)
		})
	}
}

// A JWT that the server judges names a tenant of its own, which must be allowed as well as that of the answer.
func TestTheTenantOfAnIntrospectedJWTIsJudgedOnEveryRequest(t *testing.T) {
	for _, tenant := range []string{"acme", "other"} {
		bubble(t, tenant, func(t *testing.T) {
			banned := ""
			c, _ := askedClient(t, active(claims{"iss": tenantIssuer("other"), "tid": "other"}))
			v := validator(t, func(cfg *middleware.Config) {
				cfg.Issuers = []middleware.Issuer{{URL: tenants, Introspector: c, JWTs: middleware.IntrospectJWTs,
					AllowTenant: func(_ context.Context, tenant string) bool { return tenant != banned },
				}}
			})
			token := tenantToken("acme")
			wantAdmitted(t, v, token)
			banned = tenant
			wantRefused(t, v, token, badToken, middleware.ReasonTenant)
			banned = ""
			wantAdmitted(t, v, token)
		})
	}
}

// A Guard inside another takes the verdict over, whoever judged the token.
func TestNestedGuardsOfIntrospectedTokens(t *testing.T) {
	for name, row := range introspectedTokens() {
		bubble(t, name, func(t *testing.T) {
			c, _ := askedClient(t, active(nil))
			var d middleware.Decision
			v := validator(t, func(cfg *middleware.Config) {
				askingAbout(row.mode, c)(cfg)
				cfg.Observe = observeInto(&d)
			})
			for range 2 { // the second time from the caches
				ctx := must(v.Require().Check(bearer(row.token)))
				r := bearer(row.token).WithContext(ctx)
				if _, err := v.Require().Check(r); err != nil || !d.Nested {
					t.Errorf("nested %t, error %v", d.Nested, err)
				}
			}
		})
	}
}

// No part of a token that could be used as one is within reach of what is remembered about it.
func TestWhatIsRememberedHoldsNoToken(t *testing.T) {
	aboutTheCache(t)
	tokens := introspectedTokens()
	tokens["a JWT that is verified"] = tokens["an opaque token"]
	for name, row := range tokens {
		if name == "a JWT that is verified" {
			row.token = mint(good(nil))
		}
		t.Run(name, func(t *testing.T) {
			c, _ := askedClient(t, active(claims{"exp": nil}))
			v := validator(t, askingAbout(row.mode, c))
			gone := make(chan struct{})
			func() {
				field := append(make([]byte, 0, 4096), "Bearer "+row.token...) // in memory of its own
				runtime.AddCleanup(&field[0], func(gone chan struct{}) { close(gone) }, gone)
				r := bearer("")
				r.Header["Authorization"] = []string{unsafe.String(&field[0], len(field))}
				for range 2 {
					if got := serve(v.Require(), r).String(); got != "200" {
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
