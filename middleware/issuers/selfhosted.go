package issuers

import (
	"errors"
	"strings"

	"github.com/cardea-auth/cardea/middleware"
)

// The servers of this file run at addresses of your own. Where one introspects, the Introspector is yours as well: make it with
// introspection.New and close it.

// Keycloak is one realm of a Keycloak server, by the address of the server as tokens have it ("https://sso.example.com", older ones with
// /auth behind it) and the name of the realm. Config.Audiences are the client ids of this API: Keycloak writes them into aud if an
// audience mapper, or a client role, says so.
//
// It relies on aud and typ, which is Bearer or DPoP among the claims. Roles are those of the realm; for those of a client set
// Claims.Roles to "/resource_access/<client>/roles". Refused are ID, refresh, offline and logout tokens and those of other realms.
func Keycloak(base, realm string) middleware.Issuer {
	return keycloak(argumentsOf("Keycloak"), base, realm)
}

func keycloak(a *arguments, base, realm string) middleware.Issuer {
	a.address("base", base, "https://sso.example.com")
	a.segment("realm", realm, "shop")
	return a.issue(middleware.Issuer{
		URL:        strings.TrimSuffix(base, "/") + "/realms/" + realm,
		ClaimRules: []middleware.ClaimRule{oneOf("typ", "Bearer", "DPoP")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			Roles:    []string{"/realm_access/roles"},
			ClientID: []string{"azp", "client_id"},
		},
	})
}

// KeycloakLightweight is [Keycloak] for clients with lightweight access tokens, which hold next to nothing: each is verified, and the server is asked
// for the rest. client asks at <base>/realms/<realm>/protocol/openid-connect/token/introspect, as a client that is in the token's aud.
// It sees revocation as well. The same rules hold, of the answer.
func KeycloakLightweight(base, realm string, client middleware.Introspector) middleware.Issuer {
	a := argumentsOf("KeycloakLightweight")
	a.introspector(client)
	i := keycloak(a, base, realm)
	i.JWTs, i.Introspector = middleware.VerifyAndIntrospectJWTs, client
	return i
}

// Hydra is Ory Hydra, or a project of the Ory Network, by its iss byte for byte: a slash at the end is there if the configuration has it.
// Config.Audiences are what clients ask for. client asks at the admin port, /admin/oauth2/introspect, with introspection.NoClientAuth where that
// port is private; nil: JWTs only, and Hydra makes opaque tokens unless told otherwise.
//
// It relies on aud. Scopes are scp, or scope. Refused are ID tokens, whose aud is the client, and refresh tokens, which Hydra calls active: they do
// not begin with ory_at_, and their answers say token_use refresh_token. A JWT that was revoked passes until it expires; to see revocation
// set JWTs to VerifyAndIntrospectJWTs.
//
// Not known for certain: that every JWT of every version has client_id, which the preset wants.
func Hydra(issuer string, client middleware.Introspector) middleware.Issuer {
	a := argumentsOf("Hydra")
	a.address("issuer", issuer, "https://hydra.example.com/")
	i := middleware.Issuer{
		URL:        issuer,
		ClaimRules: []middleware.ClaimRule{present("client_id")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scp", "scope"},
			ClientID: []string{"client_id"},
		},
	}
	if client != nil {
		i.Introspector, i.OpaquePrefixes = client, []string{"ory_at_"}
	}
	return a.issue(i)
}

// ZITADEL is an instance of ZITADEL by its domain, and one project by its id, which is in the aud of every token for it. client asks at
// /oauth/v2/introspect, as an API of the project; nil: JWTs only, which an application has to be set to.
//
// It relies on aud, on jti, and on there being no auth_time: ZITADEL writes the same aud into ID tokens, which are told apart by these two. Roles are
// those of the project (an object keyed by role). Refused are ID tokens, and those of other projects and instances.
//
// Not known for certain: that no ID token of any version has a jti, and no access token an auth_time.
func ZITADEL(domain, projectID string, client middleware.Introspector) middleware.Issuer {
	a := argumentsOf("ZITADEL")
	a.domain("domain", domain, "example-abc123.zitadel.cloud")
	a.list("projectID", []string{projectID}, "the id of the project")
	a.numbers("projectID", []string{projectID})
	return a.issue(middleware.Issuer{
		URL:          "https://" + domain,
		JWKSURI:      "https://" + domain + "/oauth/v2/keys",
		Audiences:    []string{projectID},
		Introspector: client,
		ClaimRules:   []middleware.ClaimRule{present("jti", "token_type")}, // the second of answers
		Accept:       acceptWithoutLogin,
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			ClientID: []string{"client_id", "azp"},
			Roles:    []string{"urn:zitadel:iam:org:project:" + projectID + ":roles", "urn:zitadel:iam:org:project:roles"},
		},
	})
}

var errLogin = errors.New("issuers: ZITADEL: auth_time is there, which only ID tokens have")

func acceptWithoutLogin(t *middleware.Token) error {
	if !t.Opaque && !t.AuthTime.IsZero() {
		return errLogin
	}
	return nil
}

