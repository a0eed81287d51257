package issuers

import (
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/loadbalancer"
)

// Presets returns all presets, in the order in which README.md of this package lists them. Two parameters of [Entra] and [GoogleTokens] that are
// functions or need more than text are left to programs.
func Presets() []Preset {
	var all []Preset
	for _, group := range [][]Preset{cloudPresets(), socialPresets(), saasPresets(), selfHostedPresets(), workloadPresets(), inHousePresets()} {
		all = append(all, group...)
	}
	return all
}

func cloudPresets() []Preset {
	return []Preset{
		plain(Preset{Name: "auth0", Func: "Auth0", Provider: "Auth0", Params: []Param{need("domain", "example.eu.auth0.com")}},
			func(v given) middleware.Issuer { return Auth0(v.one("domain")) }),
		plain(Preset{
			Name: "okta", Func: "Okta", Provider: "Okta, custom authorization server",
			Params: []Param{need("domain", "example.okta.com"), need("server", "default")},
		}, func(v given) middleware.Issuer { return Okta(v.one("domain"), v.one("server")) }),
		running(Preset{
			Name: "okta-org", Func: "OktaOrg", Provider: "Okta, org authorization server",
			Params: []Param{
				need("domain", "example.okta.com"), need("client_id", "0oa1b2c3"),
				{Name: "client_secret", Example: "from a file or variable", Required: true, Secret: true}, list("clients", "0oa4d5e6"),
			},
		}, func(v given) (*Running, error) {
			return OktaOrg(v.one("domain"), v.one("client_id"), v.one("client_secret"), v["clients"]...)
		}),
		plain(Preset{
			Name: "entra", Func: "Entra", Provider: "Microsoft Entra ID, v2 and v1, one tenant or many",
			Params: []Param{
				need("api", "6e74172b-be56-4843-9ff4-e66a39bb12e3"), list("tenants", "72f988bf-86f1-41af-91ab-2d7cd011db47"), option("v1", "false"),
				more("app_id_uris", "api://orders"),
			},
		}, func(v given) middleware.Issuer {
			return Entra(EntraTokens{API: v.one("api"), Tenants: v["tenants"], V1: v.is("v1"), AppIDURIs: v["app_id_uris"]})
		}),
		plain(Preset{
			Name: "cognito", Func: "Cognito", Provider: "AWS Cognito, access tokens",
			Params: []Param{need("region", "eu-central-1"), need("user_pool", "eu-central-1_AbCdEf123"), list("clients", "3n4b5urk1ft4fl3mg5e62d9ado")},
		}, func(v given) middleware.Issuer { return Cognito(v.one("region"), v.one("user_pool"), v["clients"]...) }),
		plain(Preset{
			Name: "cognito-id-tokens", Func: "CognitoIDTokens", Provider: "AWS Cognito, ID tokens",
			Params: []Param{need("region", "eu-central-1"), need("user_pool", "eu-central-1_AbCdEf123"), list("clients", "3n4b5urk1ft4fl3mg5e62d9ado")},
		}, func(v given) middleware.Issuer {
			return CognitoIDTokens(v.one("region"), v.one("user_pool"), v["clients"]...)
		}),
		running(Preset{
			Name: "aws-load-balancer", Func: "AWSLoadBalancer", Provider: "AWS Application Load Balancer (x-amzn-oidc-data)", Field: loadbalancer.Field,
			Params: []Param{
				need("region", "eu-central-1"), need("issuer", "https://login.example.com"),
				list("load_balancers", "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/50dc6c495c0c9188"),
			},
		}, func(v given) (*Running, error) {
			return AWSLoadBalancer(AWSLoadBalancerConfig{Region: v.one("region"), Issuer: v.one("issuer"), LoadBalancers: v["load_balancers"]})
		}),
		plain(Preset{
			Name: "google-users", Func: "Google", Provider: "Google, users (ID tokens)",
			Params: []Param{list("client_ids", "123.apps.googleusercontent.com"), more("domains", "example.com"), option("any_account", "false")},
		}, func(v given) middleware.Issuer {
			return Google(GoogleTokens{ClientIDs: v["client_ids"], Domains: v["domains"], AnyAccount: v.is("any_account")})
		}),
		plain(Preset{
			Name: "google-service-accounts", Func: "Google", Provider: "Google, service accounts (ID tokens)",
			Params: []Param{list("service_accounts", "jobs@example.iam.gserviceaccount.com")},
		}, func(v given) middleware.Issuer { return Google(GoogleTokens{ServiceAccounts: v["service_accounts"]}) }),
		running(Preset{
			Name: "google-access-tokens", Func: "GoogleAccessTokens", Provider: "Google, access tokens (tokeninfo)",
			Params: []Param{list("client_ids", "123.apps.googleusercontent.com")},
		}, func(v given) (*Running, error) {
			return GoogleAccessTokens(GoogleAccessTokensConfig{ClientIDs: v["client_ids"]})
		}),
		plain(Preset{
			Name: "google-iap", Func: "GoogleIAP", Provider: "Google Identity-Aware Proxy", Field: "X-Goog-Iap-Jwt-Assertion",
			Params: []Param{list("audiences", "/projects/123456/global/backendServices/7890")},
		}, func(v given) middleware.Issuer { return GoogleIAP(v["audiences"]...) }),
		plain(Preset{Name: "firebase", Func: "Firebase", Provider: "Firebase Authentication", Params: []Param{need("project", "example-1a2b3")}},
			func(v given) middleware.Issuer { return Firebase(v.one("project")) }),
		plain(Preset{
			Name: "cloudflare-access", Func: "CloudflareAccess", Provider: "Cloudflare Access, users and service tokens", Field: "Cf-Access-Jwt-Assertion",
			Params: []Param{need("team", "example"), list("tags", "32eafc7626e737")},
		}, func(v given) middleware.Issuer { return CloudflareAccess(v.one("team"), v["tags"]...) }),
	}
}

