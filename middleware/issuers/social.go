package issuers

import "github.com/cardea-auth/cardea/middleware"

// Apple is Sign in with Apple: ID tokens as the credential. clientIDs are bundle ids of apps and Services IDs of web sites.
//
// It relies on aud. Refused are logins at other apps and whatever is no ID token. email may be a relay address, and email_verified text.
//
// That the nonce is the one that was asked for is the client's to check. Whether the user has withdrawn consent since is not seen.
func Apple(clientIDs ...string) middleware.Issuer {
	a := argumentsOf("Apple")
	a.list("clientIDs", clientIDs, "your bundle ids and Services IDs")
	return a.issue(middleware.Issuer{
		URL:        "https://appleid.apple.com",
		JWKSURI:    "https://appleid.apple.com/auth/keys",
		Audiences:  clientIDs,
		Profile:    middleware.IDToken,
		Algorithms: []string{"RS256"},
	})
}

// FacebookLimitedLogin is the ID token of Facebook's Limited Login on iOS. appIDs are the ids of your apps. Facebook's access tokens are
// opaque, see [FacebookAccessTokens].
//
// It relies on aud. Refused are logins at other apps and whatever is no ID token.
//
// Not known for certain: the address of the keys (www.facebook.com and limited.facebook.com are both seen), and whether iss may still lack www,
// which is taken. That the nonce is the one that was asked for is the client's to check.
func FacebookLimitedLogin(appIDs ...string) middleware.Issuer {
	a := argumentsOf("FacebookLimitedLogin")
	a.list("appIDs", appIDs, "the ids of your apps")
	a.numbers("appIDs", appIDs)
	return a.issue(middleware.Issuer{
		URL:        "https://www.facebook.com",
		Aliases:    []string{"https://facebook.com"},
		JWKSURI:    "https://www.facebook.com/.well-known/oauth/openid/jwks/",
		Audiences:  appIDs,
		Profile:    middleware.IDToken,
		Algorithms: []string{"RS256"},
	})
}
