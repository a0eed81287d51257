package bindings_test

import (
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// One API may have several public names. A proof may name any of them, and the page of each may send a cookie.
func TestPublicURLs(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.PublicURLs = []string{"https://api.eu.example.com", "https://shop.example.com/api/"}
		cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("session")}
	})
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	for uri, want := range map[string]string{
		testkit.Audience + "/orders":                "200",
		"https://api.eu.example.com/orders":         "200",
		"https://API.EU.example.com:443/orders":     "200",
		"https://shop.example.com/api/orders":       "200",
		"https://shop.example.com/orders":           kit.BadProof,
		"https://api.eu.example.com/api/orders":     kit.BadProof,
		"http://api.eu.example.com/orders":          kit.BadProof,
		"https://eu.example.com/orders":             kit.BadProof,
		"https://api.eu.example.com.evil.ex/orders": kit.BadProof,
	} {
		p := testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"htu": uri}}
		kit.WantServed(t, v.Require(), kit.DPoPRequest(token, p.String()), want, "")
	}
	for origin, want := range map[string]string{
		testkit.Audience: "200", "https://api.eu.example.com": "200", "https://shop.example.com": "200",
		"https://example.com": "403", "http://shop.example.com": "403", "https://evil.example": "403",
	} {
		r := kit.Request(http.MethodPost, http.Header{"Cookie": {"session=" + kit.Mint(kit.GoodClaims(nil))}, "Origin": {origin}})
		if got := kit.Serve(v.Require(), r).String(); got != want {
			t.Errorf("a page of %s: got %s, want %s", origin, got, want)
		}
	}
}
