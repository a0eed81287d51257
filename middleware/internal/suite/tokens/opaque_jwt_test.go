package tokens_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
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
	server := kit.Answering(kit.Claims{"active": false})
	kit.WithAndWithoutCache(t, askingAbout(middleware.VerifyJWTs, server), func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil)))
		kit.WantRefused(
			t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), kit.BadToken,
			middleware.ReasonSignature,
		)
		kit.WantRefused(t, v, testkit.Sign(`{"alg":"none"}`, string(testkit.JSON(kit.GoodClaims(nil))), []byte{}), kit.BadToken, middleware.ReasonAlgorithm)
		if n := server.Asked.Load(); n != 0 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}

// That somebody acts for the subject does not go away because the answer does not repeat it.
func TestActorOfAnIntrospectedJWT(t *testing.T) {
	for name, row := range map[string]struct{ jwt, answer, actor string }{
		"the JWT's, of which the answer says nothing": {"agent", "", "agent"},
		"the answer's":         {"", "agent", "agent"},
		"the answer's instead": {"agent", "other", "other"},
		"none":                 {"", "", ""},
	} {
		act := func(sub string) kit.Claims {
			if sub == "" {
				return nil
			}
			return kit.Claims{"act": kit.Claims{"sub": sub}}
		}
		server := kit.Answering(kit.ActiveAnswer(act(row.answer)))
		kit.WithAndWithoutCache(t, askingAbout(middleware.VerifyAndIntrospectJWTs, server), func(t *testing.T, v *middleware.Validator) {
			t.Run(name, func(t *testing.T) {
				token := kit.Mint(kit.GoodClaims(act(row.jwt)))
				if got := kit.WantAdmitted(t, v, token); got.Actor.Subject != row.actor {
					t.Errorf("the actor is %+v, want %q", got.Actor, row.actor)
				}
				if reason := kit.ReasonOf(t, v.Require().Undelegated(), kit.Bearer(token)); (reason == middleware.ReasonActor) != (row.actor != "") {
					t.Errorf("Undelegated refuses for %q", reason)
				}
			})
		})
	}
}

func TestVerifyAndIntrospect(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(kit.Claims{"sub": "of the answer", "scope": "read", "iss": nil, "jti": nil}))
	kit.WithAndWithoutCache(t, askingAbout(middleware.VerifyAndIntrospectJWTs, server), func(t *testing.T, v *middleware.Validator) {
		server.Asked.Store(0)
		token := kit.Mint(kit.GoodClaims(nil))
		got := kit.WantAdmitted(t, v, token)
		if got.Subject != "of the answer" || got.Scopes.String() != "read" {
			t.Errorf("the claims are not those of the answer: %+v", got)
		}
		if got.ID != "token-1" {
			t.Errorf("the answer is silent about jti, and the token is called %q, want what the JWT says", got.ID)
		}
		if got.Opaque {
			t.Error("the token was verified here, so it was not judged by introspection alone")
		}
		if n := server.Asked.Load(); n != 2 {
			t.Errorf("the server was asked %d times for two requests: revocation is judged on each", n)
		}
		if got := kit.Serve(v.Require("write"), kit.Bearer(token)).String(); got != "403 insufficient_scope" {
			t.Errorf("a scope of the JWT alone gives %q", got)
		}

		server.Asked.Store(0) // what is no good here is not shown to the server
		for name, attack := range map[string]hostile{
			"forged":      {token: testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), reason: middleware.ReasonSignature},
			"expired":     {token: kit.Mint(kit.GoodClaims(kit.Claims{"exp": 1})), reason: expired},
			"for another": {token: kit.Mint(kit.GoodClaims(kit.Claims{"aud": "other"})), reason: middleware.ReasonAudience},
			"bound":       {token: kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": "x"}})), reason: middleware.ReasonConfirmation},
			"an ID token": {token: kit.MintTyped("JWT", kit.GoodClaims(kit.Claims{"nonce": "n", "scope": "openid"})), reason: middleware.ReasonTokenType},
		} {
			t.Run(name, func(t *testing.T) { kit.WantRefused(t, v, attack.token, kit.BadToken, attack.reason) })
		}
		if n := server.Asked.Load(); n != 0 {
			t.Errorf("the server was asked %d times about JWTs that are no good", n)
		}
	})
}

