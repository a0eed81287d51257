package tokens_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// typical are the claims of a token of ordinary size.
func typical() kit.Claims {
	return kit.GoodClaims(kit.Claims{
		"aud": []string{testkit.Audience, "https://other.example.com", "https://third.example.com"}, "azp": "client-1",
		"scope": "read write orders:read orders:write profile email", "roles": []string{"admin", "editor", "viewer", "auditor", "support"},
		"nbf": testkit.Now.Unix(), "acr": "urn:example:gold", "amr": []string{"pwd", "otp"}, "sid": "5d1f1a3e-6f0a-4c59-9b0e-0c8f4e2f1c77",
		"tenant": kit.Claims{
			"id": "b7c4c4f0-3b1f-4d5e-9a63-2f0c8f4e2f1c", "name": "Example GmbH", "region": "eu-central-1",
			"plan": kit.Claims{"name": "enterprise", "seats": 250},
		},
		"jti": "6a0c6e7e-7c0e-4b62-8d38-1b6d3f1f7a10",
	})
}

func BenchmarkCheck(b *testing.B) {
	payload := string(testkit.JSON(typical()))
	for name, c := range map[string]struct {
		header string
		key    any
	}{
		"EdDSA": {kit.Ed25519Header, testkit.EdKey()},
		"RS256": {`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, testkit.RSAKey()},
		"ES256": {`{"alg":"ES256","kid":"p256","typ":"at+jwt"}`, testkit.P256Key()},
	} {
		token := testkit.Sign(c.header, payload, c.key)
		for _, cache := range []struct {
			name    string
			entries int
		}{{"cached", 0}, {"cold", -1}} {
			v := kit.NewValidator(b, func(cfg *middleware.Config) { cfg.TokenCache.Entries = cache.entries })
			guard := v.Require("orders:read")
			b.Run(name+"/"+cache.name, func(b *testing.B) {
				r := kit.Bearer(token)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := guard.Check(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(name+"/signature", func(b *testing.B) {
			i := strings.LastIndexByte(token, '.')
			sig := testkit.SignatureOf(token)
			keys, _ := testkit.KeySet().VerificationKeys(b.Context(), map[string]string{"EdDSA": "ed", "RS256": "rsa", "ES256": "p256"}[name], name)
			for b.Loop() {
				if keys[0].Verify(token[:i], sig) != nil {
					b.Fatal("bad")
				}
			}
		})
	}
}

// A repeated token that its issuer's server judges, beside one that is verified here.
func BenchmarkHits(b *testing.B) {
	issuer := authtest.NewIssuer(b)
	asks := testkit.Must(introspection.New(introspection.Config{
		URL: issuer.URL() + "/introspect", ClientAuth: introspection.SecretBasic(issuer.Client()), ActiveTTL: time.Hour,
	}))
	defer asks.Close()
	base := issuer.Config("https://api.example.com")
	rs256 := issuer.Mint(authtest.Header{"alg": "RS256"}, nil)
	for _, kind := range []struct {
		name, token string
		mode        middleware.JWTMode
	}{
		{"JWT, RS256", rs256, middleware.VerifyJWTs},
		{"JWT, ES256", issuer.Token(nil), middleware.VerifyJWTs},
		{"opaque", issuer.OpaqueToken(nil), middleware.VerifyJWTs},
		{"JWT, RS256, introspected", rs256, middleware.IntrospectJWTs},
		{"JWT, RS256, verified and introspected", rs256, middleware.VerifyAndIntrospectJWTs},
	} {
		cfg := base
		cfg.Clock, cfg.Issuers = nil, slices.Clone(base.Issuers)
		cfg.Issuers[0].Introspector, cfg.Issuers[0].JWTs = asks, kind.mode
		if kind.mode == middleware.IntrospectJWTs {
			cfg.Issuers[0].Keys = nil
		}
		v := testkit.Must(middleware.New(cfg))
		defer v.Close()
		guard := v.Require()
		b.Run(kind.name, func(b *testing.B) {
			r := kit.Bearer(kind.token)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := guard.Check(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Many goroutines look up one token that all of them share, or many: with -mutexprofile and -blockprofile nobody waits for anybody.
func BenchmarkCheckParallel(b *testing.B) {
	for _, count := range []int{1, 1000} {
		b.Run(fmt.Sprint("tokens: ", count), func(b *testing.B) {
			guard := kit.NewValidator(b, nil).Require("read")
			var tokens []string
			for i := range count {
				tokens = append(tokens, kit.Mint(kit.GoodClaims(kit.Claims{"jti": fmt.Sprint(i)})))
				if _, err := guard.Check(kit.Bearer(tokens[i])); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := kit.Bearer(tokens[0])
				for i := 0; pb.Next(); i++ {
					r.Header["Authorization"][0] = "Bearer " + tokens[i%count]
					if _, err := guard.Check(r); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkHandler(b *testing.B) {
	v := kit.NewValidator(b, nil)
	h := v.Require("orders:read").Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := kit.Bearer(testkit.Sign(`{"alg":"RS256","kid":"rsa","typ":"at+jwt"}`, string(testkit.JSON(typical())), testkit.RSAKey()))
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
