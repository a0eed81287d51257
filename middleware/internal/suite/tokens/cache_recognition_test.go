package tokens_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A JWT is recognised by its signature and by the text that it signs: neither alone makes a token.
func TestASignatureDoesNotVouchForOtherText(t *testing.T) {
	signature := func(token string) string { return token[strings.LastIndexByte(token, '.'):] }
	signed := func(token string) string { return token[:strings.LastIndexByte(token, '.')] }
	user, admin := kit.Mint(kit.GoodClaims(nil)), kit.Mint(kit.GoodClaims(kit.Claims{"sub": "admin", "scope": "read admin"}))
	header := testkit.B64([]byte(`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`))
	for name, token := range map[string]string{
		"another payload before the signature of a known token": signed(admin) + signature(user),
		"another header before it":                              header + user[strings.IndexByte(user, '.'):],
		"no payload":                                            user[:strings.IndexByte(user, '.')] + signature(user),
		"nothing but the signature":                             signature(user)[1:],
		"the signature twice":                                   user + signature(user),
		"another signature":                                     signed(user) + signature(admin),
	} {
		t.Run(name, func(t *testing.T) {
			v := kit.NewValidator(t, nil)
			kit.WantAdmitted(t, v, user)
			if got := kit.Serve(v.Require(), kit.Bearer(token)); got.Ran {
				t.Errorf("it is admitted as %q", got.Token.Subject)
			}
			kit.WantAdmitted(t, v, user) // and it has not driven the good one out
		})
	}
}

// What is used often stays, though what was used when is known only to the second.
func TestTheLeastRecentlyUsedTokenMakesRoom(t *testing.T) {
	kit.NeedsCache(t)
	at := testkit.Now
	var d middleware.Decision
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.TokenCache.Entries, cfg.Observe = 3, kit.ObserveInto(&d)
		cfg.Clock = func() time.Time { return at }
	})
	cached := func(user int) bool {
		t.Helper()
		if got := kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"sub": fmt.Sprint("user-", user)})))); !got.Ran {
			t.Errorf("user %d: %v", user, got)
		}
		return d.Cached
	}
	for user := range 3 {
		cached(user)
	}
	at = at.Add(time.Second)
	if !cached(0) {
		t.Fatal("user 0 is not in the cache")
	}
	for user := 3; user < 5; user++ { // drive 1 and 2 out
		cached(user)
	}
	if !cached(0) {
		t.Error("the token that was used last made room")
	}
	if cached(1) {
		t.Error("the cache holds more than its entries")
	}
}

// introspectorOf vouches for one token and for no other.
type introspectorOf string

func (of introspectorOf) Introspect(_ context.Context, token string) (*introspection.Response, error) {
	if token == string(of) {
		return introspection.ParseResponse(testkit.JSON(kit.ActiveAnswer(nil)))
	}
	return introspection.ParseResponse(testkit.JSON(kit.Claims{"active": false}))
}

// A Guard inside another takes over the verdict on the very same text, and on nothing that is like it.
func TestNestedGuardsTellTokensApart(t *testing.T) {
	jwt, other := kit.Mint(kit.GoodClaims(nil)), kit.Mint(kit.GoodClaims(kit.Claims{"sub": "other"}))
	cut := func(token string) (signed, signature string) {
		dot := strings.LastIndexByte(token, '.')
		return token[:dot], token[dot+1:]
	}
	signed, signature := cut(jwt)
	otherSigned, otherSignature := cut(other)
	for name, row := range map[string]struct{ outer, inner string }{
		"the signature of the token under another payload": {jwt, otherSigned + "." + signature},
		"another signature under the token's payload":      {jwt, signed + "." + otherSignature},
		"the signature alone":                              {jwt, signature},
		"an opaque token behind a dot":                     {"opaque", ".opaque"},
		"an opaque token behind another segment":           {"opaque", "x.opaque"},
		"the last segment of an opaque token":              {"a.b.opaque", "opaque"},
		"another first segment of an opaque token":         {"a.b.opaque", "a.c.opaque"},
	} {
		t.Run(name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Issuers[0].Introspector = introspectorOf(row.outer)
			})
			for range 2 { // the second time from the caches
				got := kit.ServeNested(kit.Bearer(row.outer), func(r *http.Request) *http.Request {
					r = r.Clone(r.Context())
					r.Header.Set("Authorization", "Bearer "+row.inner)
					return r
				}, v.Require(), v.Require())
				if got.Ran {
					t.Error("it is admitted")
				}
			}
			if got := kit.ServeNested(kit.Bearer(row.outer), nil, v.Require(), v.Require()); !got.Ran {
				t.Errorf("the token itself is refused: %v", got)
			}
		})
	}
}

// Cached means that no signature was computed and no server asked; with both in play, both must have been remembered.
func TestWhatCountsAsCached(t *testing.T) {
	kit.NeedsCache(t)
	var d middleware.Decision
	server := kit.Answering(kit.ActiveAnswer(nil))
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		askingAbout(middleware.VerifyAndIntrospectJWTs, server)(cfg)
		cfg.Observe = kit.ObserveInto(&d)
	})
	cached := func(token string) bool {
		wantAdmittedOnce(t, v, token)
		return d.Cached
	}
	token := kit.Mint(kit.GoodClaims(nil))
	if cached(token) {
		t.Error("the first sight counts as cached")
	}
	if !cached(token) {
		t.Error("the second sight of token and answer does not count as cached")
	}
	server.Response = kit.Answering(kit.ActiveAnswer(nil)).Response
	if cached(token) {
		t.Error("a known token under a new answer counts as cached")
	}
}

func TestTokenForgottenBeforeItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d middleware.Decision
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			askingAbout(middleware.VerifyAndIntrospectJWTs, kit.Answering(kit.ActiveAnswer(nil)))(cfg)
			cfg.TokenCache.MaxAge = time.Minute
			cfg.Observe = kit.ObserveInto(&d)
		})
		token := kit.Mint(kit.GoodClaims(nil))
		wantAdmittedOnce(t, v, token)
		time.Sleep(2 * time.Minute) // of the bubble
		wantAdmittedOnce(t, v, token)
		if d.Cached {
			t.Error("a token whose signature was computed again counts as cached")
		}
	})
}

func wantAdmittedOnce(t *testing.T, v *middleware.Validator, token string) {
	t.Helper()
	if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != "200" {
		t.Fatalf("outcome is %q, want 200", got)
	}
}
