//go:build !race

package tokens_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// What a token costs that was verified before. The race detector would count allocations of its own.
func TestCachedTokenAllocatesLittle(t *testing.T) {
	kit.NeedsCache(t)
	v := kit.NewValidator(t, nil)
	guard := v.Require("read")
	for name, token := range map[string]string{
		"an ordinary token": kit.Mint(kit.GoodClaims(nil)),
		"a token of 8 KiB":  kit.Mint(kit.GoodClaims(kit.Claims{"x": strings.Repeat("x", 6000)})),
	} {
		r := kit.Bearer(token)
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
	kit.NeedsCache(t)
	for name, change := range map[string]func(*middleware.Config){
		"without DPoP": nil,
		"with DPoP":    kit.SetPublicURL,
		"with nonces": func(cfg *middleware.Config) {
			kit.SetPublicURL(cfg)
			cfg.DPoP.NonceSecrets = [][]byte{kit.NonceSecret(1)}
		},
	} {
		guard := kit.NewValidator(t, change).Require("read")
		r, w := kit.Bearer(kit.Mint(kit.GoodClaims(nil))), httptest.NewRecorder()
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
	kit.NeedsCache(t)
	header := http.Header{"Authorization": {"Bearer " + kit.CertBoundToken()}, "Client-Cert": {kit.CertByteSequence(kit.ClientCert())}}
	for name, row := range map[string]struct {
		guard *middleware.Guard
		call  middleware.Credentials
		most  float64
	}{
		"a certificate of the TLS layer": {
			kit.NewValidator(t, nil).Require(), middleware.Credentials{Header: header, Method: "GET", Target: "/", Certificate: kit.ClientCert()}, 4,
		},
		"a certificate from a proxy": {
			kit.ProxiedValidator(t, "Client-Cert", middleware.ClientCertField).Require(),
			middleware.Credentials{Header: header, Method: "GET", Target: "/", RemoteAddr: kit.ProxyAddress}, 5,
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

type flatClaims struct {
	Subject string `json:"sub"`
	Tenant  struct {
		ID   string `json:"id"`
		Plan struct {
			Seats int `json:"seats"`
		} `json:"plan"`
	} `json:"tenant"`
}

type listClaims struct {
	Subject string         `json:"sub"`
	Roles   []string       `json:"roles"`
	Tenant  map[string]any `json:"tenant"`
}

// What handlers do with every request: claims of their own.
func TestClaimsOfACachedTokenAllocateLittle(t *testing.T) {
	kit.NeedsCache(t)
	guard := kit.NewValidator(t, nil).Require("read")
	payload := testkit.JSON(typical())
	r := kit.Bearer(kit.MintText(string(payload)))
	allocations := func(read func(context.Context) error) float64 {
		run := func() {
			ctx, err := guard.Check(r)
			if err == nil {
				err = read(ctx)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		run()
		return testing.AllocsPerRun(1000, run)
	}
	none := allocations(func(context.Context) error { return nil })
	flat := allocations(func(ctx context.Context) error {
		claims, err := middleware.ClaimsFromContext[flatClaims](ctx)
		if claims.Tenant.Plan.Seats != 250 {
			t.Errorf("claims are %+v", claims)
		}
		return err
	})
	if flat != none {
		t.Errorf("a flat struct costs %v allocations", flat-none)
	}
	lists := allocations(func(ctx context.Context) error {
		claims, err := middleware.ClaimsFromContext[listClaims](ctx)
		if len(claims.Roles) != 5 || claims.Tenant["region"] != "eu-central-1" {
			t.Errorf("claims are %+v", claims)
		}
		return err
	}) - none
	standard := testing.AllocsPerRun(100, func() {
		var claims listClaims
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
	})
	if lists > standard/2 {
		t.Errorf("a struct with lists costs %v allocations, encoding/json takes %v", lists, standard)
	}
}

// What a token costs at first sight beyond its signature check: its text, what is read of it, and the request's own copy. The bytes are what
// the garbage collector has to do.
func TestANewTokenAllocatesLittle(t *testing.T) {
	payload := func(serial int) string {
		claims := typical()
		claims["jti"] = fmt.Sprintf("6a0c6e7e-7c0e-4b62-8d38-%012d", serial)
		return string(testkit.JSON(claims))
	}
	for name, row := range map[string]struct {
		header string
		key    any
		kid    string
	}{
		"EdDSA": {kit.Ed25519Header, testkit.EdKey(), "ed"},
		"RS256": {`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, testkit.RSAKey(), "rsa"},
		"ES256": {`{"alg":"ES256","kid":"p256","typ":"at+jwt"}`, testkit.P256Key(), "p256"},
	} {
		token := testkit.Sign(row.header, payload(1), row.key)
		keys, err := testkit.KeySet().VerificationKeys(t.Context(), row.kid, name)
		if err != nil {
			t.Fatal(err)
		}
		input, signature := token[:strings.LastIndexByte(token, '.')], testkit.SignatureOf(token)
		bareAllocs, bareBytes := spent(func() {
			if err := keys[0].Verify(input, signature); err != nil {
				t.Fatal(err)
			}
		})
		for cache, entries := range map[string]int{"without a cache": -1, "through the cache": 1} {
			if entries > 0 && kit.CacheIsOff() {
				continue
			}
			guard := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.TokenCache.Entries = entries }).Require("orders:read")
			requests := []*http.Request{kit.Bearer(testkit.Sign(row.header, payload(1), row.key)), kit.Bearer(testkit.Sign(row.header, payload(2), row.key))}
			turn := 0
			allocs, bytes := spent(func() {
				turn++
				if _, err := guard.Check(requests[turn%2]); err != nil {
					t.Fatal(err)
				}
			})
			t.Logf("%s, %s: %.1f allocations, %.0f bytes", name, cache, allocs, bytes)
			mostAllocs, mostBytes := bareAllocs+4.5, bareBytes+1950 // what others allocate meanwhile is little
			if entries > 0 {
				mostAllocs, mostBytes = mostAllocs+1, mostBytes+200 // others may wait for the first
			}
			if allocs > mostAllocs || bytes > mostBytes {
				t.Errorf("%s, %s: %.1f allocations of %.0f bytes, want at most %.1f of %.0f", name, cache, allocs, bytes, mostAllocs, mostBytes)
			}
		}
	}
}

// Some servers give each token a header of its own, as one with a nonce in it. It is decoded, and nothing is entered for it.
func TestANewHeaderAllocatesLittle(t *testing.T) {
	const tokens = 800
	spentOn := func(nonce string) (allocs, bytes float64) {
		guard, turn := kit.NewValidator(t, nil).Require(), 0
		requests := make([]*http.Request, tokens)
		for i := range requests {
			header := `{"alg":"EdDSA","kid":"ed","typ":"at+jwt","nonce":"` + strings.ReplaceAll(nonce, "*", fmt.Sprintf("%08d", i)) + `"}`
			requests[i] = kit.Bearer(testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"jti": fmt.Sprint(i)}))), testkit.EdKey()))
		}
		return spent(func() {
			turn++
			if _, err := guard.Check(requests[turn%tokens]); err != nil {
				t.Fatal(err)
			}
		})
	}
	allocs, bytes := spentOn("of all tokens")
	newAllocs, newBytes := spentOn("********")
	if newAllocs > allocs+4.5 || newBytes > bytes+800 {
		t.Errorf("a new header costs %.1f allocations of %.0f bytes, want at most 4.5 of 800", newAllocs-allocs, newBytes-bytes)
	}
}

// spent is what a call of do allocates.
func spent(do func()) (allocs, bytes float64) {
	const times = 200
	for range times {
		do()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		do()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / times, float64(after.TotalAlloc-before.TotalAlloc) / times
}