func socialPresets() []Preset {
	return []Preset{
		plain(Preset{Name: "apple", Func: "Apple", Provider: "Sign in with Apple", Params: []Param{list("client_ids", "com.example.app")}},
			func(v given) middleware.Issuer { return Apple(v["client_ids"]...) }),
		plain(Preset{
			Name: "facebook-limited-login", Func: "FacebookLimitedLogin", Provider: "Facebook, Limited Login", Params: []Param{list("app_ids", "1234567890")},
		}, func(v given) middleware.Issuer { return FacebookLimitedLogin(v["app_ids"]...) }),
		running(Preset{
			Name: "facebook-access-tokens", Func: "FacebookAccessTokens", Provider: "Facebook, access tokens (debug_token)",
			Params: []Param{need("app_id", "1234567890"), {Name: "app_secret", Example: "from a file or variable", Required: true, Secret: true}},
		}, func(v given) (*Running, error) {
			return FacebookAccessTokens(FacebookAccessTokensConfig{AppID: v.one("app_id"), AppSecret: v.one("app_secret")})
		}),
	}
}

func saasPresets() []Preset {
	return []Preset{
		plain(Preset{Name: "workos", Func: "WorkOS", Provider: "WorkOS, sessions", Params: []Param{need("client_id", "client_01HXYZ")}},
			func(v given) middleware.Issuer { return WorkOS(v.one("client_id")) }),
		plain(Preset{Name: "authkit", Func: "AuthKit", Provider: "WorkOS AuthKit as an OAuth server", Params: []Param{need("domain", "example.authkit.app")}},
			func(v given) middleware.Issuer { return AuthKit(v.one("domain")) }),
		plain(Preset{
			Name: "descope", Func: "Descope", Provider: "Descope",
			Params: []Param{need("project", "P2abcDEF"), more("audiences", "https://api.example.com"), more("tenants", "T2abcDEF")},
		}, func(v given) middleware.Issuer {
			return Descope(DescopeTokens{Project: v.one("project"), Audiences: v["audiences"], Tenants: v["tenants"]})
		}),
		plain(Preset{Name: "loginradius", Func: "LoginRadius", Provider: "LoginRadius, users", Params: []Param{need("tenant", "example"), need("app", "shop")}},
			func(v given) middleware.Issuer { return LoginRadius(v.one("tenant"), v.one("app")) }),
		plain(Preset{
			Name: "loginradius-service", Func: "LoginRadiusService", Provider: "LoginRadius, machines", Params: []Param{need("tenant", "example"), need("app", "shop")},
		}, func(v given) middleware.Issuer { return LoginRadiusService(v.one("tenant"), v.one("app")) }),
		plain(Preset{
			Name: "clerk", Func: "Clerk", Provider: "Clerk, sessions", Params: []Param{need("domain", "clerk.example.com"), list("origins", "https://app.example.com")},
		}, func(v given) middleware.Issuer { return Clerk(v.one("domain"), v["origins"]...) }),
		plain(Preset{Name: "supabase", Func: "Supabase", Provider: "Supabase", Params: []Param{need("ref", "abcdefghijklmnopqrst")}},
			func(v given) middleware.Issuer { return Supabase(v.one("ref")) }),
		plain(Preset{
			Name: "stytch", Func: "Stytch", Provider: "Stytch, sessions or machines",
			Params: []Param{need("project", "project-live-1a2b3c"), option("machines", "false")},
		}, func(v given) middleware.Issuer {
			return Stytch(StytchTokens{Project: v.one("project"), Machines: v.is("machines")})
		}),
	}
}

