package requests_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A gateway puts its own credential, or leaves the application's, in the Authorization field (RFC 9110 section 11.6.2 leaves schemes to
// whoever accepts them). What is none of ours steps aside for a token in a configured place, and for nothing else.
func TestAuthorizationThatIsSomebodyElses(t *testing.T) {
	token, other := kit.Mint(kit.GoodClaims(nil)), kit.Mint(kit.GoodClaims(kit.Claims{"sub": "user-2"}))
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token"), middleware.FromCookie("session"), middleware.FromForm()}
	})
	for name, row := range map[string]struct {
		lines    []string
		want     string
		optional string // where it differs
	}{
		"Basic, and the token in a field":              {[]string{"Authorization: Basic YWxpY2U6", "X-Token: " + token}, "200", ""},
		"Negotiate, and the token in a cookie":         {[]string{"Authorization: Negotiate YII=", "Cookie: session=" + token}, "200", ""},
		"Token, and the token in a field":              {[]string{"Authorization: Token abc", "X-Token: " + token}, "200", ""},
		"Digest with its list, and the token":          {[]string{`Authorization: Digest username="a", realm="b"`, "X-Token: " + token}, "200", ""},
		"an empty field, and the token in a cookie":    {[]string{"Authorization:", "Cookie: session=" + token}, "200", ""},
		"an empty field alone":                         {[]string{"Authorization:"}, "401", "200"},
		"a list with Bearer, and the token in a field": {[]string{"Authorization: Foo x, Bearer y", "X-Token: " + token}, "401", ""},
		"the same with a tab":                          {[]string{"Authorization: Foo x,Bearer\ty", "X-Token: " + token}, "401", ""},
		"the same with tabs about":                     {[]string{"Authorization: Foo x,\tdpop\t y", "X-Token: " + token}, "401", ""},
		"Basic alone":                                  {[]string{"Authorization: Basic YWxpY2U6"}, "401", ""},
		"Basic, and an empty place":                    {[]string{"Authorization: Basic YWxpY2U6", "X-Token:"}, "401", ""},
		"Basic, and a bad token":                       {[]string{"Authorization: Basic YWxpY2U6", "X-Token: bad"}, "401 invalid_token", ""},
		"Basic, and two tokens": {
			[]string{"Authorization: Basic YWxpY2U6", "X-Token: " + token, "Cookie: session=" + other}, "400 invalid_request", "",
		},
		"DPoP, which is ours and not accepted here": {[]string{"Authorization: DPoP abc", "X-Token: " + token}, "401", ""},
		"a value without a scheme":                  {[]string{"Authorization: " + other, "X-Token: " + token}, "401", ""},
		"a scheme without a value":                  {[]string{"Authorization: Basic", "X-Token: " + token}, "401", ""},
		"a list in which Bearer follows":            {[]string{"Authorization: Basic YWxpY2U6, Bearer " + other, "X-Token: " + token}, "401", ""},
		"a list in which DPoP follows":              {[]string{"Authorization: Basic YWxpY2U6,dpop " + other, "X-Token: " + token}, "401", ""},
		"two fields": {
			[]string{"Authorization: Basic YWxpY2U6", "Authorization: Basic YWxpY2U6", "X-Token: " + token}, "400 invalid_request", "",
		},
		"an empty field and another":            {[]string{"Authorization:", "Authorization: Bearer " + token}, "400 invalid_request", ""},
		"Bearer and nothing, and the token":     {[]string{"Authorization: Bearer ", "X-Token: " + token}, "400 invalid_request", ""},
		"a broken scheme":                       {[]string{"Authorization: Ba(sic x", "X-Token: " + token}, "400 invalid_request", ""},
		"Bearer, and the same token in a field": {[]string{"Authorization: Bearer " + token, "X-Token: " + token}, "400 invalid_request", ""},
		"the same token in two places of ours":  {[]string{"X-Token: " + token, "Cookie: session=" + token}, "200", ""},
		"the same, once with its scheme":        {[]string{"X-Token: Bearer " + token, "Cookie: session=" + token}, "200", ""},
		"two tokens in two places of ours":      {[]string{"X-Token: " + token, "Cookie: session=" + other}, "400 invalid_request", ""},
		"the same token twice in one place":     {[]string{"X-Token: " + token, "X-Token: " + token}, "400 invalid_request", ""},
		"the same, and the cookie of another origin": {
			[]string{"X-Token: " + token, "Cookie: session=" + token, "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: websocket"}, "403",
			"",
		},
		"Basic, and the cookie of another origin": {
			[]string{"Authorization: Basic YWxpY2U6", "Cookie: session=" + token, "Sec-Fetch-Site: cross-site", "Upgrade: websocket"},
			"403", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := kit.Serve(
				v.Require(), kit.ParseRequest(t, append([]string{"GET /orders HTTP/1.1", "Host: api.example.com"}, row.lines...)...),
			).String(); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
			want := row.optional
			if want == "" {
				want = row.want
			}
			if got := kit.Serve(
				v.Optional(), kit.ParseRequest(t, append([]string{"GET /orders HTTP/1.1", "Host: api.example.com"}, row.lines...)...),
			).String(); got != want {
				t.Errorf("on an optional route: got %s, want %s", got, want)
			}
		})
	}
}

