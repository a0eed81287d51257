package issuers_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

func TestAuth0(t *testing.T) {
	t.Run("the default profile", sheet{
		issuer: issuers.Auth0("example.eu.auth0.com"),
		header: header{"typ": "JWT"},
		good: claims{
			"sub": "auth0|5f7c8ec7", "aud": []string{api, "https://example.eu.auth0.com/userinfo"}, "azp": "my_client_id",
			"scope": "openid profile read:orders", "permissions": []string{"read:orders", "write:orders"}, "gty": "password",
		},
		subject: "auth0|5f7c8ec7", client: "my_client_id", scopes: []string{"read:orders", "write:orders"},
		rows: map[string]row{
			"an ID token":                    {claims: claims{"aud": "my_client_id", "nonce": "n", "permissions": nil, "scope": nil}, want: middleware.ReasonTokenType},
			"an ID token without a nonce":    {claims: claims{"aud": "my_client_id", "permissions": nil, "scope": nil}, want: middleware.ReasonAudience},
			"a token for userinfo alone":     {claims: claims{"aud": "https://example.eu.auth0.com/userinfo"}, want: middleware.ReasonAudience},
			"an API without RBAC":            {claims: claims{"permissions": nil}},
			"another tenant":                 {claims: claims{"iss": "https://evil.eu.auth0.com/"}, want: middleware.ReasonUnknownIssuer},
			"the same tenant's other region": {claims: claims{"iss": "https://example.us.auth0.com/"}, want: middleware.ReasonUnknownIssuer},
			"a tenant's name in a path":      {claims: claims{"iss": "https://evil.example/https://example.eu.auth0.com/"}, want: middleware.ReasonUnknownIssuer},
			"elliptic curves":                {header: header{"alg": "ES256", "kid": "p256"}, want: middleware.ReasonAlgorithm},
		},
	}.run)
	t.Run("the RFC 9068 profile", sheet{
		issuer: issuers.Auth0("login.example.com"),
		header: header{"typ": "at+jwt"},
		good: claims{
			"sub": "client@clients", "aud": api, "client_id": "client", "jti": "1", "scope": "read:orders",
		},
		subject: "client@clients", client: "client", scopes: []string{"read:orders"},
	}.run)
	wrong(t, map[string]middleware.Issuer{
		"domain is empty":                   issuers.Auth0(""),
		`"https://example.auth0.com/": it`:  issuers.Auth0("https://example.auth0.com/"),
		`"example.auth0.com/x": it must be`: issuers.Auth0("example.auth0.com/x"),
		`"example": it must be a bare`:      issuers.Auth0("example"),
	})
}

func TestOkta(t *testing.T) {
	sheet{
		issuer: issuers.Okta("example.okta.com", "default"),
		good: claims{
			"ver": 1, "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE", "aud": api, "cid": "nmdP1fcyvdVO11AL7ECm",
			"uid": "00ujmkLgagxeRrAg20g3", "scp": []string{"openid", "orders:read"}, "sub": "alice@example.com", "groups": []string{"Everyone", "Admins"},
		},
		subject: "alice@example.com", client: "nmdP1fcyvdVO11AL7ECm", scopes: []string{"orders:read"}, roles: []string{"Admins"},
		rows: map[string]row{
			"an ID token": {claims: claims{"aud": "nmdP1fcyvdVO11AL7ECm", "cid": nil, "scp": nil, "nonce": "n"}, want: middleware.ReasonTokenType},
			"an ID token where the API is the client": {claims: claims{"cid": nil, "scp": nil}, want: middleware.ReasonNotAccepted},
			"a token of the org server":               {claims: claims{"iss": "https://example.okta.com"}, want: middleware.ReasonUnknownIssuer},
			"another server of the organization":      {claims: claims{"iss": "https://example.okta.com/oauth2/aus1"}, want: middleware.ReasonUnknownIssuer},
			"the default audience, never assumed":     {claims: claims{"aud": "api://default"}, want: middleware.ReasonAudience},
			"a client's own token":                    {claims: claims{"uid": nil, "sub": "nmdP1fcyvdVO11AL7ECm"}},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{
		"see OktaOrg":                    issuers.Okta("example.okta.com", ""),
		"leave out -admin":               issuers.Okta("example-admin.okta.com", "default"),
		`server is "default/../x"`:       issuers.Okta("example.okta.com", "default/../x"),
		`domain is "example.okta.com:1"`: issuers.Okta("example.okta.com:1", "default"),
	})
}
