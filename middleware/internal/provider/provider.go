// Package provider recognises well-known authorization servers by what somebody has configured as their iss, so that messages can name the
// preset of package issuers. It decides nothing about tokens.
package provider

import "strings"

// Provider is an authorization server that a preset is for.
type Provider struct {
	Preset string // the function of package issuers: "Entra"

	// Never says why no token has this iss; empty: some have it.
	Never string

	// Risk says what comes in, of JWTs that are verified, where nothing but an audience is demanded; empty: nothing that is certain.
	Risk string
}

// row is one shape of iss. The first that fits counts.
type row struct {
	fits func(iss) bool
	Provider
}

// iss is a configured value, taken apart.
type iss struct {
	text string
	host string // "" where it is no URL
	path string // behind the host, with its first slash
}

const entraMany = "no token has this iss, in which the tenant's own id stands: write {tenantid} in its place, with AllowTenant"

// table is all that this package knows. A test in package issuers holds it against the presets.
var table = []row{
	{anyOf(path("login.microsoftonline.com", "/common/"), path("login.microsoftonline.com", "/organizations/"),
		path("login.microsoftonline.com", "/consumers/")), Provider{Preset: "Entra", Never: entraMany}},
	{func(i iss) bool {
		return i.host == "login.microsoftonline.com" && strings.Contains(segment(i.path), ".")
	},
		Provider{Preset: "Entra", Never: entraMany + " (or that id), and never a domain"}},
	{anyOf(host("login.microsoftonline.com"), host("sts.windows.net")), Provider{Preset: "Entra"}},
	{func(i iss) bool { return below(i, "auth0.com") && i.path == "" }, Provider{Preset: "Auth0", Never: "the iss of Auth0 ends with a slash"}},
	{domain("auth0.com"), Provider{Preset: "Auth0"}},
	{func(i iss) bool { return isOkta(i) && strings.HasPrefix(i.path, "/oauth2/") }, Provider{Preset: "Okta"}},
	{isOkta, Provider{Preset: "OktaOrg", Risk: "the access tokens of Okta's org server are for Okta itself: what is in them changes without notice, and their " +
		"audience is that of every application"}},
	{func(i iss) bool { return strings.HasPrefix(i.host, "cognito-idp.") }, Provider{Preset: "Cognito",
		Risk: "access and ID tokens of Cognito are told apart by token_use alone"}},
	{anyOf(host("accounts.google.com"), text("accounts.google.com")), Provider{Preset: "Google",
		Risk: "a service account of anybody can have a token of Google for any audience"}},
	{path("cloud.google.com", "/iap"), Provider{Preset: "GoogleIAP"}},
	{host("securetoken.google.com"), Provider{Preset: "Firebase"}},
	{domain("cloudflareaccess.com"), Provider{Preset: "CloudflareAccess"}},
	{host("appleid.apple.com"), Provider{Preset: "Apple"}},
	{anyOf(host("www.facebook.com"), host("facebook.com")), Provider{Preset: "FacebookLimitedLogin"}},
	{host("api.workos.com"), Provider{Preset: "WorkOS"}},
	{domain("authkit.app"), Provider{Preset: "AuthKit"}},
	{anyOf(isDescopeProject, host("api.descope.com")), Provider{Preset: "Descope"}},
	{domain("hub.loginradius.com"), Provider{Preset: "LoginRadius"}},
	{domain("clerk.accounts.dev"), Provider{Preset: "Clerk"}},
	{domain("supabase.co"), Provider{Preset: "Supabase"}},
	{anyOf(func(i iss) bool { return strings.HasPrefix(i.text, "stytch.com/") }, host("stytch.com")), Provider{Preset: "Stytch"}},
	{domain("zitadel.cloud"), Provider{Preset: "ZITADEL"}},
	{domain("projects.oryapis.com"), Provider{Preset: "Hydra"}},
	{host("token.actions.githubusercontent.com"), Provider{Preset: "GitHubActions",
		Risk: "a workflow in any repository of anybody can have a token for any audience"}},
	{host("gitlab.com"), Provider{Preset: "GitLabCI",
		Risk: "a job in any project of anybody can have a token for any audience, and users who sign in with GitLab have tokens of the same iss"}},
	{func(i iss) bool { return strings.HasPrefix(i.text, "spiffe://") }, Provider{Preset: "SPIFFE"}},
	{func(i iss) bool { return strings.Contains(i.path, "/realms/") }, Provider{Preset: "Keycloak"}},
	{func(i iss) bool { return strings.HasPrefix(i.path, "/application/o/") }, Provider{Preset: "Authentik"}},
}

// Of recognises a provider.
func Of(configured string) (Provider, bool) {
	i := parse(configured)
	for _, r := range table {
		if r.fits(i) {
			return r.Provider, true
		}
	}
	return Provider{}, false
}

func parse(text string) iss {
	scheme, rest, found := strings.Cut(text, "://")
	if !found || scheme != "https" && scheme != "http" {
		return iss{text: text}
	}
	end := strings.IndexByte(rest, '/')
	if end < 0 {
		end = len(rest)
	}
	return iss{text: text, host: rest[:end], path: rest[end:]}
}

func anyOf(rows ...func(iss) bool) func(iss) bool {
	return func(i iss) bool {
		for _, fits := range rows {
			if fits(i) {
				return true
			}
		}
		return false
	}
}

func text(value string) func(iss) bool { return func(i iss) bool { return i.text == value } }

func host(name string) func(iss) bool { return func(i iss) bool { return i.host == name } }

func path(name, prefix string) func(iss) bool {
	return func(i iss) bool { return i.host == name && strings.HasPrefix(i.path, prefix) }
}

func domain(name string) func(iss) bool { return func(i iss) bool { return below(i, name) } }

func below(i iss, name string) bool { return strings.HasSuffix(i.host, "."+name) }

// segment is the first one of a path.
func segment(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first
}

func isOkta(i iss) bool {
	return below(i, "okta.com") || below(i, "oktapreview.com") || below(i, "okta-emea.com")
}

// isDescopeProject reports whether it is the bare id of a project: P2 and some 25 letters and digits.
func isDescopeProject(i iss) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	return strings.HasPrefix(i.text, "P2") && len(i.text) >= 20 && strings.Trim(i.text, alphabet) == ""
}
