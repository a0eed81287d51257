package issuers

import (
	"strings"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// Auth0 is an Auth0 tenant, by its domain: "example.eu.auth0.com", or the custom domain if tokens are asked for there. The slash at the
// end of the iss is the preset's. Config.Audiences are the identifiers of the API in Auth0.
//
// It relies on aud. Scopes are permissions where the API has RBAC with "Add Permissions in the Access Token", scope otherwise; both
// dialects of tokens (typ JWT and at+jwt) are taken. Refused are ID tokens (their aud is a client id, so no client id may be among the
// audiences), opaque tokens (the client asked for no audience) and encrypted ones (JWE, an option of the API).
//
// Not known for certain: whether a token for a custom domain always has it as iss. Look at iss in a token of yours.
func Auth0(domain string) middleware.Issuer {
	a := argumentsOf("Auth0")
	a.domain("domain", domain, "example.eu.auth0.com")
	return a.issue(middleware.Issuer{
		URL:        "https://" + domain + "/",
		Algorithms: []string{"RS256", "PS256"},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"permissions", "scope"},
			ClientID: []string{"client_id", "azp"},
		},
	})
}

// Okta is a custom authorization server of Okta: domain is "example.okta.com", server its id, such as "default" or "aus1a2b3c". Config.Audiences
// are what is set at that server ("api://default" at the default one; it is not assumed).
//
// It relies on aud and cid. Scopes are scp; groups, if the server is told to write them, are roles. Refused are ID tokens, which have
// no cid, and everything of the org server, whose access tokens are for Okta itself: see [OktaOrg].
//
// Not known for certain: that every access token has cid and no ID token does. Okta's own verifiers rely on the first.
func Okta(domain, server string) middleware.Issuer {
	a := argumentsOf("Okta")
	oktaDomain(a, domain)
	if server == "" {
		a.wrong(`server is empty: name a custom authorization server, such as "default"; tokens of the org server can only be introspected, see OktaOrg`)
	} else {
		a.segment("server", server, "default")
	}
	return a.issue(middleware.Issuer{
		URL:        "https://" + domain + "/oauth2/" + server,
		Algorithms: []string{"RS256"},
		ClaimRules: []middleware.ClaimRule{present("cid")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scp"},
			ClientID: []string{"cid"},
			Roles:    []string{"groups"},
		},
	})
}

// OktaOrg is the org authorization server of Okta, whose access tokens are never verified locally: their content may change without
// notice. Each is introspected, as the client with this id and secret. clients are the applications whose tokens are let in, by id.
//
// It relies on the answer: active, token_type and client_id. Its aud is the domain itself for the tokens of every application of
// the organization, so it tells nobody apart, and clients does. Refused are refresh and ID tokens, which the endpoint calls active too: their
// answers have no token_type of Bearer or DPoP.
//
// Not known for certain: that answers about refresh and ID tokens never have such a token_type. Ask the endpoint about one of yours.
func OktaOrg(domain, id, secret string, clients ...string) (*Running, error) {
	a := argumentsOf("OktaOrg")
	oktaDomain(a, domain)
	a.filled("id", id)
	a.secret("secret", secret)
	a.list("clients", clients, "the client ids of the applications that may call")
	return a.introspecting(middleware.Issuer{
		URL:            "https://" + domain,
		AllowedClients: clients,
		JWTs:           middleware.IntrospectJWTs,
		ClaimRules:     []middleware.ClaimRule{oneOf("token_type", "Bearer", "DPoP"), unless("token_use", "refresh_token", "id_token")},
		Claims:         middleware.ClaimMapping{ClientID: []string{"client_id"}},
	}, introspection.Config{
		URL:        "https://" + domain + "/oauth2/v1/introspect",
		ClientAuth: introspection.SecretPost(id, secret),
	})
}

func oktaDomain(a *arguments, domain string) {
	a.domain("domain", domain, "example.okta.com")
	if name, _, _ := strings.Cut(domain, "."); strings.HasSuffix(name, "-admin") && strings.Contains(domain, ".okta") {
		a.wrong("domain is %q, the address of the admin console: leave out -admin", domain)
	}
}