func TestAnswerAboutAVerifiedJWT(t *testing.T) {
	for name, row := range map[string]struct {
		server  *kit.CountingIntrospector
		outcome string
		reason  middleware.Reason
	}{
		"revoked":                   {kit.Answering(kit.Claims{"active": false}), kit.BadToken, inactive},
		"the server is down":        {&kit.CountingIntrospector{Err: errors.New("down")}, "503", outage},
		"no answer at all":          {&kit.CountingIntrospector{}, "503", outage},
		"expired by the answer":     {kit.Answering(kit.ActiveAnswer(kit.Claims{"exp": 1})), kit.BadToken, expired},
		"for another API":           {kit.Answering(kit.ActiveAnswer(kit.Claims{"aud": "other"})), kit.BadToken, middleware.ReasonAudience},
		"without audience":          {kit.Answering(kit.ActiveAnswer(kit.Claims{"aud": nil})), kit.BadToken, middleware.ReasonAudience},
		"of another issuer":         {kit.Answering(kit.ActiveAnswer(kit.Claims{"iss": "https://other.example.com"})), kit.BadToken, middleware.ReasonUnknownIssuer},
		"bound, says the answer":    {kit.Answering(kit.ActiveAnswer(kit.Claims{"cnf": kit.Claims{"jkt": "x"}})), kit.BadToken, middleware.ReasonConfirmation},
		"a refresh token, it says":  {kit.Answering(kit.ActiveAnswer(kit.Claims{"token_type": "refresh_token"})), kit.BadToken, middleware.ReasonTokenType},
		"a kind without a name":     {kit.Answering(kit.ActiveAnswer(kit.Claims{"token_type": ""})), kit.BadToken, middleware.ReasonTokenType},
		"DPoP without a key, again": {kit.Answering(kit.ActiveAnswer(kit.Claims{"token_type": "DPoP"})), kit.BadToken, middleware.ReasonConfirmation},
	} {
		t.Run(name, func(t *testing.T) {
			for mode, text := range map[middleware.JWTMode]string{middleware.VerifyAndIntrospectJWTs: "verified", middleware.IntrospectJWTs: "not verified"} {
				t.Run(text, func(t *testing.T) {
					kit.WithAndWithoutCache(t, askingAbout(mode, row.server), func(t *testing.T, v *middleware.Validator) {
						kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(nil)), row.outcome, row.reason)
					})
				})
			}
		})
	}
}

// The token may be in the cache when it is revoked, and when the server fails.
func TestRevocationOfACachedJWT(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(nil))
	good, token := server.Response, kit.Mint(kit.GoodClaims(nil))
	kit.WithAndWithoutCache(t, askingAbout(middleware.VerifyAndIntrospectJWTs, server), func(t *testing.T, v *middleware.Validator) {
		for range 2 {
			server.Response, server.Err = good, nil
			kit.WantAdmitted(t, v, token)
			server.Response = testkit.Must(introspection.ParseResponse([]byte(`{"active":false}`)))
			kit.WantRefused(t, v, token, kit.BadToken, inactive)
			server.Response, server.Err = nil, errors.New("down")
			kit.WantRefused(t, v, token, "503", outage)
		}
		server.Response, server.Err = good, nil
		kit.WantAdmitted(t, v, token)
	})
}

func TestExpiryOfAVerifiedJWTOutlivesTheAnswer(t *testing.T) {
	end := testkit.Now.Add(time.Hour)
	for name, row := range map[string]struct {
		exp  any
		want time.Time
	}{
		"the answer names none":         {nil, end},
		"the answer names a later one":  {end.Add(time.Hour).Unix(), end},
		"the answer names an early one": {end.Add(-time.Minute).Unix(), end.Add(-time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, askingAbout(
				middleware.VerifyAndIntrospectJWTs, kit.Answering(kit.ActiveAnswer(kit.Claims{"exp": row.exp})),
			), func(t *testing.T, v *middleware.Validator) {
				if got := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil))).Expiry; !got.Equal(row.want) {
					t.Errorf("expiry is %v, want %v", got, row.want)
				}
			})
		})
	}
}

