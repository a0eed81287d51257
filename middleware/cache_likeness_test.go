package middleware_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
