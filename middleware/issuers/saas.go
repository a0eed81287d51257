package issuers

import (
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware"
)

// WorkOS is the sessions of WorkOS AuthKit (User Management), by client id ("client_01H…"). They name no audience; the key set is the client's
// own, which ties them to it.
//
// It relies on sid, which sessions have and other tokens under the same keys do not, and on aud, which must be the client id if it is there at
// all. Permissions are the scopes; roles are roles, or else role. Refused are tokens of other clients, and those of agents and of the OAuth
// server, see [AuthKit].
//
// Not known for certain: which of three forms iss has (https://api.workos.com, with and without a slash, and …/user_management/<client id>), so all
// are taken; a custom domain may have another. E-mail addresses are in a token only if a JWT template puts them there.
func WorkOS(clientID string) middleware.Issuer {
	a := argumentsOf("WorkOS")
	a.segment("clientID", clientID, "client_01HXYZ")
	return a.issue(middleware.Issuer{
		URL:                   "https://api.workos.com/user_management/" + clientID,
		Aliases:               []string{"https://api.workos.com", "https://api.workos.com/"},
		JWKSURI:               "https://api.workos.com/sso/jwks/" + clientID,
		DangerouslyNoAudience: true, // the keys are this client's alone
		Algorithms:            []string{"RS256"},
		ClaimRules:            []middleware.ClaimRule{present("sid"), ifPresent("aud", clientID)},
		Claims: middleware.ClaimMapping{
			Scopes: []string{"permissions"},
			Roles:  []string{"roles", "role"},
		},
	})
}

// AuthKit is WorkOS AuthKit as an OAuth server (Connect, MCP), by its domain: "example.authkit.app". Config.Audiences are what clients name as the
// resource.
//
// It relies on aud. Refused are ID tokens and tokens for other resources, as their aud is another.
//
// Not known for certain: the names of the claims for scopes and client (scope and client_id are taken).
func AuthKit(domain string) middleware.Issuer {
	a := argumentsOf("AuthKit")
	a.domain("domain", domain, "example.authkit.app")
	return a.issue(middleware.Issuer{
		URL:        "https://" + domain,
		JWKSURI:    "https://" + domain + "/oauth2/jwks",
		Algorithms: []string{"RS256"},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			ClientID: []string{"client_id"},
		},
	})
}

// DescopeTokens says which tokens of a Descope project are let in. Project is required.
type DescopeTokens struct {
	_ [0]func() // keyed literals only

	// Project is the id of the project, "P2…". Its keys verify, so tokens of other projects never pass.
	Project string

	// Audiences are what aud may hold beside the id of the project. Tokens without aud pass, as sessions often are; an aud that names somebody
	// else does not. Nil: the project alone.
	Audiences []string

	// Tenants are those that are part of iss (…/v1/apps/<project>/<tenant>), where tokens are made for one tenant each. Nil: none is.
	Tenants []string
}

// Descope is a Descope project and its sessions, in each form that iss has for it: the bare id of the project, and three addresses.
//
// It relies on the project's own keys, on drn, which must not name another kind than a session (DS), and on aud if it is there. Scopes are those of scope, or
// else permissions, roles are roles; both of the project and of the current tenant (dct), and of no other tenant. Refused are refresh tokens (drn
// DSR), tokens of other projects, and those for
// other resources of the project.
//
// Not known for certain: the values of drn beside DSR, and whether a custom domain changes iss (then add it to Aliases).
func Descope(tokens DescopeTokens) middleware.Issuer {
	const base = "https://api.descope.com"
	a := argumentsOf("Descope")
	a.segment("Project", tokens.Project, "P2abcDEF")
	a.filled("Audiences", tokens.Audiences...)
	i := middleware.Issuer{
		URL:                   tokens.Project,
		Aliases:               []string{base + "/v1/apps/" + tokens.Project, base + "/v1/" + tokens.Project, base + "/" + tokens.Project},
		JWKSURI:               base + "/" + tokens.Project + "/.well-known/jwks.json",
		DangerouslyNoAudience: true, // the keys are this project's alone, and a rule judges an aud that is there
		Algorithms:            []string{"RS256"},
		ClaimRules: []middleware.ClaimRule{
			ifPresent("drn", "DS"),
			ifPresent("aud", append([]string{tokens.Project}, tokens.Audiences...)...),
		},
		Claims: middleware.ClaimMapping{
			ScopesFunc: func(t *middleware.Token) ([]string, error) {
				permissions, _, err := descopeGrants(t)
				return permissions, err
			},
			RolesFunc: func(t *middleware.Token) ([]string, error) { _, roles, err := descopeGrants(t); return roles, err },
		},
	}
	for _, tenant := range tokens.Tenants {
		a.segment("Tenants", tenant, "T2abcDEF")
		i.Aliases = append(i.Aliases, base+"/v1/apps/"+tokens.Project+"/"+tenant)
	}
	return a.issue(i)
}

