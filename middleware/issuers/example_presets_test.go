package issuers_test

import (
	"fmt"
	"os"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// The lines of README.md.

var (
	client middleware.Introspector = answers{} // in a program: introspection.New
	secret                         = "0123456789abcdef" + os.Getenv("TOKEN_SECRET") + "0123456789abcdef"
)

func ExampleAuth0() {
	i := issuers.Auth0("example.eu.auth0.com")
	fmt.Println(i.URL, i.Err)
	// Output: https://example.eu.auth0.com/ <nil>
}

func ExampleOkta() {
	i := issuers.Okta("example.okta.com", "default")
	fmt.Println(i.URL, i.Err)
	// Output: https://example.okta.com/oauth2/default <nil>
}

func ExampleOktaOrg() {
	r, err := issuers.OktaOrg("example.okta.com", "client-id", secret, "web")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
	// Output: https://example.okta.com
}

func ExampleEntra() {
	i := issuers.Entra(issuers.EntraTokens{API: "6e74172b-be56-4843-9ff4-e66a39bb12e3", Tenants: []string{"72f988bf-86f1-41af-91ab-2d7cd011db47"}})
	fmt.Println(i.URL, i.Err)
	// Output: https://login.microsoftonline.com/{tenantid}/v2.0 <nil>
}

func ExampleCognito() {
	i := issuers.Cognito("eu-central-1", "eu-central-1_AbCdEf123", "app-client-id")
	fmt.Println(i.URL, i.Err)
	// Output: https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123 <nil>
}

func ExampleCognitoIDTokens() {
	i := issuers.CognitoIDTokens("eu-central-1", "eu-central-1_AbCdEf123", "app-client-id")
	fmt.Println(i.URL, i.Err)
	// Output: https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123 <nil>
}

func ExampleAWSLoadBalancer() {
	r, err := issuers.AWSLoadBalancer(issuers.AWSLoadBalancerConfig{Region: "eu-central-1", Issuer: "https://login.example.com", LoadBalancers: []string{"arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
	// Output: https://login.example.com
}

func ExampleGoogle_users() {
	i := issuers.Google(issuers.GoogleTokens{ClientIDs: []string{"123.apps.googleusercontent.com"}, Domains: []string{"example.com"}})
	fmt.Println(i.URL, i.Err)
	// Output: https://accounts.google.com <nil>
}

func ExampleGoogle_serviceAccounts() {
	i := issuers.Google(issuers.GoogleTokens{ServiceAccounts: []string{"jobs@example.iam.gserviceaccount.com"}})
	fmt.Println(i.URL, i.Err)
	// Output: https://accounts.google.com <nil>
}

func ExampleGoogleAccessTokens() {
	r, err := issuers.GoogleAccessTokens(issuers.GoogleAccessTokensConfig{ClientIDs: []string{"123.apps.googleusercontent.com"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
	// Output: https://accounts.google.com
}

func ExampleGoogleIAP() {
	i := issuers.GoogleIAP("/projects/123456/global/backendServices/7890")
	fmt.Println(i.URL, i.Err)
	// Output: https://cloud.google.com/iap <nil>
}

func ExampleFirebase() {
	i := issuers.Firebase("example-1a2b3")
	fmt.Println(i.URL, i.Err)
	// Output: https://securetoken.google.com/example-1a2b3 <nil>
}

func ExampleCloudflareAccess() {
	i := issuers.CloudflareAccess("example", "32eafc7626e737")
	fmt.Println(i.URL, i.Err)
	// Output: https://example.cloudflareaccess.com <nil>
}

func ExampleApple() {
	i := issuers.Apple("com.example.app")
	fmt.Println(i.URL, i.Err)
	// Output: https://appleid.apple.com <nil>
}

func ExampleFacebookLimitedLogin() {
	i := issuers.FacebookLimitedLogin("1234567890")
	fmt.Println(i.URL, i.Err)
	// Output: https://www.facebook.com <nil>
}

func ExampleFacebookAccessTokens() {
	r, err := issuers.FacebookAccessTokens(issuers.FacebookAccessTokensConfig{AppID: "1234567890", AppSecret: secret})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
	// Output: https://www.facebook.com
}

func ExampleWorkOS() {
	i := issuers.WorkOS("client_01HXYZ")
	fmt.Println(i.URL, i.Err)
	// Output: https://api.workos.com/user_management/client_01HXYZ <nil>
}

func ExampleAuthKit() {
	i := issuers.AuthKit("example.authkit.app")
	fmt.Println(i.URL, i.Err)
	// Output: https://example.authkit.app <nil>
}

func ExampleDescope() {
	i := issuers.Descope(issuers.DescopeTokens{Project: "P2abcDEF"})
	fmt.Println(i.URL, i.Err)
	// Output: P2abcDEF <nil>
}

func ExampleLoginRadius() {
	i := issuers.LoginRadius("example", "shop")
	fmt.Println(i.URL, i.Err)
	// Output: https://example.hub.loginradius.com/service/oidc/shop <nil>
}

func ExampleLoginRadiusService() {
	i := issuers.LoginRadiusService("example", "shop")
	fmt.Println(i.URL, i.Err)
	// Output: https://example.hub.loginradius.com/service/oauth/ <nil>
}

func ExampleClerk() {
	i := issuers.Clerk("clerk.example.com", "https://app.example.com")
	fmt.Println(i.URL, i.Err)
	// Output: https://clerk.example.com <nil>
}

func ExampleSupabase() {
	i := issuers.Supabase("abcdefghijklmnopqrst")
	fmt.Println(i.URL, i.Err)
	// Output: https://abcdefghijklmnopqrst.supabase.co/auth/v1 <nil>
}

func ExampleStytch() {
	i := issuers.Stytch(issuers.StytchTokens{Project: "project-live-1a2b3c"})
	fmt.Println(i.URL, i.Err)
	// Output: stytch.com/project-live-1a2b3c <nil>
}

func ExampleKeycloak() {
	i := issuers.Keycloak("https://sso.example.com", "shop")
	fmt.Println(i.URL, i.Err)
	// Output: https://sso.example.com/realms/shop <nil>
}

func ExampleKeycloakLightweight() {
	i := issuers.KeycloakLightweight("https://sso.example.com", "shop", client)
	fmt.Println(i.URL, i.Err)
	// Output: https://sso.example.com/realms/shop <nil>
}

func ExampleHydra() {
	i := issuers.Hydra("https://hydra.example.com/", client)
	fmt.Println(i.URL, i.Err)
	// Output: https://hydra.example.com/ <nil>
}

func ExampleZITADEL() {
	i := issuers.ZITADEL("example-abc123.zitadel.cloud", "271283497623489", client)
	fmt.Println(i.URL, i.Err)
	// Output: https://example-abc123.zitadel.cloud <nil>
}

func ExampleAuthentik() {
	i := issuers.Authentik("https://authentik.example.com", "shop", "client-id")
	fmt.Println(i.URL, i.Err)
	// Output: https://authentik.example.com/application/o/shop/ <nil>
}

func ExampleFusionAuth() {
	i := issuers.FusionAuth("https://auth.example.com", "acme.com", "application-id")
	fmt.Println(i.URL, i.Err)
	// Output: acme.com <nil>
}

func ExamplePingFederate() {
	i := issuers.PingFederate("https://sso.example.com", client, "web")
	fmt.Println(i.URL, i.Err)
	// Output: https://sso.example.com <nil>
}

func ExampleDuende() {
	i := issuers.Duende("https://identity.example.com", client)
	fmt.Println(i.URL, i.Err)
	// Output: https://identity.example.com <nil>
}

func ExampleSpring() {
	i := issuers.Spring("https://auth.example.com", "web")
	fmt.Println(i.URL, i.Err)
	// Output: https://auth.example.com <nil>
}

func ExampleSpringReference() {
	i := issuers.SpringReference("https://auth.example.com", client, "web")
	fmt.Println(i.URL, i.Err)
	// Output: https://auth.example.com <nil>
}

func ExampleDjangoOAuthToolkit() {
	i := issuers.DjangoOAuthToolkit("https://www.example.com", client, "web")
	fmt.Println(i.URL, i.Err)
	// Output: https://www.example.com <nil>
}

func ExampleGitHubActions() {
	i := issuers.GitHubActions("https://api.example.com", "123456789")
	fmt.Println(i.URL, i.Err)
	// Output: https://token.actions.githubusercontent.com <nil>
}

func ExampleGitLabCI() {
	i := issuers.GitLabCI("gitlab.com", "https://api.example.com", "278964")
	fmt.Println(i.URL, i.Err)
	// Output: https://gitlab.com <nil>
}

func ExampleKubernetes() {
	r, err := issuers.Kubernetes(issuers.KubernetesConfig{Issuer: "https://kubernetes.default.svc.cluster.local", Audiences: []string{"orders"}, ServiceAccounts: []string{"shop/web"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
	// Output: https://kubernetes.default.svc.cluster.local
}

func ExampleSPIFFE() {
	r, err := issuers.SPIFFE(issuers.SPIFFEConfig{TrustDomain: "example.org", Audiences: []string{"orders"}, AnyWorkload: true, BundleFile: "bundle.json"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
}

func ExampleHS256() {
	i := issuers.HS256("https://auth.example.com", []byte(secret))
	fmt.Println(i.URL, i.Err)
	// Output: https://auth.example.com <nil>
}

func ExampleKeyFile() {
	r, err := issuers.KeyFile(issuers.FileConfig{Issuer: "https://auth.example.com", Path: "keys.pem"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
}

func ExampleSecretFile() {
	r, err := issuers.SecretFile(issuers.FileConfig{Issuer: "https://auth.example.com", Path: "secrets"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = r.Close() }()
	fmt.Println(r.Issuer.URL)
}
