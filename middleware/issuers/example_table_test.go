package issuers_test

import (
	"context"
	"os"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// The lines of README.md, each as it stands there.

var (
	client         middleware.Introspector = answers{}
	secretOfOurs                           = []byte(os.Getenv("JWT_SECRET"))
	allowedByUs                            = func(context.Context, string) bool { return false }
	_              middleware.Introspector = (*introspection.Client)(nil)
	tableOfIssuers                         = []func() middleware.Issuer{
		func() middleware.Issuer { return issuers.Auth0("example.eu.auth0.com") },
		func() middleware.Issuer { return issuers.Okta("example.okta.com", "default") },
		func() middleware.Issuer {
			return issuers.Entra(issuers.EntraTokens{API: "6e74172b-…", Tenants: []string{"72f988bf-…"}})
		},
		func() middleware.Issuer {
			return issuers.Entra(issuers.EntraTokens{API: "6e74172b-…", AllowTenant: allowedByUs})
		},
		func() middleware.Issuer {
			return issuers.Cognito("eu-central-1", "eu-central-1_AbCdEf123", "app-client-id")
		},
		func() middleware.Issuer {
			return issuers.CognitoIDTokens("eu-central-1", "eu-central-1_AbCdEf123", "app-client-id")
		},
		func() middleware.Issuer {
			return issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"123.apps.googleusercontent.com"}, Domains: []string{"example.com"}})
		},
		func() middleware.Issuer {
			return issuers.Google(issuers.GoogleTokens{ServiceAccounts: []string{"jobs@example.iam.gserviceaccount.com"}})
		},
		func() middleware.Issuer { return issuers.GoogleIAP("/projects/123456/global/backendServices/7890") },
		func() middleware.Issuer { return issuers.Firebase("example-1a2b3") },
		func() middleware.Issuer { return issuers.CloudflareAccess("example", "32eafc7626e737…") },
		func() middleware.Issuer { return issuers.Apple("com.example.app") },
		func() middleware.Issuer { return issuers.FacebookLimitedLogin("1234567890") },
		func() middleware.Issuer { return issuers.WorkOS("client_01HXYZ") },
		func() middleware.Issuer { return issuers.AuthKit("example.authkit.app") },
		func() middleware.Issuer { return issuers.Descope(issuers.DescopeTokens{Project: "P2abcDEF"}) },
		func() middleware.Issuer { return issuers.LoginRadius("example", "shop") },
		func() middleware.Issuer { return issuers.LoginRadiusService("example", "shop") },
		func() middleware.Issuer { return issuers.Clerk("clerk.example.com", "https://app.example.com") },
		func() middleware.Issuer { return issuers.Supabase("abcdefghijklmnopqrst") },
		func() middleware.Issuer { return issuers.Stytch(issuers.StytchTokens{Project: "project-live-1a2b3c"}) },
		func() middleware.Issuer { return issuers.Keycloak("https://sso.example.com", "shop") },
		func() middleware.Issuer {
			return issuers.KeycloakLightweight("https://sso.example.com", "shop", client)
		},
		func() middleware.Issuer { return issuers.Hydra("https://hydra.example.com/", client) },
		func() middleware.Issuer {
			return issuers.ZITADEL("example-abc123.zitadel.cloud", "271283497623489", client)
		},
		func() middleware.Issuer {
			return issuers.Authentik("https://authentik.example.com", "shop", "client-id")
		},
		func() middleware.Issuer {
			return issuers.FusionAuth("https://auth.example.com", "acme.com", "application-id")
		},
		func() middleware.Issuer { return issuers.PingFederate("https://sso.example.com", client, "web") },
		func() middleware.Issuer { return issuers.Duende("https://identity.example.com", client) },
		func() middleware.Issuer { return issuers.Spring("https://auth.example.com", "web") },
		func() middleware.Issuer { return issuers.SpringReference("https://auth.example.com", client, "web") },
		func() middleware.Issuer { return issuers.DjangoOAuthToolkit("https://www.example.com", client, "web") },
		func() middleware.Issuer { return issuers.GitHubActions("https://api.example.com", "123456789") },
		func() middleware.Issuer { return issuers.GitLabCI("gitlab.com", "https://api.example.com", "278964") },
		func() middleware.Issuer { return issuers.HS256("https://auth.example.com", secretOfOurs) },
	}
	tableOfRunning = []func() (*issuers.Running, error){
		func() (*issuers.Running, error) {
			return issuers.OktaOrg("example.okta.com", "client-id", "secret", "web")
		},
		func() (*issuers.Running, error) {
			return issuers.AWSLoadBalancer(issuers.AWSLoadBalancerConfig{Region: "eu-central-1", Issuer: "https://login.example.com", LoadBalancers: []string{"arn:…"}})
		},
		func() (*issuers.Running, error) {
			return issuers.GoogleAccessTokens(issuers.GoogleAccessTokensConfig{ClientIDs: []string{"123.apps.googleusercontent.com"}})
		},
		func() (*issuers.Running, error) {
			return issuers.FacebookAccessTokens(issuers.FacebookAccessTokensConfig{AppID: "1234567890", AppSecret: "secret"})
		},
		func() (*issuers.Running, error) {
			return issuers.Kubernetes(issuers.KubernetesConfig{Issuer: "https://kubernetes.default.svc.cluster.local", Audiences: []string{"orders"}, ServiceAccounts: []string{"shop/web"}})
		},
		func() (*issuers.Running, error) {
			return issuers.SPIFFE(issuers.SPIFFEConfig{TrustDomain: "example.org", Audiences: []string{"orders"}, AnyWorkload: true, BundleFile: "bundle.json"})
		},
		func() (*issuers.Running, error) {
			return issuers.KeyFile(issuers.FileConfig{Issuer: "https://auth.example.com", Path: "keys.pem"})
		},
		func() (*issuers.Running, error) {
			return issuers.SecretFile(issuers.FileConfig{Issuer: "https://auth.example.com", Path: "secrets"})
		},
	}
)
