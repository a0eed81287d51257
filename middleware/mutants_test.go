package middleware_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

func TestSchemesAsLongAsBearer(t *testing.T) {
	token := mint(good(nil))
	v := validator(t, nil)
	for _, scheme := range []string{"Digest", "Tokens", "Bearex", "Hoarer"} {
		if got := serve(v.Require("read"), request("GET", fields("Authorization", scheme+" "+token))).String(); got != "401" {
			t.Errorf("the scheme %s gives %q, want 401 without an error code", scheme, got)
		}
	}
	for _, scheme := range []string{"Basic", "DPop2", "Digest", "Mutual"} {
		if got := reasonOf(t, withDPoP(t, nil).Require(), request("GET", fields("Authorization", scheme+" "+token))); got != middleware.ReasonOtherScheme {
			t.Errorf("the scheme %s beside DPoP: reason is %q", scheme, got)
		}
	}
	got := serve(v.Require("admin"), request("GET", fields("Authorization", "Digest "+token))).Header.Get("WWW-Authenticate")
	if want := `Bearer realm="api", scope="admin"`; got != want {
		t.Errorf("the challenge is %s, want %s: the client must fetch a token anyway", got, want)
	}
}

// An empty token must not pass for no token: an optional Guard would let it in.
func TestBearerAndNothing(t *testing.T) {
	v := validator(t, nil)
	for _, field := range []string{"Bearer", "Bearer ", "Bearer    ", "bearer "} {
		_, err := v.Optional().Authorize(context.Background(), middleware.Credentials{Header: fields("Authorization", field)})
		if e := (*middleware.Error)(nil); !errors.As(err, &e) || e.Reason != middleware.ReasonMalformedRequest {
			t.Errorf("%q gives %v, want a malformed request", field, err)
		}
	}
}

// Bytes are looked at eight at a time, so each of the eight has its row.
func TestBadByteAtEveryPlace(t *testing.T) {
	v := validator(t, nil)
	for place := range 19 {
		token := []byte("0123456789abcdefghi")
		token[place] = '"'
		if got := reasonOf(t, v.Require(), request("GET", fields("Authorization", "Bearer "+string(token)))); got != middleware.ReasonMalformedRequest {
			t.Errorf("a quote as byte %d of a token: reason is %q", place, got)
		}
	}
}

func TestIssuersThatHoldATemplateInPart(t *testing.T) {
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: tenants, Keys: keySet(), AllowTenant: anyTenant}}
	}, func(t *testing.T, v *middleware.Validator) {
		tenant := strings.Repeat("a", 100) // so that no length gives the answer away
		wantAdmitted(t, v, tenantToken(tenant))
		for name, issuer := range map[string]string{"the suffix alone": tenant + "/v2.0", "the prefix alone": "https://login.example.com/" + tenant, "the tenant alone": tenant} {
			t.Run(name, func(t *testing.T) {
				wantRefused(t, v, mint(good(claims{"iss": issuer, "tid": tenant})), badToken, middleware.ReasonUnknownIssuer)
			})
		}
	})
}

// RFC 9396 section 2: without a type nobody knows what a detail grants.
func TestMalformedAuthorizationDetails(t *testing.T) {
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, mintText(withText(good(nil), "authorization_details", `[{"type":"payment","locations":["https://api.example.com"]},{"type":"x"}]`)))
		for name, value := range map[string]string{
			"an object":                `{"type":"payment"}`,
			"text":                     `"payment"`,
			"null":                     `null`,
			"a detail that is text":    `["payment"]`,
			"a detail without a type":  `[{}]`,
			"an empty type":            `[{"type":""}]`,
			"a type that is a number":  `[{"type":1}]`,
			"locations that are text":  `[{"type":"payment","locations":"https://api.example.com"}]`,
			"a location that is none":  `[{"type":"payment","locations":[null]}]`,
			"locations do not mend it": `[{"type":1,"locations":["https://api.example.com"]}]`,
			"a bad one among others":   `[{"type":"payment"},{"type":null}]`,
			"a bad one before others":  `[{"type":null},{"type":"payment"}]`,
		} {
			t.Run(name, func(t *testing.T) {
				wantRefused(t, v, mintText(withText(good(nil), "authorization_details", value)), badToken, middleware.ReasonMalformedClaim)
			})
		}
	})
}