// LoginRadius is a LoginRadius tenant and one of its OpenID Connect applications. Config.Audiences are the identifier of the API, exactly as it
// is written there.
//
// It relies on aud. Refused are ID tokens, whose aud is the client, tokens of other applications and opaque ones. Machine tokens have another
// iss: see [LoginRadiusService].
//
// Not known for certain: the names of the claims for scopes and client (the usual ones are looked for), and custom domains. Look at a token.
func LoginRadius(tenant, app string) middleware.Issuer {
	a := argumentsOf("LoginRadius")
	a.label("tenant", tenant, "example, of example.hub.loginradius.com")
	a.segment("app", app, "shop")
	url := "https://" + tenant + ".hub.loginradius.com/service/oidc/" + app
	return a.issue(middleware.Issuer{URL: url, JWKSURI: url + "/jwks", Algorithms: []string{"RS256"}})
}

// LoginRadiusService is the same tenant for tokens of machines and exchanged ones, whose iss is …/service/oauth/ with a slash. They are signed with the
// keys of [LoginRadius]: an API for both kinds is better served by one Issuer, with the URL of this one among its Aliases.
func LoginRadiusService(tenant, app string) middleware.Issuer {
	i := LoginRadius(tenant, app)
	i.URL = "https://" + tenant + ".hub.loginradius.com/service/oauth/"
	return i
}

// Clerk is an instance of Clerk and its session tokens, by the domain of its Frontend API ("clerk.example.com", "happy-cat-1.clerk.accounts.dev").
// They name no audience. origins are the web origins of your front ends ("https://app.example.com"), which azp names.
//
// It relies on azp, sid and sts. The role is that in the active organization ("org:admin"), scopes are the permissions there ("org:orders:read"), alike for
// both versions of session tokens, of which the second packs them into bit masks. Refused are sessions that are pending, of other origins, tokens of
// Clerk's OAuth server (they have no sid) and of machines.
//
// Not known for certain: that tokens of OAuth applications never have a sid.
func Clerk(domain string, origins ...string) middleware.Issuer {
	a := argumentsOf("Clerk")
	a.domain("domain", domain, "clerk.example.com")
	a.list("origins", origins, "the origins of your front ends")
	for _, origin := range origins {
		a.address("origins", origin, "https://app.example.com")
		if strings.Count(origin, "/") != 2 {
			a.wrong("origins has %q: an origin has no path and no slash at the end", origin)
		}
	}
	return a.issue(middleware.Issuer{
		URL:            "https://" + domain,
		JWKSURI:        "https://" + domain + "/.well-known/jwks.json",
		AllowedClients: origins,
		Algorithms:     []string{"RS256"},
		ClaimRules:     []middleware.ClaimRule{present("sid"), unless("sts", "pending")},
		Claims: middleware.ClaimMapping{
			ScopesFunc: func(t *middleware.Token) ([]string, error) {
				_, permissions, err := clerkOrganization(t)
				return permissions, err
			},
			RolesFunc: func(t *middleware.Token) ([]string, error) { role, _, err := clerkOrganization(t); return role, err },
			ClientID:  []string{"azp"},
		},
	})
}

// Supabase is a project of Supabase with asymmetric signing keys, by its reference ("abcdefghijklmnopqrst").
//
// It relies on aud (authenticated) and role (authenticated), and on is_anonymous. Roles are /app_metadata/roles; user_metadata is the user's own to
// write and decides nothing. Refused are the keys anon and service_role, which are tokens too, anonymous sign-ins, and ID tokens of the OAuth server.
//
// Where anonymous users may come, take the rule about is_anonymous out of ClaimRules. A project that still signs with its legacy secret (HS256) publishes no
// keys: set Keys to jwks.HMAC and Algorithms to HS256, or better, rotate to a signing key. Custom domains and self-hosted servers have
// another iss: set URL and JWKSURI.
func Supabase(ref string) middleware.Issuer {
	a := argumentsOf("Supabase")
	a.label("ref", ref, "abcdefghijklmnopqrst")
	url := "https://" + ref + ".supabase.co/auth/v1"
	return a.issue(middleware.Issuer{
		URL:        url,
		JWKSURI:    url + "/.well-known/jwks.json",
		Audiences:  []string{"authenticated"},
		Algorithms: []string{"ES256", "RS256", "EdDSA"},
		ClaimRules: []middleware.ClaimRule{oneOf("role", "authenticated"), unless("is_anonymous", "true")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scope"},
			Roles:    []string{"/app_metadata/roles"},
			ClientID: []string{"client_id"},
		},
	})
}

// StytchTokens says which tokens of a Stytch project are let in. Project is required.
type StytchTokens struct {
	_ [0]func() // keyed literals only

	// Project is the id of the project: "project-live-…" or "project-test-…".
	Project string

	// Machines lets in tokens of machines (M2M) and of connected apps, by their scopes, and no sessions. Both need two Validators.
	Machines bool
}

const stytchSession = "https://stytch.com/session"

