package tokens_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// OpenID Connect Core section 2 defines nonce for ID tokens; Keycloak before 25 and Azure AD B2C copy it into access tokens.
func TestNonceInAnAccessToken(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			changes kit.Claims
			reason  middleware.Reason
		}{
			"granted scopes":                                {kit.Claims{"scope": "openid orders:read"}, ""},
			"granted scopes in scp":                         {kit.Claims{"scope": nil, "scp": "orders:read", "azp": "c1", "tfp": "B2C_1_main"}, ""},
			"granted scopes in an array":                    {kit.Claims{"scope": nil, "scp": []string{"openid", "orders:read"}}, ""},
			"payload typ Bearer":                            {kit.Claims{"scope": "openid", "typ": "Bearer"}, ""},
			"payload typ DPoP":                              {kit.Claims{"scope": nil, "typ": "DPoP"}, ""},
			"token_use access":                              {kit.Claims{"scope": nil, "token_use": "access"}, ""},
			"its own client id in aud, but token_use":       {kit.Claims{"aud": []string{testkit.Audience, "client-1"}, "token_use": "access"}, ""},
			"no scope":                                      {kit.Claims{"scope": nil}, middleware.ReasonTokenType},
			"an empty scope":                                {kit.Claims{"scope": ""}, middleware.ReasonTokenType},
			"identity scopes alone":                         {kit.Claims{"scope": "openid profile email address phone offline_access"}, middleware.ReasonTokenType},
			"scopes that nobody reads":                      {kit.Claims{"scope": "openid", "scp": "orders:read"}, middleware.ReasonTokenType},
			"scopes of the wrong type":                      {kit.Claims{"scope": 1}, middleware.ReasonTokenType},
			"its own client id in aud, whatever the scopes": {kit.Claims{"aud": []string{testkit.Audience, "client-1"}}, middleware.ReasonTokenType},
			"its own client id in aud, named by azp": {
				kit.Claims{"client_id": nil, "azp": "web", "aud": []string{testkit.Audience, "web"}}, middleware.ReasonTokenType,
			},
			"at_hash beside it":                            {kit.Claims{"at_hash": "h"}, middleware.ReasonTokenType},
			"a payload typ that says nothing":              {kit.Claims{"scope": nil, "typ": "anything"}, middleware.ReasonTokenType},
			"payload typ ID":                               {kit.Claims{"typ": "ID"}, middleware.ReasonTokenType},
			"token_use id":                                 {kit.Claims{"token_use": "id"}, middleware.ReasonTokenType},
			"an ID token of a server that writes scopes":   {kit.Claims{"client_id": nil, "scope": "openid orders:read"}, middleware.ReasonTokenType},
			"a client id that cannot be read":              {kit.Claims{"client_id": 1, "azp": []string{"web"}}, middleware.ReasonTokenType},
			"an empty client id, and an empty name in aud": {kit.Claims{"client_id": "", "aud": []string{testkit.Audience, ""}}, middleware.ReasonTokenType},
			"another client id, and an empty name in aud":  {kit.Claims{"aud": []string{testkit.Audience, ""}}, ""},
			"no client id, but token_use":                  {kit.Claims{"client_id": nil, "token_use": "access"}, ""},
			"a scope that is no text":                      {kit.Claims{"scope": []any{"orders:read", 1}}, middleware.ReasonTokenType},
			"an aud that cannot be read":                   {kit.Claims{"aud": 1}, middleware.ReasonTokenType},
		} {
			t.Run(name, func(t *testing.T) {
				c := kit.GoodClaims(kit.Claims{"nonce": "n"})
				for claim, value := range row.changes {
					if c[claim] = value; value == nil {
						delete(c, claim)
					}
				}
				kit.WantOutcome(t, v, kit.MintTyped("JWT", c), row.reason)
				kit.WantOutcome(t, v, kit.MintTyped("", c), row.reason)
			})
		}
		null := kit.WithJSON(kit.GoodClaims(kit.Claims{"scope": nil}), "nonce", "null")
		kit.WantAdmitted(t, v, testkit.Sign(`{"alg":"EdDSA","kid":"ed"}`, null, testkit.EdKey())) // null is absent
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"nonce": "n", "scope": nil})))  // at+jwt is taken at its word
	})
}