func selfHostedPresets() []Preset {
	return []Preset{
		plain(Preset{Name: "keycloak", Func: "Keycloak", Provider: "Keycloak", Params: []Param{need("base", "https://sso.example.com"), need("realm", "shop")}},
			func(v given) middleware.Issuer { return Keycloak(v.one("base"), v.one("realm")) }),
		asking(Preset{
			Name: "keycloak-lightweight", Func: "KeycloakLightweight", Provider: "Keycloak, lightweight tokens",
			Params: []Param{need("base", "https://sso.example.com"), need("realm", "shop")},
		}, true, func(v given, client middleware.Introspector) middleware.Issuer {
			return KeycloakLightweight(v.one("base"), v.one("realm"), client)
		}),
		asking(Preset{Name: "hydra", Func: "Hydra", Provider: "Ory Hydra", Params: []Param{need("issuer", "https://hydra.example.com/")}}, false,
			func(v given, client middleware.Introspector) middleware.Issuer { return Hydra(v.one("issuer"), client) }),
		asking(Preset{
			Name: "zitadel", Func: "ZITADEL", Provider: "ZITADEL",
			Params: []Param{need("domain", "example-abc123.zitadel.cloud"), need("project_id", "271283497623489")},
		}, false, func(v given, client middleware.Introspector) middleware.Issuer {
			return ZITADEL(v.one("domain"), v.one("project_id"), client)
		}),
		plain(Preset{
			Name: "authentik", Func: "Authentik", Provider: "authentik",
			Params: []Param{need("base", "https://authentik.example.com"), need("slug", "shop"), need("client_id", "Xy12")},
		}, func(v given) middleware.Issuer { return Authentik(v.one("base"), v.one("slug"), v.one("client_id")) }),
		plain(Preset{
			Name: "fusionauth", Func: "FusionAuth", Provider: "FusionAuth",
			Params: []Param{need("base", "https://auth.example.com"), need("issuer", "acme.com"), list("applications", "3c219e58-ed0e-4b18-ad48-f4f92793ae32")},
		}, func(v given) middleware.Issuer {
			return FusionAuth(v.one("base"), v.one("issuer"), v["applications"]...)
		}),
		asking(Preset{
			Name: "pingfederate", Func: "PingFederate", Provider: "PingFederate, reference tokens",
			Params: []Param{need("base", "https://sso.example.com"), list("clients", "web")},
		}, true, func(v given, client middleware.Introspector) middleware.Issuer {
			return PingFederate(v.one("base"), client, v["clients"]...)
		}),
		asking(Preset{Name: "duende", Func: "Duende", Provider: "Duende IdentityServer", Params: []Param{need("authority", "https://identity.example.com")}}, false,
			func(v given, client middleware.Introspector) middleware.Issuer {
				return Duende(v.one("authority"), client)
			}),
		plain(Preset{
			Name: "spring", Func: "Spring", Provider: "Spring Authorization Server, default JWTs",
			Params: []Param{need("issuer", "https://auth.example.com"), list("clients", "web")},
		}, func(v given) middleware.Issuer { return Spring(v.one("issuer"), v["clients"]...) }),
		asking(Preset{
			Name: "spring-reference", Func: "SpringReference", Provider: "Spring Authorization Server, reference tokens",
			Params: []Param{need("issuer", "https://auth.example.com"), list("clients", "web")},
		}, true, func(v given, client middleware.Introspector) middleware.Issuer {
			return SpringReference(v.one("issuer"), client, v["clients"]...)
		}),
		asking(Preset{
			Name: "django-oauth-toolkit", Func: "DjangoOAuthToolkit", Provider: "django-oauth-toolkit",
			Params: []Param{need("base", "https://www.example.com"), list("clients", "web")},
		}, true, func(v given, client middleware.Introspector) middleware.Issuer {
			return DjangoOAuthToolkit(v.one("base"), client, v["clients"]...)
		}),
	}
}

