package issuers

import "github.com/cardea-auth/cardea/middleware"

// CloudflareAccess is Cloudflare Access, by the name of the team, and the AUD tags of its applications. The token comes in a field of its own:
// set Config.TokenSources to [CloudflareAccessSource], and Config.IgnoreAuthorization, since Authorization is left to the application.
//
// It relies on aud (one of tags) and type, which must be app. Users have sub and email; a service token has an empty sub and its name in
// common_name, which is the client id. To keep service tokens out add a ClaimRule that wants email. Refused are the token of the global session
// (type org) and those of other applications of the team.
//
// Groups are not in the token.
func CloudflareAccess(team string, tags ...string) middleware.Issuer {
	a := argumentsOf("CloudflareAccess")
	a.label("team", team, "example, of example.cloudflareaccess.com")
	a.list("tags", tags, "the AUD tags of the applications")
	url := "https://" + team + ".cloudflareaccess.com"
	return a.issue(middleware.Issuer{
		URL:        url,
		JWKSURI:    url + "/cdn-cgi/access/certs",
		Audiences:  tags,
		Algorithms: []string{"RS256"},
		ClaimRules: []middleware.ClaimRule{oneOf("type", "app")},
		Claims:     middleware.ClaimMapping{ClientID: []string{"common_name"}},
	})
}

// CloudflareAccessSource is where the tokens of [CloudflareAccess] come. The cookie CF_Authorization holds them as well, in requests of
// browsers; the field is in all.
func CloudflareAccessSource() middleware.TokenSource {
	return middleware.FromHeader("Cf-Access-Jwt-Assertion")
}
