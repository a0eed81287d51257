package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// A JWT is recognised by its signature and by the text that it signs: neither alone makes a token.
func TestASignatureDoesNotVouchForOtherText(t *testing.T) {
	signature := func(token string) string { return token[strings.LastIndexByte(token, '.'):] }
	signed := func(token string) string { return token[:strings.LastIndexByte(token, '.')] }
	user, admin := mint(good(nil)), mint(good(claims{"sub": "admin", "scope": "read admin"}))
	header := b64([]byte(`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`))
	for name, token := range map[string]string{
		"another payload before the signature of a known token": signed(admin) + signature(user),
		"another header before it":                              header + user[strings.IndexByte(user, '.'):],
		"no payload":                                            user[:strings.IndexByte(user, '.')] + signature(user),
		"nothing but the signature":                             signature(user)[1:],
		"the signature twice":                                   user + signature(user),
		"another signature":                                     signed(user) + signature(admin),
	} {
		t.Run(name, func(t *testing.T) {
			v := validator(t, nil)
			wantAdmitted(t, v, user)
			if got := serve(v.Require(), bearer(token)); got.ran {
				t.Errorf("it is admitted as %q", got.token.Subject)
			}
			wantAdmitted(t, v, user) // and it has not driven the good one out
		})
	}
}

// What is used often stays, though what was used when is known only to the second.
func TestTheLeastRecentlyUsedTokenMakesRoom(t *testing.T) {
	aboutTheCache(t)
	at := now
	var d middleware.Decision
	v := validator(t, func(cfg *middleware.Config) {
		cfg.TokenCache.Entries, cfg.Observe = 3, observeInto(&d)
		cfg.Clock = func() time.Time { return at }
	})
	cached := func(user int) bool {
		t.Helper()
		if got := serve(v.Require(), bearer(mint(good(claims{"sub": fmt.Sprint("user-", user)})))); !got.ran {
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
		return introspection.ParseResponse(toJSON(active(nil)))
	}
	return introspection.ParseResponse(toJSON(claims{"active": false}))
}

// A Guard inside another takes over the verdict on the very same text, and on nothing that is like it.
func TestNestedGuardsTellTokensApart(t *testing.T) {
	jwt, other := mint(good(nil)), mint(good(claims{"sub": "other"}))
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
			v := validator(t, func(cfg *middleware.Config) {
				cfg.Issuers[0].Introspector = introspectorOf(row.outer)
			})
			for range 2 { // the second time from the caches
				got := within(bearer(row.outer), func(r *http.Request) *http.Request {
					r = r.Clone(r.Context())
					r.Header.Set("Authorization", "Bearer "+row.inner)
					return r
				}, v.Require(), v.Require())
				if got.ran {
					t.Error("it is admitted")
				}
			}
			if got := within(bearer(row.outer), nil, v.Require(), v.Require()); !got.ran {
				t.Errorf("the token itself is refused: %v", got)
			}
		})
	}
}