// Stytch is a Stytch project, whose iss has no scheme.
//
// It relies on aud, which is the project, and on the kind: sessions have the claim https://stytch.com/session, in which roles are read; other tokens have
// scope. Refused is each kind where the other is meant, and what other projects sign.
//
// Not known for certain: that a token of a connected app never has the session's claim, and what iss is under a custom domain (then add it to Aliases).
func Stytch(tokens StytchTokens) middleware.Issuer {
	a := argumentsOf("Stytch")
	a.segment("Project", tokens.Project, "project-live-1a2b3c")
	host := "https://api.stytch.com"
	switch {
	case strings.HasPrefix(tokens.Project, "project-test-"):
		host = "https://test.stytch.com"
	case !strings.HasPrefix(tokens.Project, "project-live-"):
		a.wrong("Project is %q: it must begin with project-live- or project-test-", tokens.Project)
	}
	i := middleware.Issuer{
		URL:        "stytch.com/" + tokens.Project,
		JWKSURI:    host + "/v1/sessions/jwks/" + tokens.Project,
		Audiences:  []string{tokens.Project},
		Algorithms: []string{"RS256"},
		ClaimRules: []middleware.ClaimRule{present(stytchSession)},
		Claims:     middleware.ClaimMapping{Roles: []string{"/https:~1~1stytch.com~1session/roles"}},
	}
	if tokens.Machines {
		i.ClaimRules = []middleware.ClaimRule{present("scope")}
		i.Accept = withoutSession
		i.Claims = middleware.ClaimMapping{Scopes: []string{"scope"}, ClientID: []string{"client_id", "sub"}}
	}
	return a.issue(i)
}

var errSession = errors.New("issuers: Stytch: the token is a session, and Machines is set")

func withoutSession(t *middleware.Token) error {
	var claims struct {
		Session json.RawMessage `json:"https://stytch.com/session"`
	}
	if err := t.Claims(&claims); err != nil || claims.Session != nil {
		return errSession
	}
	return nil
}

// descopeGrants are the permissions and roles in the project and in the current tenant.
func descopeGrants(t *middleware.Token) (permissions, roles []string, _ error) {
	type grants struct {
		Permissions []string `json:"permissions"`
		Roles       []string `json:"roles"`
	}
	var claims struct {
		grants

		Scope   *string           `json:"scope"`
		Current string            `json:"dct"`
		Tenants map[string]grants `json:"tenants"`
	}
	if err := t.Claims(&claims); err != nil {
		return nil, nil, err
	}
	var current grants
	if claims.Current != "" {
		current = claims.Tenants[claims.Current]
	}
	roles = slices.Concat(claims.Roles, current.Roles)
	if claims.Scope != nil {
		return strings.Fields(*claims.Scope), roles, nil
	}
	return slices.Concat(claims.Permissions, current.Permissions), roles, nil
}

// clerkOrganization is the role and the permissions in the active organization. Version 2 of the tokens lists features (fea), names of permissions
// (o.per), and for each feature of the organization a number (o.fpm), of which bit n says that the user has permission n.
func clerkOrganization(t *middleware.Token) (role, permissions []string, _ error) {
	var claims struct {
		Version      int    `json:"v"`
		Features     string `json:"fea"`
		Organization struct {
			Role        string `json:"rol"`
			Permissions string `json:"per"`
			Map         string `json:"fpm"`
		} `json:"o"`
		Role        string   `json:"org_role"`
		Permissions []string `json:"org_permissions"`
	}
	if err := t.Claims(&claims); err != nil {
		return nil, nil, err
	}
	if claims.Version < 2 {
		return []string{claims.Role}, claims.Permissions, nil
	}
	if claims.Organization.Role != "" {
		role = []string{"org:" + claims.Organization.Role}
	}
	if claims.Organization.Permissions == "" || claims.Organization.Map == "" {
		return role, nil, nil
	}
	names, masks := strings.Split(claims.Organization.Permissions, ","), strings.Split(claims.Organization.Map, ",")
	for i, feature := range clerkFeatures(claims.Features) {
		if i >= len(masks) {
			break
		}
		mask, ok := new(big.Int).SetString(strings.TrimSpace(masks[i]), 10)
		if !ok || mask.Sign() < 0 || mask.BitLen() > maxClerkPermissions {
			return nil, nil, errClerkMap
		}
		for bit, name := range names {
			if mask.Bit(bit) == 1 {
				permissions = append(permissions, "org:"+feature+":"+strings.TrimSpace(name))
			}
		}
	}
	return role, permissions, nil
}

const maxClerkPermissions = 1024 // far more than a token has room for

var errClerkMap = errors.New("issuers: Clerk: o.fpm does not hold numbers")

// clerkFeatures are those of the organization: "o:orders", or "uo:orders" for one that users can have as well.
func clerkFeatures(list string) []string {
	var features []string
	for feature := range strings.SplitSeq(list, ",") {
		if owner, name, _ := strings.Cut(strings.TrimSpace(feature), ":"); strings.Contains(owner, "o") {
			features = append(features, name)
		}
	}
	return features
}
