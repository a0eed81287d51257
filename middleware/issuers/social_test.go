package issuers_test

import (
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

func TestApple(t *testing.T) {
	sheet{
		issuer: issuers.Apple("com.example.app", "com.example.web"),
		good: claims{
			"aud": "com.example.app", "sub": "000123.abc.0456", "nonce": "n", "nonce_supported": true, "c_hash": "c", "email": "x@privaterelay.appleid.com",
			"email_verified": "true", "is_private_email": "true", "auth_time": 4121000000,
		},
		subject: "000123.abc.0456",
		rows: map[string]row{
			"another app":                     {claims: claims{"aud": "com.evil.app"}, want: middleware.ReasonAudience},
			"another app beside ours":         {claims: claims{"aud": []string{"com.example.app", "com.evil.app"}}, want: middleware.ReasonAudience},
			"an access token":                 {header: header{"typ": "at+jwt"}, want: middleware.ReasonTokenType},
			"a notification of the server":    {claims: claims{"events": `{"type":"consent-revoked"}`, "nonce": nil}, want: middleware.ReasonTokenType},
			"a client secret made by the app": {claims: claims{"iss": "TEAM123456", "aud": "https://appleid.apple.com"}, want: middleware.ReasonUnknownIssuer},
			"nobody":                          {claims: claims{"sub": nil}, want: middleware.ReasonMissingClaim},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{"clientIDs is empty": issuers.Apple()})
}

func TestFacebookLimitedLogin(t *testing.T) {
	sheet{
		issuer: issuers.FacebookLimitedLogin("1234567890"),
		good: claims{
			"iss": "https://www.facebook.com", "aud": "1234567890", "sub": "10222", "nonce": "n", "jti": "j.abc", "email": "a@example.com", "name": "Alice", "user_friends": []string{},
		},
		subject: "10222",
		rows: map[string]row{
			"the older iss": {claims: claims{"iss": "https://facebook.com"}},
			"another app":   {claims: claims{"aud": "666"}, want: middleware.ReasonAudience},
			"scopes":        {claims: claims{"scope": "email"}, want: middleware.ReasonTokenType},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{"appIDs is empty": issuers.FacebookLimitedLogin(), "it must be a number": issuers.FacebookLimitedLogin("myapp")})
}
