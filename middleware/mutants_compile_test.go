package middleware_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// Templates that differ in one half only are of different servers.
func TestTemplatesThatShareOneHalf(t *testing.T) {
	tenantsOf := func(url string) middleware.Issuer {
		return middleware.Issuer{URL: url, Keys: keySet(), AllowTenant: anyTenant}
	}
	validator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			tenantsOf("https://a.example/{tenantid}/v1"), tenantsOf("https://a.example/{tenantid}/v2"), tenantsOf("https://b.example/{tenantid}/v1"),
		}
	})
}

func TestKeySetBesideIntrospectionAlone(t *testing.T) {
	wantMistakes(t, []mistake{{"an address of keys that are never fetched", change(func(i *middleware.Issuer) {
		i.JWTs, i.Introspector, i.Keys, i.JWKSURI = middleware.IntrospectJWTs, fixedAnswer{}, nil, "https://login.example.com/keys"
	}), []string{
		"middleware: Issuers[0].JWKSURI or Keys is set, but JWTs says IntrospectJWTs, which never uses keys: choose VerifyAndIntrospectJWTs, or leave them out"}}})
}

// The Authorization field is spoken for; a cookie of that name is a cookie like others.
func TestCookieNamedAuthorization(t *testing.T) {
	v := validator(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("Authorization")}
	})
	r := request("GET", fields("Cookie", "Authorization="+mint(good(nil))))
	if got := serve(v.Require("read"), r).String(); got != "200" {
		t.Errorf("a token in it gives %q", got)
	}
}

// What net/http's own check of origins cannot read must not become a PublicURL that it silently lacks.
func TestPublicURLsThatAreNoOrigin(t *testing.T) {
	for _, url := range []string{"https://[zz]", "https://a|b", "https://a^", "https://a{"} {
		cfg := config()
		cfg.PublicURL = url
		if v, err := middleware.New(cfg); err == nil || v != nil || !strings.Contains(err.Error(), "middleware: PublicURL "+strconv.Quote(url)) {
			t.Errorf("%s: %v, want a mistake", url, err)
		}
	}
}

func TestNonceSecretsWithAMaxAge(t *testing.T) {
	validator(t, func(cfg *middleware.Config) {
		cfg.PublicURL = audience
		cfg.DPoP.NonceSecrets, cfg.DPoP.NonceMaxAge = [][]byte{[]byte(strings.Repeat("s", 32))}, time.Minute
	})
}