// A gateway that moves the Authorization field moves its scheme with it, and puts a token of its own into that place.
func TestIgnoreAuthorization(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(nil))
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.IgnoreAuthorization = true
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Forwarded-Authorization")}
	})
	for name, row := range map[string]struct {
		lines []string
		want  string
	}{
		"the gateway's own token":                   {[]string{"Authorization: Bearer gateway", "X-Forwarded-Authorization: Bearer " + token}, "200"},
		"nothing of the gateway's":                  {[]string{"X-Forwarded-Authorization: bearer " + token}, "200"},
		"two fields of the gateway's":               {[]string{"Authorization: Basic a", "Authorization: b", "X-Forwarded-Authorization: Bearer " + token}, "200"},
		"a good token in the place that is ignored": {[]string{"Authorization: Bearer " + token}, "401"},
		"a bad token":                               {[]string{"Authorization: Bearer " + token, "X-Forwarded-Authorization: Bearer bad"}, "401 invalid_token"},
		"two tokens": {
			[]string{"X-Forwarded-Authorization: Bearer " + token, "X-Forwarded-Authorization: Bearer x"}, "400 invalid_request",
		},
		"nothing else": {[]string{"Authorization: Basic a"}, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := kit.Serve(
				v.Require(), kit.ParseRequest(t, append([]string{"GET /orders HTTP/1.1", "Host: api.example.com"}, row.lines...)...),
			).String(); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
	cfg := kit.Config()
	cfg.IgnoreAuthorization = true
	if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), "IgnoreAuthorization is set without TokenSources") {
		t.Errorf("New says %v", err)
	}
}

// A bound token that a gateway has moved, scheme and all, still needs its proof, and still is no bearer token.
func TestMovedDPoPToken(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.IgnoreAuthorization = true
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Forwarded-Authorization")}
	})
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	send := func(value string, proofs ...string) *http.Request {
		h := http.Header{"X-Forwarded-Authorization": {value}}
		if len(proofs) > 0 {
			h["Dpop"] = proofs
		}
		return kit.Request(http.MethodGet, h)
	}
	fresh := func() string { return testkit.Proof{Key: testkit.EdKey(), Token: token}.String() }
	kit.WantServed(t, v.Require(), send("DPoP "+token, fresh()), "200", "")
	kit.WantServed(t, v.Require(), send("DPoP "+token), kit.BadProof, middleware.ReasonProof)
	kit.WantServed(t, v.Require(), send("Bearer "+token, fresh()), kit.BadToken, middleware.ReasonConfirmation)
	kit.WantServed(t, v.Require(), send(token, fresh()), kit.BadToken, middleware.ReasonConfirmation)
}
