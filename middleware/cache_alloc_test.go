//go:build !race

package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// What a token costs that was verified before. The race detector would count allocations of its own.
func TestCachedTokenAllocatesLittle(t *testing.T) {
	aboutTheCache(t)
	v := validator(t, nil)
	guard := v.Require("read")
	for name, token := range map[string]string{
		"an ordinary token": mint(good(nil)),
		"a token of 8 KiB":  mint(good(claims{"x": strings.Repeat("x", 6000)})),
	} {
		r := bearer(token)
		if _, err := guard.Check(r); err != nil {
			t.Fatal(err)
		}
		allocations := testing.AllocsPerRun(1000, func() {
			if _, err := guard.Check(r); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %v allocations", name, allocations)
		if allocations > 3 {
			t.Errorf("%s: %v allocations, want at most 3", name, allocations)
		}
	}
}

// What is said about proofs, certificates, actors and details costs a plain bearer request nothing, whether or not the
// Validator knows of them.
func TestBearerTokensPayNothingForBindings(t *testing.T) {
	aboutTheCache(t)
	for name, change := range map[string]func(*middleware.Config){
		"without DPoP": nil,
		"with DPoP":    public,
		"with nonces":  func(cfg *middleware.Config) { public(cfg); cfg.DPoP.NonceSecrets = [][]byte{secret(1)} },
	} {
		guard := validator(t, change).Require("read")
		r, w := bearer(mint(good(nil))), httptest.NewRecorder()
		handler := guard.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
		for what, row := range map[string]struct {
			run  func()
			most float64
		}{
			"Check":   {func() { _, _ = guard.Check(r) }, 1},
			"Handler": {func() { handler.ServeHTTP(w, r) }, 2},
		} {
			row.run()
			if got := testing.AllocsPerRun(1000, row.run); got > row.most {
				t.Errorf("%s, %s: %v allocations, want at most %v", name, what, got, row.most)
			}
		}
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}
