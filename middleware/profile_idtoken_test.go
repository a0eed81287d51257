package middleware_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// OpenID Connect Core section 2 defines nonce for ID tokens; Keycloak before 25 and Azure AD B2C copy it into access tokens.
func TestNonceInAnAccessToken(t *testing.T) {
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			changes claims
			reason  middleware.Reason
		}{
			"granted scopes":                                {claims{"scope": "openid orders:read"}, ""},
			"granted scopes in scp":                         {claims{"scope": nil, "scp": "orders:read", "azp": "c1", "tfp": "B2C_1_main"}, ""},
			"granted scopes in an array":                    {claims{"scope": nil, "scp": []string{"openid", "orders:read"}}, ""},
			"payload typ Bearer":                            {claims{"scope": "openid", "typ": "Bearer"}, ""},
			"payload typ DPoP":                              {claims{"scope": nil, "typ": "DPoP"}, ""},
			"token_use access":                              {claims{"scope": nil, "token_use": "access"}, ""},
			"its own client id in aud, but token_use":       {claims{"aud": []string{audience, "client-1"}, "token_use": "access"}, ""},
			"no scope":                                      {claims{"scope": nil}, middleware.ReasonTokenType},
			"an empty scope":                                {claims{"scope": ""}, middleware.ReasonTokenType},
			"identity scopes alone":                         {claims{"scope": "openid profile email address phone offline_access"}, middleware.ReasonTokenType},
			"scopes that nobody reads":                      {claims{"scope": "openid", "scp": "orders:read"}, middleware.ReasonTokenType},
			"scopes of the wrong type":                      {claims{"scope": 1}, middleware.ReasonTokenType},
			"its own client id in aud, whatever the scopes": {claims{"aud": []string{audience, "client-1"}}, middleware.ReasonTokenType},
			"its own client id in aud, named by azp":        {claims{"client_id": nil, "azp": "web", "aud": []string{audience, "web"}}, middleware.ReasonTokenType},
			"at_hash beside it":                             {claims{"at_hash": "h"}, middleware.ReasonTokenType},
			"a payload typ that says nothing":               {claims{"scope": nil, "typ": "anything"}, middleware.ReasonTokenType},
			"payload typ ID":                                {claims{"typ": "ID"}, middleware.ReasonTokenType},
			"token_use id":                                  {claims{"token_use": "id"}, middleware.ReasonTokenType},
			"no client id, and an empty name in aud":        {claims{"client_id": nil, "aud": []string{audience, ""}}, ""},
			"a scope that is no text":                       {claims{"scope": []any{"orders:read", 1}}, middleware.ReasonTokenType},
			"an aud that cannot be read":                    {claims{"aud": 1}, middleware.ReasonTokenType},
		} {
			t.Run(name, func(t *testing.T) {
				c := good(claims{"nonce": "n"})
				for claim, value := range row.changes {
					if c[claim] = value; value == nil {
						delete(c, claim)
					}
				}
				wantOutcome(t, v, mintAs("JWT", c), row.reason)
				wantOutcome(t, v, mintAs("", c), row.reason)
			})
		}
		null := withText(good(claims{"scope": nil}), "nonce", "null")
		wantAdmitted(t, v, sign(`{"alg":"EdDSA","kid":"ed"}`, null, edKey())) // null is absent
		wantAdmitted(t, v, mint(good(claims{"nonce": "n", "scope": nil})))    // at+jwt is taken at its word
	})
}

