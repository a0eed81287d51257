package middleware_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

func askingAbout(mode middleware.JWTMode, server middleware.Introspector) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = mode, server
		if mode == middleware.IntrospectJWTs {
			cfg.Issuers[0].Keys = nil
		}
	}
}

func TestVerifiedJWTsAreNotIntrospected(t *testing.T) {
	server := answering(claims{"active": false})
	eachWay(t, askingAbout(middleware.VerifyJWTs, server), func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, mint(good(nil)))
		wantRefused(t, v, sign(edHeader, string(toJSON(good(nil))), strangeKey()), badToken, middleware.ReasonSignature)
		wantRefused(t, v, sign(`{"alg":"none"}`, string(toJSON(good(nil))), []byte{}), badToken, middleware.ReasonAlgorithm)
		if n := server.asked.Load(); n != 0 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}

func TestVerifyAndIntrospect(t *testing.T) {
	server := answering(active(claims{"sub": "of the answer", "scope": "read", "iss": nil, "jti": nil}))
	eachWay(t, askingAbout(middleware.VerifyAndIntrospectJWTs, server), func(t *testing.T, v *middleware.Validator) {
		server.asked.Store(0)
		token := mint(good(nil))
		got := wantAdmitted(t, v, token)
		if got.Subject != "of the answer" || got.Scopes.String() != "read" || got.ID != "" {
			t.Errorf("the claims are not those of the answer: %+v", got)
		}
		if got.Opaque {
			t.Error("the token was verified here, so it was not judged by introspection alone")
		}
		if n := server.asked.Load(); n != 2 {
			t.Errorf("the server was asked %d times for two requests: revocation is judged on each", n)
		}
		if got := serve(v.Require("write"), bearer(token)).String(); got != "403 insufficient_scope" {
			t.Errorf("a scope of the JWT alone gives %q", got)
		}

		server.asked.Store(0) // what is no good here is not shown to the server
		for name, attack := range map[string]hostile{
			"forged":      {token: sign(edHeader, string(toJSON(good(nil))), strangeKey()), reason: middleware.ReasonSignature},
			"expired":     {token: mint(good(claims{"exp": 1})), reason: expired},
			"for another": {token: mint(good(claims{"aud": "other"})), reason: middleware.ReasonAudience},
			"bound":       {token: mint(good(claims{"cnf": claims{"jkt": "x"}})), reason: middleware.ReasonConfirmation},
			"an ID token": {token: mintAs("JWT", good(claims{"nonce": "n", "scope": "openid"})), reason: middleware.ReasonTokenType},
		} {
			t.Run(name, func(t *testing.T) { wantRefused(t, v, attack.token, badToken, attack.reason) })
		}
		if n := server.asked.Load(); n != 0 {
			t.Errorf("the server was asked %d times about JWTs that are no good", n)
		}
	})
}

func TestAnswerAboutAVerifiedJWT(t *testing.T) {
	for name, row := range map[string]struct {
		server  *introspector
		outcome string
		reason  middleware.Reason
	}{
		"revoked":                   {answering(claims{"active": false}), badToken, inactive},
		"the server is down":        {&introspector{err: errors.New("down")}, "503", outage},
		"no answer at all":          {&introspector{}, "503", outage},
		"expired by the answer":     {answering(active(claims{"exp": 1})), badToken, expired},
		"for another API":           {answering(active(claims{"aud": "other"})), badToken, middleware.ReasonAudience},
		"without audience":          {answering(active(claims{"aud": nil})), badToken, middleware.ReasonAudience},
		"of another issuer":         {answering(active(claims{"iss": "https://other.example.com"})), badToken, middleware.ReasonUnknownIssuer},
		"bound, says the answer":    {answering(active(claims{"cnf": claims{"jkt": "x"}})), badToken, middleware.ReasonConfirmation},
		"a refresh token, it says":  {answering(active(claims{"token_type": "refresh_token"})), badToken, middleware.ReasonTokenType},
		"a kind without a name":     {answering(active(claims{"token_type": ""})), badToken, middleware.ReasonTokenType},
		"DPoP without a key, again": {answering(active(claims{"token_type": "DPoP"})), badToken, middleware.ReasonConfirmation},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, text := range map[middleware.JWTMode]string{middleware.VerifyAndIntrospectJWTs: "verified", middleware.IntrospectJWTs: "not verified"} {
				t.Run(text, func(t *testing.T) {
					eachWay(t, askingAbout(mode, row.server), func(t *testing.T, v *middleware.Validator) {
						wantRefused(t, v, mint(good(nil)), row.outcome, row.reason)
					})
				})
			}
		})
	}
}

// The token may be in the cache when it is revoked, and when the server fails.
func TestRevocationOfACachedJWT(t *testing.T) {
	server := answering(active(nil))
	good, token := server.response, mint(good(nil))
	eachWay(t, askingAbout(middleware.VerifyAndIntrospectJWTs, server), func(t *testing.T, v *middleware.Validator) {
		for range 2 {
			server.response, server.err = good, nil
			wantAdmitted(t, v, token)
			server.response = must(introspection.ParseResponse([]byte(`{"active":false}`)))
			wantRefused(t, v, token, badToken, inactive)
			server.response, server.err = nil, errors.New("down")
			wantRefused(t, v, token, "503", outage)
		}
		server.response, server.err = good, nil
		wantAdmitted(t, v, token)
	})
}