// Authentik is one OAuth2 provider of authentik, by the address of the server, the slug of its application and the provider's client id. Its iss
// ends with a slash. The provider needs a signing key; without one authentik signs with the client secret (HS256).
//
// It relies on aud, which is the client id, on azp, and on uid, which access tokens have and ID tokens do not; beyond these the two are alike, and a
// property mapping must not write uid. A nonce is in both. Roles are groups. Refused are ID tokens, tokens of other providers, whatever has at_hash, and
// encrypted tokens.
//
// Not known for certain: whether a version of yours writes scopes into the token; where it does not, no route that requires one opens.
func Authentik(base, slug, clientID string) middleware.Issuer {
	a := argumentsOf("Authentik")
	a.address("base", base, "https://authentik.example.com")
	a.segment("slug", slug, "shop")
	a.list("clientID", []string{clientID}, "the client id of the provider")
	url := strings.TrimSuffix(base, "/") + "/application/o/" + slug + "/"
	return a.issue(middleware.Issuer{
		URL:        url,
		JWKSURI:    url + "jwks/",
		Audiences:  []string{clientID},
		ClaimRules: []middleware.ClaimRule{{Claims: []string{"uid"}, OutranksNonce: true}, oneOf("azp", clientID)},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			Roles:    []string{"groups"},
			ClientID: []string{"azp"},
		},
	})
}

// FusionAuth is a tenant of FusionAuth: base is the address of the server, issuer the text that is set at the tenant, which may be as short as
// "acme.com", and applications are the ids whose tokens are let in (for client credentials, those of the target entities).
//
// It relies on aud and on applicationId, roles or permissions being there, which access tokens have of users who are registered for the application, and of
// entities that were granted permissions. Refused are ID tokens, tokens of users who are not registered, and those of other applications. The aud of ID
// tokens is the application as well, and since version 1.50 they have a scope; so a lambda must not write applicationId, roles or permissions into them.
//
// Not known for certain: that an ID token of a version before 1.24, which has applicationId and roles, always has at_hash or nonce, by which it is refused.
// Name the algorithm in Algorithms if the tenant signs with HS256.
func FusionAuth(base, issuer string, applications ...string) middleware.Issuer {
	a := argumentsOf("FusionAuth")
	a.address("base", base, "https://auth.example.com")
	a.filled("issuer", issuer)
	a.list("applications", applications, "the ids of the applications")
	return a.issue(middleware.Issuer{
		URL:        issuer,
		JWKSURI:    strings.TrimSuffix(base, "/") + "/.well-known/jwks.json",
		Audiences:  applications,
		ClaimRules: []middleware.ClaimRule{present("applicationId", "roles", "permissions")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			Roles:    []string{"roles"},
			ClientID: []string{"applicationId", "client_id", "azp"},
		},
	})
}

// PingFederate is PingFederate with reference tokens, by its base URL. client asks at /as/introspect.oauth2; clients are those whose tokens are let
// in, since the aud of an answer depends on the access token manager.
//
// It relies on the answer: active, client_id and token_type. Refused are ID and refresh tokens, which have no token_type of Bearer or DPoP, and tokens
// of other clients.
//
// For a manager that makes JWTs, name its key set in JWKSURI, set JWTs to VerifyJWTs, and Audiences to what the manager writes. The names of claims
// are that manager's to choose.
func PingFederate(base string, client middleware.Introspector, clients ...string) middleware.Issuer {
	a := argumentsOf("PingFederate")
	a.address("base", base, "https://sso.example.com")
	a.introspector(client)
	a.list("clients", clients, "the client ids whose tokens are let in")
	return a.issue(middleware.Issuer{
		URL:            base,
		AllowedClients: clients,
		JWTs:           middleware.IntrospectJWTs,
		Introspector:   client,
		ClaimRules:     []middleware.ClaimRule{oneOf("token_type", "Bearer", "bearer", "DPoP")},
		Claims:         middleware.ClaimMapping{ClientID: []string{"client_id"}},
	})
}

// Duende is Duende IdentityServer by its authority, byte for byte as iss has it. Config.Audiences are the names of API resources. client asks at
// /connect/introspect with the name and secret of the API resource, for reference tokens; nil: JWTs only.
//
// It relies on aud and client_id. Scopes are an array or text. Refused are ID tokens, which have no client_id and the client as aud. Tokens of bare
// scopes have no aud: give the API a resource.
func Duende(authority string, client middleware.Introspector) middleware.Issuer {
	a := argumentsOf("Duende")
	a.address("authority", authority, "https://identity.example.com")
	return a.issue(middleware.Issuer{
		URL:          authority,
		Introspector: client,
		ClaimRules:   []middleware.ClaimRule{present("client_id")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			Roles:    []string{"role"},
			ClientID: []string{"client_id"},
		},
	})
}

func (a *arguments) introspector(client middleware.Introspector) {
	if client == nil {
		a.wrong("client is nil: make one with introspection.New")
	}
}

// The servers from here on write no audience by default, so they need more than one line of care.

// Spring is Spring Authorization Server with its default tokens, by its iss. Their aud is the client's id, and so is that of ID tokens; clients are those
// that may call. Where a customizer writes an audience of this API, no preset is needed: Audiences says it all.
//
// Without an Introspector JWTs are verified, and it relies on aud and scope, which an access token has and no ID token. Refused are ID tokens, other clients'
// tokens, tokens that were asked for without any scope, and opaque ones, refresh tokens among them. The token names its client in aud
// alone, and no API: what these clients got for another one passes here too, unless its scopes say otherwise.
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
