package issuers_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/provider"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// news is what New says of one Issuer: its error, or its warnings.
func news(t *testing.T, issuer middleware.Issuer) (mistakes, warnings string) {
	t.Helper()
	var log bytes.Buffer
	auth, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{issuer}, Audiences: []string{api}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		return err.Error(), log.String()
	}
	if err := auth.Close(); err != nil {
		t.Error(err)
	}
	return "", log.String()
}

// The iss of a preset is recognised as that of its provider, and what the preset makes is warned of in nothing.
func TestIssuersOfPresetsAreRecognised(t *testing.T) {
	nobody := []string{
		"PingFederate", "Duende", "Spring", "SpringReference", "DjangoOAuthToolkit", "FusionAuth", "HS256", "KeyFile", "SecretFile",
		"Kubernetes", "AWSLoadBalancer",
	}
	same := map[string]string{ // another preset of the same iss is named
		"CognitoIDTokens": "Cognito", "GoogleAccessTokens": "Google", "FacebookAccessTokens": "FacebookLimitedLogin", "LoginRadiusService": "LoginRadius",
		"KeycloakLightweight": "Keycloak",
	}
	for _, p := range issuers.Presets() {
		values := examples(t, p, true)
		if p.Name == "descope" {
			values["project"] = []string{"P2OkfVnJi5Ht7mpCqHjx17nV5epH"}
		}
		if p.Name == "clerk" {
			values["domain"] = []string{"happy-cat-1.clerk.accounts.dev"}
		}
		if p.Name == "hydra" {
			values["issuer"] = []string{"https://shop.projects.oryapis.com"}
		}
		r, err := p.Make(values)
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		closing(t, r)
		want := p.Func
		if same[want] != "" {
			want = same[want]
		}
		known, ok := provider.Of(r.Issuer.URL)
		if name := p.Func; strings.Contains(strings.Join(nobody, " "), name) {
			if ok {
				t.Errorf("%s has an address of its own and is taken for %s", p.Name, known.Preset)
			}
		} else if known.Preset != want || known.Never != "" {
			t.Errorf("%s: %s is taken for %q (%s), want %s", p.Name, r.Issuer.URL, known.Preset, known.Never, want)
		}
		if p.Field == "X-Amzn-Oidc-Data" {
			continue // it needs a Config of its own
		}
		if _, warnings := news(t, r.Issuer); warnings != "" {
			t.Errorf("%s is warned of: %s", p.Name, warnings)
		}
	}
}

func TestNewNamesThePreset(t *testing.T) {
	for url, want := range map[string]string{
		"https://login.microsoftonline.com/common/v2.0":                       "in which the tenant's own id stands: write {tenantid} in its place, with AllowTenant (the preset for this provider is issuers.Entra)",
		"https://login.microsoftonline.com/organizations/v2.0":                "issuers.Entra)",
		"https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0":      "and never a domain (the preset for this provider is issuers.Entra)",
		"P2OkfVnJi5Ht7mpCqHjx17nV5epH":                                        "issuers.Descope)",
		"accounts.google.com":                                                 "issuers.Google)",
		"stytch.com/project-live-1a2b3c":                                      "issuers.Stytch)",
		"https://example.eu.auth0.com":                                        "the iss of Auth0 ends with a slash (the preset for this provider is issuers.Auth0)",
		"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC?x=1": "issuers.Cognito)",
	} {
		if mistakes, _ := news(t, middleware.Issuer{URL: url}); !strings.Contains(mistakes, want) {
			t.Errorf("%s: New says %q, want %q in it", url, mistakes, want)
		}
	}
	for _, url := range []string{
		"https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0", "https://login.example.com", "https://auth0.com.evil.example", "https://P2.example",
		"https://sso.example.com/realms/shop", "https://example.eu.auth0.com/", "https://login.microsoftonline.com.evil.example/common/v2.0",
	} {
		if mistakes, warnings := news(t, middleware.Issuer{URL: url}); mistakes != "" || warnings != "" {
			t.Errorf("%s: New says %q and logs %q", url, mistakes, warnings)
		}
	}
}

func TestNewWarnsOfProvidersThatServeEverybody(t *testing.T) {
	rules := []middleware.ClaimRule{{Claims: []string{"repository_id"}, OneOf: []string{"74"}}}
	for url, preset := range map[string]string{
		"https://token.actions.githubusercontent.com": "GitHubActions", "https://gitlab.com": "GitLabCI", "https://example.okta.com": "OktaOrg",
		"https://accounts.google.com": "Google", "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbC": "Cognito",
	} {
		_, warnings := news(t, middleware.Issuer{URL: url})
		if strings.Count(warnings, "a setting is a risk") != 1 || !strings.Contains(warnings, "use issuers."+preset+" of package") {
			t.Errorf("%s: New logs %q", url, warnings)
		}
		for name, quiet := range map[string]middleware.Issuer{
			"rules": {URL: url, ClaimRules: rules}, "a function": {URL: url, Accept: func(*middleware.Token) error { return nil }},
			"introspected": {URL: url, JWTs: middleware.IntrospectJWTs, Introspector: answers{}}, "ID tokens": {URL: url, Profile: middleware.IDToken},
		} {
			if _, warnings := news(t, quiet); warnings != "" {
				t.Errorf("%s with %s: New logs %q", url, name, warnings)
			}
		}
	}
}