func TestExpiryOfAVerifiedJWTOutlivesTheAnswer(t *testing.T) {
	end := now.Add(time.Hour)
	for name, row := range map[string]struct {
		exp  any
		want time.Time
	}{
		"the answer names none":         {nil, end},
		"the answer names a later one":  {end.Add(time.Hour).Unix(), end},
		"the answer names an early one": {end.Add(-time.Minute).Unix(), end.Add(-time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, askingAbout(middleware.VerifyAndIntrospectJWTs, answering(active(claims{"exp": row.exp}))), func(t *testing.T, v *middleware.Validator) {
				if got := wantAdmitted(t, v, mint(good(nil))).Expiry; !got.Equal(row.want) {
					t.Errorf("expiry is %v, want %v", got, row.want)
				}
			})
		})
	}
}

func TestIntrospectedJWTs(t *testing.T) {
	server := answering(active(nil))
	eachWay(t, askingAbout(middleware.IntrospectJWTs, server), func(t *testing.T, v *middleware.Validator) {
		if got := wantAdmitted(t, v, mint(good(nil))); !got.Opaque {
			t.Error("the token was judged by introspection alone")
		}
		wantAdmitted(t, v, opaque)
		// The server judges the signature, so that one of another algorithm is its business; the form stays ours.
		wantAdmitted(t, v, sign(`{"alg":"XX999","typ":"at+jwt"}`, string(toJSON(good(nil))), edKey()))
		server.asked.Store(0)
		for name, attack := range map[string]hostile{
			"another issuer":    {token: mint(good(claims{"iss": "https://other.example.com"})), reason: middleware.ReasonUnknownIssuer},
			"no issuer":         {token: mint(good(claims{"iss": nil})), reason: middleware.ReasonMissingClaim},
			"a logout token":    {token: mintAs("logout+jwt", good(nil)), reason: middleware.ReasonTokenType},
			"an ID token":       {token: mintAs("JWT", good(claims{"nonce": "n", "scope": "openid"})), reason: middleware.ReasonTokenType},
			"crit":              {token: sign(`{"alg":"EdDSA","typ":"at+jwt","crit":["x"]}`, string(toJSON(good(nil))), edKey()), reason: middleware.ReasonHeader},
			"a duplicate claim": {token: mintText(`{"iss":"` + issuer + `","iss":"x"}`), reason: malformed},
		} {
			t.Run(name, func(t *testing.T) { wantRefused(t, v, attack.token, badToken, attack.reason) })
		}
		if n := server.asked.Load(); n != 0 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}

// An answer of a server with tenants must name one, or its tokens would pass for those of every tenant.
func TestTenantOfAnAnswer(t *testing.T) {
	allowed := func(_ context.Context, tenant string) bool { return tenant == "acme" }
	for name, row := range map[string]struct {
		answer claims
		reason middleware.Reason
	}{
		"iss and tid agree":      {claims{"iss": tenantIssuer("acme"), "tid": "acme"}, ""},
		"no iss":                 {claims{"iss": nil}, middleware.ReasonTenant},
		"no iss but a tid":       {claims{"iss": nil, "tid": "acme"}, middleware.ReasonTenant},
		"another tenant":         {claims{"iss": tenantIssuer("evil"), "tid": "evil"}, middleware.ReasonTenant},
		"iss without tid":        {claims{"iss": tenantIssuer("acme")}, middleware.ReasonUnknownIssuer},
		"tid of another":         {claims{"iss": tenantIssuer("acme"), "tid": "evil"}, middleware.ReasonUnknownIssuer},
		"iss of another":         {claims{"iss": tenantIssuer("evil"), "tid": "acme"}, middleware.ReasonUnknownIssuer},
		"the template as issuer": {claims{"iss": tenants, "tid": "{tenantid}"}, middleware.ReasonUnknownIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			server := answering(active(row.answer))
			eachWay(t, func(cfg *middleware.Config) {
				cfg.Issuers = []middleware.Issuer{{URL: tenants, Keys: keySet(), AllowTenant: allowed, Introspector: server}}
			}, func(t *testing.T, v *middleware.Validator) {
				wantOutcome(t, v, opaque, row.reason)
			})
		})
	}
	t.Run("a verified JWT lends its issuer to an answer without one", func(t *testing.T) {
		eachWay(t, func(cfg *middleware.Config) {
			cfg.Issuers = []middleware.Issuer{{URL: tenants, Keys: keySet(), AllowTenant: allowed, Introspector: answering(active(claims{"iss": nil})), JWTs: middleware.VerifyAndIntrospectJWTs}}
		}, func(t *testing.T, v *middleware.Validator) {
			if got := wantAdmitted(t, v, tenantToken("acme")).Issuer; got != tenantIssuer("acme") {
				t.Errorf("issuer is %q", got)
			}
			wantRefused(t, v, tenantToken("evil"), badToken, middleware.ReasonTenant)
		})
	})
}

// One Response for two tokens, as an Introspector of one's own may give: each token keeps its own issuer and expiry.
func TestOneResponseForTwoTokens(t *testing.T) {
	server := answering(active(claims{"iss": nil, "exp": nil}))
	eachWay(t, func(cfg *middleware.Config) {
		askingAbout(middleware.VerifyAndIntrospectJWTs, server)(cfg)
		cfg.Issuers[0].Aliases = []string{"https://alias.example.com"}
	}, func(t *testing.T, v *middleware.Validator) {
		for range 2 {
			long := wantAdmitted(t, v, mint(good(nil)))
			short := wantAdmitted(t, v, mint(good(claims{"iss": "https://alias.example.com", "exp": now.Add(time.Minute).Unix()})))
			if long.Issuer != issuer || short.Issuer != "https://alias.example.com" || !short.Expiry.Equal(now.Add(time.Minute)) {
				t.Errorf("tokens are %+v and %+v", long, short)
			}
		}
	})
}
