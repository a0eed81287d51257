package issuers

import (
	"strings"

	"github.com/cardea-auth/cardea/middleware"
)

// Cognito is an Amazon Cognito user pool ("eu-central-1", "eu-central-1_AbCdEf123") and its access tokens. They name no audience, so clients are
// the ids of the app clients whose tokens are let in.
//
// It relies on token_use, which must be access, and on client_id. Scopes are scope, cognito:groups are roles. Refused are ID and
// refresh tokens and those of other app clients of the pool. No token says for which API it is; scopes do, as each belongs to a resource server.
//
// Not known for certain: the host of pools in China (amazonaws.com.cn), and what aud holds under resource binding, which is not looked at.
// A token that was revoked passes until it expires, as Cognito has no endpoint to ask.
func Cognito(region, userPool string, clients ...string) middleware.Issuer {
	a := argumentsOf("Cognito")
	a.label("region", region, "eu-central-1")
	a.segment("userPool", userPool, "eu-central-1_AbCdEf123")
	if userPool != "" && !strings.HasPrefix(userPool, region+"_") {
		a.wrong("userPool is %q: the id of a pool begins with its region and an underscore, so either it or region (%q) is another's", userPool, region)
	}
	a.list("clients", clients, "the ids of the app clients whose users may call")
	return a.issue(middleware.Issuer{
		URL:            "https://cognito-idp." + region + "." + amazonDomain(region) + "/" + userPool,
		AllowedClients: clients,
		Algorithms:     []string{"RS256"},
		ClaimRules:     []middleware.ClaimRule{oneOf("token_use", "access")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			ClientID: []string{"client_id"},
			Roles:    []string{"cognito:groups"},
		},
	})
}

// CognitoIDTokens is the same pool where its ID tokens are the credential: for front ends that send nothing else. Its iss is that of [Cognito],
// so it needs a Validator of its own.
//
// It relies on token_use, which must be id, and on aud, which is one of clients. Refused are access tokens and those of other app clients.
func CognitoIDTokens(region, userPool string, clients ...string) middleware.Issuer {
	i := Cognito(region, userPool, clients...)
	i.Audiences, i.AllowedClients = i.AllowedClients, nil
	i.Profile = middleware.IDToken
	i.ClaimRules = []middleware.ClaimRule{oneOf("token_use", "id")}
	i.Claims = middleware.ClaimMapping{Roles: []string{"cognito:groups"}}
	return i
}

func amazonDomain(region string) string {
	if strings.HasPrefix(region, "cn-") {
		return "amazonaws.com.cn"
	}
	return "amazonaws.com"
}
