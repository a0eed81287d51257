package middleware_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// One API may have several public names. A proof may name any of them, and the page of each may send a cookie.
func TestPublicURLs(t *testing.T) {
	v := withDPoP(t, func(cfg *middleware.Config) {
		cfg.PublicURLs = []string{"https://api.eu.example.com", "https://shop.example.com/api/"}
		cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("session")}
	})
	token := mint(good(boundTo(edKey())))
	for uri, want := range map[string]string{
		audience + "/orders":                        "200",
		"https://api.eu.example.com/orders":         "200",
		"https://API.EU.example.com:443/orders":     "200",
		"https://shop.example.com/api/orders":       "200",
		"https://shop.example.com/orders":           badProof,
		"https://api.eu.example.com/api/orders":     badProof,
		"http://api.eu.example.com/orders":          badProof,
		"https://eu.example.com/orders":             badProof,
		"https://api.eu.example.com.evil.ex/orders": badProof,
	} {
		p := proof{key: edKey(), token: token, claims: claims{"htu": uri}}
		wantServed(t, v.Require(), dpopRequest(token, p.String()), want, "")
	}
	for origin, want := range map[string]string{
		audience: "200", "https://api.eu.example.com": "200", "https://shop.example.com": "200",
		"https://example.com": "403", "http://shop.example.com": "403", "https://evil.example": "403",
	} {
		r := request(http.MethodPost, http.Header{"Cookie": {"session=" + mint(good(nil))}, "Origin": {origin}})
		if got := serve(v.Require(), r).String(); got != want {
			t.Errorf("a page of %s: got %s, want %s", origin, got, want)
		}
	}
}

func TestMistakesInPublicURLs(t *testing.T) {
	for name, row := range map[string]struct {
		first string
		more  []string
		want  string
	}{
		"without PublicURL":   {"", []string{"https://api.example.com"}, "PublicURLs is set without PublicURL"},
		"no address":          {audience, []string{"https://ok.example", "api.example.com"}, `PublicURLs[1] "api.example.com": it must be scheme and host`},
		"a query":             {audience, []string{"https://api.example.org/?a"}, `PublicURLs[0] "https://api.example.org/?a": it must be`},
		"an empty one":        {audience, []string{""}, `PublicURLs[0] "": it must be`},
		"the same twice":      {audience, []string{audience + "/"}, `PublicURLs[0] "` + audience + `/" is named twice`},
		"a name and a secret": {audience, []string{"https://user:secret@api.example.org"}, `PublicURLs[0] "https://xxxxx@api.example.org"`},
	} {
		cfg := config()
		cfg.PublicURL, cfg.PublicURLs = row.first, row.more
		if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: New says %v, want %q", name, err, row.want)
		}
	}
}
