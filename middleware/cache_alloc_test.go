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

// The call for which a bound token was proven is remembered as one digest, and proving it costs what it takes to look.
func TestBoundTokensAllocateLittle(t *testing.T) {
	aboutTheCache(t)
	header := http.Header{"Authorization": {"Bearer " + certBound()}, "Client-Cert": {sfBytes(ownCert())}}
	for name, row := range map[string]struct {
		guard *middleware.Guard
		call  middleware.Credentials
		most  float64
	}{
		"a certificate of the TLS layer": {
			validator(t, nil).Require(), middleware.Credentials{Header: header, Method: "GET", Target: "/", Certificate: ownCert()}, 4,
		},
		"a certificate from a proxy": {
			proxied(t, "Client-Cert", middleware.ClientCertField).Require(),
			middleware.Credentials{Header: header, Method: "GET", Target: "/", RemoteAddr: proxy}, 5,
		},
	} {
		run := func() {
			if _, err := row.guard.Authorize(t.Context(), row.call); err != nil {
				t.Fatal(err)
			}
		}
		run()
		if got := testing.AllocsPerRun(1000, run); got > row.most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, row.most)
		}
	}
}