// idShapes are tokens that name no audience of this API. RFC 8725 section 3.12: rules for different kinds of token must exclude
// each other, and an ID token of the code flow need carry no mark but its aud (OpenID Connect Core sections 2 and 3.1.3.6).
var idShapes = map[string]struct {
	changes claims
	idToken bool
}{
	"an ID token of an allowed client":               {claims{"aud": "client-1", "azp": "client-1", "client_id": nil, "scope": nil}, true},
	"the same with aud as an array":                  {claims{"aud": []string{"client-1"}, "azp": "client-1", "client_id": nil, "scope": nil}, true},
	"the same among other audiences":                 {claims{"aud": []string{"other", "client-1"}, "azp": "client-1", "client_id": nil, "scope": nil}, true},
	"the same with client_id":                        {claims{"aud": "client-1", "scope": nil}, true},
	"the same with identity scopes":                  {claims{"aud": "client-1", "scope": "openid profile email"}, true},
	"for another of the allowed clients":             {claims{"aud": "client-2", "scope": nil}, true},
	"a payload typ that says nothing":                {claims{"aud": "client-1", "scope": nil, "typ": "JWT"}, true},
	"an access token without aud":                    {claims{"aud": nil, "scope": nil}, false},
	"an access token for something else":             {claims{"aud": "https://other.example.com", "scope": nil}, false},
	"its client id in aud, and granted scopes":       {claims{"aud": "client-1"}, false},
	"its client id in aud, and token_use":            {claims{"aud": "client-1", "scope": nil, "token_use": "access"}, false},
	"its client id in aud, and payload typ Bearer":   {claims{"aud": "client-1", "scope": nil, "typ": "Bearer"}, false},
	"its client id in aud, and scopes in an array":   {claims{"aud": "client-1", "scope": nil, "scp": []string{"x"}}, false},
	"its client id in another case is somebody else": {claims{"aud": "CLIENT-1", "scope": nil}, false},
}

func TestIDTokensWhereNoAudienceSpeaks(t *testing.T) {
	for name, change := range map[string]func(*middleware.Issuer){
		"AllowedClients":        func(i *middleware.Issuer) { i.AllowedClients = []string{"client-1", "client-2"} },
		"DangerouslyNoAudience": func(i *middleware.Issuer) { i.DangerouslyNoAudience = true },
	} {
		eachWay(t, func(cfg *middleware.Config) { change(&cfg.Issuers[0]) }, func(t *testing.T, v *middleware.Validator) {
			for shape, row := range idShapes {
				want := middleware.Reason("")
				if row.idToken && (name == "AllowedClients" || shape != "for another of the allowed clients") {
					want = middleware.ReasonTokenType
				}
				t.Run(name+": "+shape, func(t *testing.T) {
					wantOutcome(t, v, mintAs("JWT", good(row.changes)), want)
					wantOutcome(t, v, mintAs("", good(row.changes)), want)
					wantOutcome(t, v, mint(good(row.changes)), "") // at+jwt is taken at its word
				})
			}
		})
	}
}

// The same rule where the server is asked about a JWT. Its token_type is evidence as well, and an opaque token is no ID token.
func TestIntrospectedIDTokensWhereNoAudienceSpeaks(t *testing.T) {
	for mode, jwts := range map[string]middleware.JWTMode{"IntrospectJWTs": middleware.IntrospectJWTs, "VerifyAndIntrospectJWTs": middleware.VerifyAndIntrospectJWTs} {
		for shape, row := range idShapes {
			for _, tokenType := range []any{nil, "Bearer", "DPoP"} {
				answer := active(row.changes)
				answer["token_type"] = tokenType
				if tokenType == nil {
					delete(answer, "token_type")
				}
				if tokenType == "DPoP" {
					answer["cnf"] = claims{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}
				}
				eachWay(t, func(cfg *middleware.Config) {
					i := &cfg.Issuers[0]
					i.AllowedClients, i.JWTs, i.Introspector = []string{"client-1", "client-2"}, jwts, answering(answer)
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
						wantOutcome(t, v, mintAs("JWT", good(row.changes)), want)
						wantOutcome(t, v, "opaque-token", want)
						if tokenType == nil {
							wantOutcome(t, v, mint(good(row.changes)), "") // the server vouches for the typ as well
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
		answer := active(row.changes)
		delete(answer, "token_type")
		eachWay(t, func(cfg *middleware.Config) {
			i := &cfg.Issuers[0]
			i.AllowedClients, i.JWTs, i.Introspector, i.Keys = []string{"client-1", "client-2"}, middleware.IntrospectJWTs, answering(answer), nil
			i.DangerouslyUntypedAnswers = true
		}, func(t *testing.T, v *middleware.Validator) {
			t.Run(shape, func(t *testing.T) {
				wantOutcome(t, v, "opaque-token", "") // no ID token is opaque
				want := middleware.Reason("")
				if row.idToken {
					want = middleware.ReasonTokenType
				}
				wantOutcome(t, v, mintAs("JWT", good(row.changes)), want)
			})
		})
	}
}