func TestIntrospectedJWTs(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(nil))
	kit.WithAndWithoutCache(t, askingAbout(middleware.IntrospectJWTs, server), func(t *testing.T, v *middleware.Validator) {
		if got := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil))); !got.Opaque {
			t.Error("the token was judged by introspection alone")
		}
		kit.WantAdmitted(t, v, kit.OpaqueToken)
		// The server judges the signature, so that one of another algorithm is its business; the form stays ours.
		kit.WantAdmitted(t, v, testkit.Sign(`{"alg":"XX999","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()))
		server.Asked.Store(0)
		for name, attack := range map[string]hostile{
			"another issuer": {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://other.example.com"})), reason: middleware.ReasonUnknownIssuer},
			"no issuer":      {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": nil})), reason: middleware.ReasonMissingClaim},
			"a logout token": {token: kit.MintTyped("logout+jwt", kit.GoodClaims(nil)), reason: middleware.ReasonTokenType},
			"an ID token":    {token: kit.MintTyped("JWT", kit.GoodClaims(kit.Claims{"nonce": "n", "scope": "openid"})), reason: middleware.ReasonTokenType},
			"crit": {
				token:  testkit.Sign(`{"alg":"EdDSA","typ":"at+jwt","crit":["x"]}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
				reason: middleware.ReasonHeader,
			},
			"a duplicate claim": {token: kit.MintText(`{"iss":"` + testkit.Issuer + `","iss":"x"}`), reason: malformed},
		} {
			t.Run(name, func(t *testing.T) { kit.WantRefused(t, v, attack.token, kit.BadToken, attack.reason) })
		}
		if n := server.Asked.Load(); n != 0 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}

// An answer of a server with tenants must name one, or its tokens would pass for those of every tenant.
func TestTenantOfAnAnswer(t *testing.T) {
	allowed := func(_ context.Context, tenant string) bool { return tenant == "acme" }
	for name, row := range map[string]struct {
		answer kit.Claims
		reason middleware.Reason
	}{
		"iss and tid agree":      {kit.Claims{"iss": kit.TenantIssuer("acme"), "tid": "acme"}, ""},
		"no iss":                 {kit.Claims{"iss": nil}, middleware.ReasonTenant},
		"no iss but a tid":       {kit.Claims{"iss": nil, "tid": "acme"}, middleware.ReasonTenant},
		"another tenant":         {kit.Claims{"iss": kit.TenantIssuer("evil"), "tid": "evil"}, middleware.ReasonTenant},
		"iss without tid":        {kit.Claims{"iss": kit.TenantIssuer("acme")}, middleware.ReasonUnknownIssuer},
		"tid of another":         {kit.Claims{"iss": kit.TenantIssuer("acme"), "tid": "evil"}, middleware.ReasonUnknownIssuer},
		"iss of another":         {kit.Claims{"iss": kit.TenantIssuer("evil"), "tid": "acme"}, middleware.ReasonUnknownIssuer},
		"the template as issuer": {kit.Claims{"iss": kit.TenantsURL, "tid": "{tenantid}"}, middleware.ReasonUnknownIssuer},
	} {
		t.Run(name, func(t *testing.T) {
			server := kit.Answering(kit.ActiveAnswer(row.answer))
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
				cfg.Issuers = []middleware.Issuer{{URL: kit.TenantsURL, Keys: testkit.KeySet(), AllowTenant: allowed, Introspector: server}}
			}, func(t *testing.T, v *middleware.Validator) {
				kit.WantOutcome(t, v, kit.OpaqueToken, row.reason)
			})
		})
	}
	t.Run("a verified JWT lends its issuer to an answer without one", func(t *testing.T) {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			cfg.Issuers = []middleware.Issuer{
				{
					URL: kit.TenantsURL, Keys: testkit.KeySet(), AllowTenant: allowed,
					Introspector: kit.Answering(kit.ActiveAnswer(kit.Claims{"iss": nil})), JWTs: middleware.VerifyAndIntrospectJWTs,
				},
			}
		}, func(t *testing.T, v *middleware.Validator) {
			if got := kit.WantAdmitted(t, v, kit.TenantToken("acme")).Issuer; got != kit.TenantIssuer("acme") {
				t.Errorf("issuer is %q", got)
			}
			kit.WantRefused(t, v, kit.TenantToken("evil"), kit.BadToken, middleware.ReasonTenant)
		})
	})
}

// One Response for two tokens, as an Introspector of one's own may give: each token keeps its own issuer and expiry.
func TestOneResponseForTwoTokens(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(kit.Claims{"iss": nil, "exp": nil}))
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		askingAbout(middleware.VerifyAndIntrospectJWTs, server)(cfg)
		cfg.Issuers[0].Aliases = []string{"https://alias.example.com"}
	}, func(t *testing.T, v *middleware.Validator) {
		for range 2 {
			long := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil)))
			short := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://alias.example.com", "exp": testkit.Now.Add(time.Minute).Unix()})))
			if long.Issuer != testkit.Issuer || short.Issuer != "https://alias.example.com" || !short.Expiry.Equal(testkit.Now.Add(time.Minute)) {
				t.Errorf("tokens are %+v and %+v", long, short)
			}
		}
	})
}