// A mapped name with capitals has lookalikes in small letters.
func TestLookalikesOfMappedClaimsWithCapitals(t *testing.T) {
	change := func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims = middleware.ClaimMapping{Scopes: []string{"X-Scope", "scope"}, Roles: []string{"Groups"}}
	}
	eachWay(t, change, func(t *testing.T, v *middleware.Validator) {
		if got := wantAdmitted(t, v, mint(good(claims{"Groups": []string{"admin"}}))).Roles.String(); got != "admin" {
			t.Errorf("roles are %q", got)
		}
		for _, name := range []string{"groups", "GROUPS", "x-scope", "Scope"} {
			t.Run(name, func(t *testing.T) {
				wantRefused(t, v, mint(good(claims{name: []string{"admin"}})), badToken, middleware.ReasonMalformed)
			})
		}
	})
}

func TestMappedClaimsAreBounded(t *testing.T) {
	names := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("claim-%d", i))
		}
		return list
	}
	compile := func(clientID, role string, scopes ...string) error {
		cfg := config()
		cfg.Issuers[0].Claims = middleware.ClaimMapping{Scopes: scopes, Roles: []string{role}, ClientID: []string{clientID}}
		_, err := middleware.New(cfg)
		return err
	}
	most := 0
	for compile("one", "another", names(most+1)...) == nil {
		if most++; most > 1000 {
			t.Fatal("the number of mapped claims has no bound")
		}
	}
	if err := compile("sub", "claim-0", append(names(most), "one", "another")...); err != nil {
		t.Errorf("a claim that is read already takes no second place: %v", err)
	}
	if err := compile("sub", "/roles~", "scope"); err == nil {
		t.Error("New takes a JSON pointer with an escape that is none (RFC 6901 section 3)")
	}
}

func TestCookiesOfOtherOrigins(t *testing.T) {
	v := withSources(t, middleware.FromCookie("token"))
	cookie := "token=" + mint(good(nil))
	post := func(header http.Header, host string) *http.Request {
		r := request("POST", header)
		r.Host = host
		return r
	}
	for _, row := range []struct {
		name   string
		r      *http.Request
		reason middleware.Reason
	}{
		{"another origin without the cookie has no token, and is told so", post(fields("Sec-Fetch-Site", "cross-site"), "api.example.com"), middleware.ReasonNoToken},
		{"CSRF from an origin of no host, against a request of no host", post(fields("Cookie", cookie, "Origin", "null"), ""), middleware.ReasonCrossOrigin},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := reasonOf(t, v.Require(), row.r); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}

func TestBodiesThatAreNoForm(t *testing.T) {
	v := withSources(t, middleware.FromForm())
	field := "access_token=" + mint(good(nil))
	for _, row := range []struct{ name, contentType, body, want string }{
		{"urlencoded text in plain text's clothes", "text/plain", field, "401"},
		{"a media type whose parameter is malformed", urlencoded + "; charset", field, "401"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := serve(v.Require(), form("POST", row.contentType, row.body, nil)).String(); got != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
		})
	}
	if got := serve(v.Optional(), form("POST", urlencoded, "a=b&%zz=1", nil)).String(); got != "200" {
		t.Errorf("a malformed form without a token gives %s: it is the handler's to judge", got)
	}
}

// An OPTIONS request is a preflight only with both fields (Fetch standard); without, the log must not blame CORS.
func TestWhatIsNoPreflight(t *testing.T) {
	guard := validator(t, nil).Require()
	for name, row := range map[string]struct {
		header http.Header
		want   middleware.Reason
	}{
		"both fields":   {fields("Origin", "https://app.example", "Access-Control-Request-Method", "POST"), middleware.ReasonPreflight},
		"no Origin":     {fields("Access-Control-Request-Method", "POST"), middleware.ReasonNoToken},
		"no wish":       {fields("Origin", "https://app.example"), middleware.ReasonNoToken},
		"neither field": {nil, middleware.ReasonNoToken},
	} {
		if got := reasonOf(t, guard, request(http.MethodOptions, row.header)); got != row.want {
			t.Errorf("%s: reason is %q, want %q", name, got, row.want)
		}
	}
}