func workloadPresets() []Preset {
	return []Preset{
		plain(Preset{
			Name: "github-actions", Func: "GitHubActions", Provider: "GitHub Actions",
			Params: []Param{need("audience", "https://api.example.com"), list("repository_ids", "123456789")},
		}, func(v given) middleware.Issuer { return GitHubActions(v.one("audience"), v["repository_ids"]...) }),
		plain(Preset{
			Name: "gitlab-ci", Func: "GitLabCI", Provider: "GitLab CI",
			Params: []Param{need("host", "gitlab.com"), need("audience", "https://api.example.com"), list("project_ids", "278964")},
		}, func(v given) middleware.Issuer {
			return GitLabCI(v.one("host"), v.one("audience"), v["project_ids"]...)
		}),
		running(Preset{
			Name: "kubernetes", Func: "Kubernetes", Provider: "Kubernetes service accounts",
			Params: []Param{
				need("issuer", "https://kubernetes.default.svc.cluster.local"), list("audiences", "orders"),
				more("service_accounts", "shop/web"), more("namespaces", "jobs"),
				option("jwks_uri", "https://kubernetes.default.svc/openid/v1/jwks"), option("ca_file", podFiles+"ca.crt"), option("token_file", podFiles+"token"),
			},
		}, func(v given) (*Running, error) {
			return Kubernetes(KubernetesConfig{
				Issuer: v.one("issuer"), Audiences: v["audiences"], ServiceAccounts: v["service_accounts"], Namespaces: v["namespaces"],
				JWKSURI: v.one("jwks_uri"), CAFile: v.one("ca_file"), TokenFile: v.one("token_file"),
			})
		}),
		running(Preset{
			Name: "spiffe", Func: "SPIFFE", Provider: "SPIFFE JWT-SVIDs",
			Params: []Param{
				need("trust_domain", "example.org"), list("audiences", "spiffe://example.org/orders"), more("ids", "spiffe://example.org/billing"),
				option("any_workload", "false"), option("issuer", "https://oidc.example.org"), option("bundle_url", "https://bundle.example.org/"),
				option("bundle_file", "/run/spiffe/bundle.json"),
			},
		}, func(v given) (*Running, error) {
			return SPIFFE(SPIFFEConfig{
				TrustDomain: v.one("trust_domain"), Audiences: v["audiences"], IDs: v["ids"], AnyWorkload: v.is("any_workload"), Issuer: v.one("issuer"),
				BundleURL: v.one("bundle_url"), BundleFile: v.one("bundle_file"),
			})
		}),
	}
}

func inHousePresets() []Preset {
	return []Preset{
		plain(Preset{
			Name: "hs256", Func: "HS256", Provider: "your own service, HS256",
			Params: []Param{
				need("issuer", "https://auth.example.com"),
				{Name: "secrets", Example: "from a file or variable, the newest first", Required: true, Many: true, Secret: true},
			},
		}, func(v given) middleware.Issuer {
			var secrets [][]byte
			for _, secret := range v["secrets"] {
				secrets = append(secrets, []byte(secret))
			}
			return HS256(v.one("issuer"), secrets...)
		}),
		running(Preset{
			Name: "key-file", Func: "KeyFile", Provider: "your own service, public keys in a file",
			Params: []Param{need("issuer", "https://auth.example.com"), need("path", "/etc/orders/keys.pem"), option("interval", "10s")},
		}, func(v given) (*Running, error) {
			cfg, err := fileConfig(v)
			if err != nil {
				return nil, err
			}
			return KeyFile(cfg)
		}),
		running(Preset{
			Name: "secret-file", Func: "SecretFile", Provider: "your own service, HS256 with secrets in a file",
			Params: []Param{need("issuer", "https://auth.example.com"), need("path", "/run/secrets/orders"), option("interval", "10s")},
		}, func(v given) (*Running, error) {
			cfg, err := fileConfig(v)
			if err != nil {
				return nil, err
			}
			return SecretFile(cfg)
		}),
	}
}
