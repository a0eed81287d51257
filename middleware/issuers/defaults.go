package issuers

import "github.com/cardea-auth/cardea/middleware"

// The servers of this file write no audience by default, so they need more than one line of care.

// Spring is Spring Authorization Server with its default tokens, by its iss. Their aud is the client's id, and so is that of ID tokens; clients are those
// that may call. Where a customizer writes an audience of this API, no preset is needed: Audiences says it all.
//
// Without an Introspector JWTs are verified, and it relies on aud and scope, which an access token has and no ID token. Refused are ID tokens, other clients'
// tokens, tokens that were asked for without any scope, and opaque ones, refresh tokens among them. The token names its client in aud alone.
func Spring(issuer string, clients ...string) middleware.Issuer {
	a := argumentsOf("Spring")
	a.address("issuer", issuer, "https://auth.example.com")
	a.list("clients", clients, "the client ids that may call")
	return a.issue(middleware.Issuer{
		URL:        issuer,
		Audiences:  clients,
		ClaimRules: []middleware.ClaimRule{present("scope")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			ClientID: []string{"client_id"},
		},
	})
}

// SpringReference is [Spring] with reference tokens, or where revocation has to be seen: every token, a JWT too, is introspected at /oauth2/introspect.
//
// It relies on the answer: active, client_id, and token_type, which those about access tokens have. Refused are refresh and ID tokens, which the
// server calls active as well.
func SpringReference(issuer string, client middleware.Introspector, clients ...string) middleware.Issuer {
	a := argumentsOf("SpringReference")
	a.address("issuer", issuer, "https://auth.example.com")
	a.introspector(client)
	a.list("clients", clients, "the client ids that may call")
	return a.issue(middleware.Issuer{
		URL:            issuer,
		AllowedClients: clients,
		JWTs:           middleware.IntrospectJWTs,
		Introspector:   client,
		ClaimRules:     []middleware.ClaimRule{oneOf("token_type", "Bearer", "DPoP")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			ClientID: []string{"client_id"},
		},
	})
}

// DjangoOAuthToolkit is django-oauth-toolkit, whose tokens are opaque and whose answers name no issuer, audience or subject: base, the address of the
// site, only names it. client asks at /o/introspect/ with its slash, best with introspection.BearerToken and a token of scope introspection,
// since Basic costs that server half a second for each call. clients are those that may call.
//
// It relies on active and client_id. Refused are tokens of other clients and, by the server, refresh and ID tokens. The user is username, not
// a subject.
func DjangoOAuthToolkit(base string, client middleware.Introspector, clients ...string) middleware.Issuer {
	a := argumentsOf("DjangoOAuthToolkit")
	a.address("base", base, "https://www.example.com")
	a.introspector(client)
	a.list("clients", clients, "the client ids that may call")
	return a.issue(middleware.Issuer{
		URL:                       base,
		AllowedClients:            clients,
		JWTs:                      middleware.IntrospectJWTs,
		Introspector:              client,
		DangerouslyUntypedAnswers: true, // it never writes token_type, and calls nothing but access tokens active
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			ClientID: []string{"client_id"},
		},
	})
}