func TestRuleThatNamesItsOwnScopes(t *testing.T) {
	rule := func(context.Context, *middleware.Token, middleware.Credentials) error {
		return &middleware.Error{Code: middleware.InvalidToken, Scopes: middleware.SetOf("special")}
	}
	got := serve(validator(t, nil).Require("read").Allow(rule), bearer(mint(good(nil)))).Header.Get("WWW-Authenticate")
	if !strings.HasSuffix(got, `scope="special"`) {
		t.Errorf("the challenge is %s, want the scopes of the rule", got)
	}
}

// A rule sees the certificate that TLS has verified, which is the first: the others are its issuers.
func TestRuleSeesTheClientCertificate(t *testing.T) {
	leaf := &x509.Certificate{Raw: []byte("leaf")}
	var seen *x509.Certificate
	guard := validator(t, nil).Require().Allow(func(_ context.Context, _ *middleware.Token, c middleware.Credentials) error {
		seen = c.Certificate
		return nil
	})
	for name, row := range map[string]struct {
		state *tls.ConnectionState
		want  *x509.Certificate
	}{
		"a chain":                   {&tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf, {Raw: []byte("issuer")}}}, leaf},
		"TLS without a certificate": {&tls.ConnectionState{}, nil},
		"no TLS":                    {nil, nil},
	} {
		r := bearer(mint(good(nil)))
		r.TLS = row.state
		if got := serve(guard, r).String(); got != "200" || seen != row.want {
			t.Errorf("%s: %s, and the rule sees %v", name, got, seen)
		}
	}
}

// Cached means that no signature was computed and no server asked; with both in play, both must have been remembered.
func TestWhatCountsAsCached(t *testing.T) {
	aboutTheCache(t)
	var d middleware.Decision
	server := answering(active(nil))
	v := validator(t, func(cfg *middleware.Config) {
		askingAbout(middleware.VerifyAndIntrospectJWTs, server)(cfg)
		cfg.Observe = observeInto(&d)
	})
	cached := func(token string) bool {
		wantAdmittedOnce(t, v, token)
		return d.Cached
	}
	token := mint(good(nil))
	if cached(token) {
		t.Error("the first sight counts as cached")
	}
	if !cached(token) {
		t.Error("the second sight of token and answer does not count as cached")
	}
	server.response = answering(active(nil)).response
	if cached(token) {
		t.Error("a known token under a new answer counts as cached")
	}
}

func TestTokenForgottenBeforeItsAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d middleware.Decision
		v := validator(t, func(cfg *middleware.Config) {
			askingAbout(middleware.VerifyAndIntrospectJWTs, answering(active(nil)))(cfg)
			cfg.TokenCache.MaxAge = time.Minute
			cfg.Observe = observeInto(&d)
		})
		token := mint(good(nil))
		wantAdmittedOnce(t, v, token)
		time.Sleep(2 * time.Minute) // of the bubble
		wantAdmittedOnce(t, v, token)
		if d.Cached {
			t.Error("a token whose signature was computed again counts as cached")
		}
	})
}

// Two checks that both leave the proof unspent may share a verdict: the second computes no signature.
func TestNestedChecksThatKeepTheProof(t *testing.T) {
	var d middleware.Decision
	guard := withDPoP(t, func(cfg *middleware.Config) { cfg.Observe = observeInto(&d) }).Require()
	token := mint(good(boundTo(edKey())))
	c := middleware.Credentials{Header: dpopRequest(token, proof{key: edKey(), token: token}.String()).Header, Method: "GET", Target: "/orders", KeepProof: true}
	ctx := t.Context()
	for _, nested := range []bool{false, true} {
		var err error
		if ctx, err = guard.Authorize(ctx, c); err != nil || d.Nested != nested {
			t.Errorf("error %v, nested %t, want %t", err, d.Nested, nested)
		}
	}
}

func wantAdmittedOnce(t *testing.T, v *middleware.Validator, token string) {
	t.Helper()
	if got := serve(v.Require(), bearer(token)).String(); got != "200" {
		t.Fatalf("outcome is %q, want 200", got)
	}
}

// What a token says goes to the log cut short, or each garbage token could fill it.
func TestTextFromATokenIsCutForTheLog(t *testing.T) {
	_, err := validator(t, nil).Require().Check(bearer(mint(good(claims{"iss": strings.Repeat("x", 4000)}))))
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("an unknown issuer of 4000 bytes makes an error of %d", len(fmt.Sprint(err)))
	}
}