// idShapes are tokens that name no audience of this API. RFC 8725 section 3.12: rules for different kinds of token must exclude
// each other, and an ID token of the code flow need carry no mark but its aud (OpenID Connect Core sections 2 and 3.1.3.6).
var idShapes = map[string]struct {
	changes kit.Claims
	idToken bool
}{
	"an ID token of an allowed client":               {kit.Claims{"aud": "client-1", "azp": "client-1", "client_id": nil, "scope": nil}, true},
	"the same with aud as an array":                  {kit.Claims{"aud": []string{"client-1"}, "azp": "client-1", "client_id": nil, "scope": nil}, true},
	"the same among other audiences":                 {kit.Claims{"aud": []string{"other", "client-1"}, "azp": "client-1", "client_id": nil, "scope": nil}, true},
	"the same with client_id":                        {kit.Claims{"aud": "client-1", "scope": nil}, true},
	"the same with identity scopes":                  {kit.Claims{"aud": "client-1", "scope": "openid profile email"}, true},
	"for another of the allowed clients":             {kit.Claims{"aud": "client-2", "scope": nil}, true},
	"a payload typ that says nothing":                {kit.Claims{"aud": "client-1", "scope": nil, "typ": "JWT"}, true},
	"an access token without aud":                    {kit.Claims{"aud": nil, "scope": nil}, false},
	"an access token for something else":             {kit.Claims{"aud": "https://other.example.com", "scope": nil}, false},
	"its client id in aud, and granted scopes":       {kit.Claims{"aud": "client-1"}, false},
	"its client id in aud, and token_use":            {kit.Claims{"aud": "client-1", "scope": nil, "token_use": "access"}, false},
	"its client id in aud, and payload typ Bearer":   {kit.Claims{"aud": "client-1", "scope": nil, "typ": "Bearer"}, false},
	"its client id in aud, and scopes in an array":   {kit.Claims{"aud": "client-1", "scope": nil, "scp": []string{"x"}}, false},
	"its client id in another case is somebody else": {kit.Claims{"aud": "CLIENT-1", "scope": nil}, false},
}

func TestIDTokensWhereNoAudienceSpeaks(t *testing.T) {
	for name, change := range map[string]func(*middleware.Issuer){
		"AllowedClients":        func(i *middleware.Issuer) { i.AllowedClients = []string{"client-1", "client-2"} },
		"DangerouslyNoAudience": func(i *middleware.Issuer) { i.DangerouslyNoAudience = true },
	} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { change(&cfg.Issuers[0]) }, func(t *testing.T, v *middleware.Validator) {
			for shape, row := range idShapes {
				want := middleware.Reason("")
				if row.idToken && (name == "AllowedClients" || shape != "for another of the allowed clients") {
					want = middleware.ReasonTokenType
				}
				t.Run(name+": "+shape, func(t *testing.T) {
					kit.WantOutcome(t, v, kit.MintTyped("JWT", kit.GoodClaims(row.changes)), want)
					kit.WantOutcome(t, v, kit.MintTyped("", kit.GoodClaims(row.changes)), want)
					kit.WantOutcome(t, v, kit.Mint(kit.GoodClaims(row.changes)), "") // at+jwt is taken at its word
				})
			}
		})
	}
}

// The same rule where the server is asked about a JWT. Its token_type is evidence as well, and an opaque token is no ID token.
func TestIntrospectedIDTokensWhereNoAudienceSpeaks(t *testing.T) {
	for mode, jwts := range map[string]middleware.JWTMode{
		"IntrospectJWTs": middleware.IntrospectJWTs, "VerifyAndIntrospectJWTs": middleware.VerifyAndIntrospectJWTs,
	} {
		for shape, row := range idShapes {
			for _, tokenType := range []any{nil, "Bearer", "DPoP"} {
				answer := kit.ActiveAnswer(row.changes)
				answer["token_type"] = tokenType
				if tokenType == nil {
					delete(answer, "token_type")
				}
				if tokenType == "DPoP" {
					answer["cnf"] = kit.Claims{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}
				}
				kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
					i := &cfg.Issuers[0]
					i.AllowedClients, i.JWTs, i.Introspector = []string{"client-1", "client-2"}, jwts, kit.Answering(answer)
					if jwts == middleware.IntrospectJWTs {
						i.Keys = nil
					}
				}, func(t *testing.T, v *middleware.Validator) {
					want := middleware.Reason("")
					switch {
					case tokenType == "DPoP":
						want = middleware.ReasonConfirmation // it is bound, and no proof can be judged here: the kind was judged before
					case tokenType == nil && row.changes["token_use"] == nil && row.changes["typ"] != "Bearer":
						want = middleware.ReasonTokenType // a refresh token is called active as well
					}
					t.Run(mode+": "+shape, func(t *testing.T) {
						kit.WantOutcome(t, v, kit.MintTyped("JWT", kit.GoodClaims(row.changes)), want)
						kit.WantOutcome(t, v, "opaque-token", want)
						if tokenType == nil {
							kit.WantOutcome(t, v, kit.Mint(kit.GoodClaims(row.changes)), "") // the server vouches for the typ as well
						}
					})
				})
			}
		}
	}
}

// DangerouslyUntypedAnswers lets answers pass that name no kind. An ID token is told by its shape all the same.
func TestUntypedAnswersWhereTheIssuerSaysSo(t *testing.T) {
	for shape, row := range idShapes {
		answer := kit.ActiveAnswer(row.changes)
		delete(answer, "token_type")
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			i := &cfg.Issuers[0]
			i.AllowedClients, i.JWTs, i.Introspector, i.Keys = []string{"client-1", "client-2"}, middleware.IntrospectJWTs, kit.Answering(answer), nil
			i.DangerouslyUntypedAnswers = true
		}, func(t *testing.T, v *middleware.Validator) {
			t.Run(shape, func(t *testing.T) {
				kit.WantOutcome(t, v, "opaque-token", "") // no ID token is opaque
				want := middleware.Reason("")
				if row.idToken {
					want = middleware.ReasonTokenType
				}
				kit.WantOutcome(t, v, kit.MintTyped("JWT", kit.GoodClaims(row.changes)), want)
			})
		})
	}
}
