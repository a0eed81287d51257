package issuers

import (
	"context"
	"slices"

	"github.com/cardea-auth/cardea/middleware"
)

// EntraTokens says which tokens of Microsoft Entra ID (Azure AD) are let in. API is required, and one of Tenants and AllowTenant.
type EntraTokens struct {
	_ [0]func() // keyed literals only

	// API is the application (client) id of this API, a GUID: what v2 tokens have as aud.
	API string

	// Tenants are the directories that may come, each by its GUID (tid). A domain is not in tokens.
	Tenants []string

	// AllowTenant judges tenants in the place of a list, for those that customers sign up with: it is asked on every request and must be
	// safe for concurrent use.
	AllowTenant func(ctx context.Context, tenant string) bool

	// V1 lets in v1 tokens as well (iss https://sts.windows.net/…), which an API gets whose manifest does not say requestedAccessTokenVersion 2.
	V1 bool

	// AppIDURIs are what v1 tokens may have as aud beside API and api://API. Only with V1.
	AppIDURIs []string
}

// Entra is Microsoft Entra ID in the worldwide cloud, for one tenant or many, v2 tokens and, if so asked, v1.
//
// It relies on iss and tid, which name the same allowed tenant, on aud, on azp (v1: appid), and on scp (users) or roles (applications). Keys that
// Microsoft binds to a tenant serve that tenant alone. Scopes are scp, roles are roles; they are kept apart, because an application's role must
// not pass for what a user has consented to. Refused are ID tokens, even of an API that is its own client and whose ID tokens have
// roles: they have no azp; tokens for Microsoft Graph; guests of other tenants; and v1 tokens without V1.
//
// Not known for certain: that no ID token ever has azp or appid, which Microsoft documents for access tokens only. National clouds and External
// ID (ciamlogin.com) have other names of iss, for which this preset is not.
func Entra(tokens EntraTokens) middleware.Issuer {
	a := argumentsOf("Entra")
	a.guid("API", tokens.API)
	i := middleware.Issuer{
		URL:         "https://login.microsoftonline.com/{tenantid}/v2.0",
		JWKSURI:     "https://login.microsoftonline.com/common/discovery/v2.0/keys",
		AllowTenant: tokens.AllowTenant,
		Audiences:   []string{tokens.API},
		Algorithms:  []string{"RS256"},
		ClaimRules:  []middleware.ClaimRule{present("scp", "roles"), present("azp", "appid")},
		Claims: middleware.ClaimMapping{
			Scopes:   []string{"scp"},
			Roles:    []string{"roles"},
			ClientID: []string{"azp", "appid"},
		},
	}
	switch {
	case tokens.AllowTenant == nil:
		a.list("Tenants", tokens.Tenants, "the directories that may come, or set AllowTenant")
		for _, tenant := range tokens.Tenants {
			a.tenant(tenant)
		}
		tenants := slices.Clone(tokens.Tenants)
		i.AllowTenant = func(_ context.Context, tenant string) bool { return slices.Contains(tenants, tenant) }
	case len(tokens.Tenants) > 0:
		a.wrong("Tenants and AllowTenant are both set: choose one")
	}
	if tokens.V1 {
		a.filled("AppIDURIs", tokens.AppIDURIs...)
		i.Aliases = []string{"https://sts.windows.net/{tenantid}/"}
		i.Audiences = slices.Concat(i.Audiences, []string{"api://" + tokens.API}, tokens.AppIDURIs)
	} else if len(tokens.AppIDURIs) > 0 {
		a.wrong("AppIDURIs are set without V1: v2 tokens have API as aud, whatever the client asked for")
	}
	return a.issue(i)
}

func (a *arguments) tenant(value string) {
	switch value {
	case "common", "organizations", "consumers":
		a.wrong("Tenants holds %q, which stands for many and is in no token: list the GUIDs of those that may come, or set AllowTenant", value)
	default:
		a.guid("Tenants", value)
	}
}

// guid wants a GUID in the spelling that is in tokens.
func (a *arguments) guid(name, value string) {
	if !isUUID(value) {
		a.wrong("%s holds %q: it must be a GUID in small letters, as tokens have it, such as 6e74172b-be56-4843-9ff4-e66a39bb12e3", name, value)
	}
}
