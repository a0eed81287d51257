//go:build !race

package tokens_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
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
