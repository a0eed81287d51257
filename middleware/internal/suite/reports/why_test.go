package reports_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// mistake is one that people make, and what the error of New or else the one log line must say of it.
type mistake struct {
	name   string
	change func(*middleware.Config)
	guard  func(*middleware.Validator) *middleware.Guard // nil: any good token will do
	send   *http.Request
	says   []string
}

func issuer(change func(*middleware.Issuer)) func(*middleware.Config) {
	return kit.ChangeIssuer(change)
}

func token(changes kit.Claims) *http.Request { return kit.Bearer(kit.Mint(kit.GoodClaims(changes))) }

func headed(header string, changes kit.Claims) *http.Request {
	return kit.Bearer(testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(changes))), testkit.EdKey()))
}

func typed(typ string, changes kit.Claims) *http.Request {
	return kit.Bearer(kit.MintTyped(typ, kit.GoodClaims(changes)))
}

func needs(narrow func(*middleware.Guard) *middleware.Guard) func(*middleware.Validator) *middleware.Guard {
	return func(v *middleware.Validator) *middleware.Guard { return narrow(v.Require()) }
}

func scope(scopes ...string) func(*middleware.Validator) *middleware.Guard {
	return needs(func(g *middleware.Guard) *middleware.Guard { return g.Require(scopes...) })
}

func role(roles ...string) func(*middleware.Validator) *middleware.Guard {
	return needs(func(g *middleware.Guard) *middleware.Guard { return g.AnyRole(roles...) })
}

func rolesFrom(entries ...string) func(*middleware.Config) {
	return issuer(func(i *middleware.Issuer) { i.Claims.Roles = entries })
}

// pages are what an authorization server publishes, by path.
func pages(p map[string]string, header ...string) http.RoundTripper {
	return kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
		status, page := http.StatusOK, p[r.URL.Path]
		if page == "" {
			status = http.StatusNotFound
		}
		return &http.Response{StatusCode: status, Header: kit.Fields(header...), Body: io.NopCloser(strings.NewReader(page)), Request: r}, nil
	})
}

// fetching lets the keys come from this transport.
func fetching(rt http.RoundTripper, change ...func(*middleware.Issuer)) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = nil
		cfg.HTTPClient = &http.Client{Transport: rt}
		for _, c := range change {
			c(&cfg.Issuers[0])
		}
	}
}

const metadataPath = "/.well-known/openid-configuration"

func published(metadata string, keys string) map[string]string {
	return map[string]string{metadataPath: metadata, "/keys": keys}
}

var goodMetadata = `{"issuer":"` + testkit.Issuer + `","jwks_uri":"` + testkit.Issuer + `/keys"}`

// oneKey is a key set of the test's key under this kid.
func oneKey(kid string) string {
	jwk := testkit.JWK(testkit.EdKey().Public())
	jwk["kid"], jwk["alg"] = kid, "EdDSA"
	return string(testkit.JSON(kit.Claims{"keys": []any{jwk}}))
}

// endpoint introspects at an endpoint that answers so.
func endpoint(status int, answer string) func(*middleware.Config) {
	return issuer(func(i *middleware.Issuer) {
		client, err := introspection.New(introspection.Config{
			URL: testkit.Issuer + "/introspect", ClientAuth: introspection.SecretBasic("api", "secret"),
			HTTPClient: &http.Client{Transport: kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: kit.Fields("Content-Type", "application/json"), Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
			})},
		})
		i.Introspector = testkit.Must(client, err)
	})
}

func answering(changes kit.Claims) func(*middleware.Config) {
	return endpoint(200, string(testkit.JSON(kit.ActiveAnswer(changes))))
}

var opaque = kit.Bearer("an-opaque-token")

// bound are requests with a token bound to a key, and what else a client sends.
func boundRequest(scheme string, proofs ...testkit.Proof) *http.Request {
	bound := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	r := kit.Request("GET", kit.Fields("Authorization", scheme+" "+bound))
	for _, p := range proofs {
		p.Token = bound
		if p.Key == nil {
			p.Key = testkit.EdKey()
		}
		r.Header.Add("Dpop", p.String())
	}
	return r
}

func public(change func(*middleware.Config)) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		kit.SetPublicURL(cfg)
		if change != nil {
			change(cfg)
		}
	}
}

func cookies(fields ...string) *http.Request {
	r := kit.Request("POST", kit.Fields(append([]string{"Cookie", "__Host-token=" + kit.Mint(kit.GoodClaims(nil))}, fields...)...))
	r.Host = "api.example.com"
	return r
}

func fromCookie(cfg *middleware.Config) {
	cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("__Host-token")}
}

func proxied(cfg *middleware.Config) {
	cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

func tenants(allowed ...string) func(*middleware.Config) {
	return issuer(func(i *middleware.Issuer) {
		i.URL = kit.TenantsURL
		i.AllowTenant = func(_ context.Context, tenant string) bool {
			return strings.Contains(strings.Join(allowed, " "), tenant)
		}
	})
}

const hour = 3600

var now = testkit.Now.Unix()

// firstAfternoon are the mistakes that were made on a first afternoon with Cardea.
var firstAfternoon = []mistake{
	{"another audience", nil, nil, token(kit.Claims{"aud": "https://my-api/"}), []string{`got="aud 'https://my-api/'"`, `expected="aud 'https://api.example.com'"`}},
	{"no audience in the token", nil, nil, token(kit.Claims{"aud": nil}), []string{`got="no aud"`, "Auth0: the parameter audience", "AllowedClients"}},
	{"a blank behind the audience", func(cfg *middleware.Config) { cfg.Audiences = []string{"my-api "} }, nil, token(kit.Claims{"aud": "my-api"}), []string{"my-api "}},
	{"an audience from a variable that is not set", func(cfg *middleware.Config) { cfg.Audiences = []string{""} }, nil, nil, []string{"Audiences[0] is empty: is an environment variable missing?"}},
	{"no audience configured", func(cfg *middleware.Config) { cfg.Audiences = nil }, nil, nil, []string{"Config.Audiences are empty: name this API"}},
	{"a slash behind the issuer", nil, nil, token(kit.Claims{"iss": testkit.Issuer + "/"}), []string{
		`got="iss 'https://login.example.com/'"`, `expected="iss 'https://login.example.com'"`, "they differ only by a slash at the end", "verified=false"}},
	{"a line break behind the issuer", issuer(func(i *middleware.Issuer) { i.URL += "\n" }), nil, token(nil), []string{`\n`}},
	{"a slash found through metadata", fetching(pages(published(strings.Replace(goodMetadata, `com",`, `com/",`, 1), oneKey("ed")))), nil, token(nil), []string{
		"a slash at the end counts", "https://login.example.com/", "is configured"}},
	{"metadata without an issuer", fetching(pages(published(`{"jwks_uri":"x"}`, ""))), nil, token(nil), []string{"it names no issuer"}},
	{"plain http in a network of containers", issuer(func(i *middleware.Issuer) { i.URL, i.Keys = "http://keycloak:8080/realms/x", nil }), nil, nil, []string{"it must begin with https://", "DangerouslyAllowHTTP"}},
	{"an issuer that nothing answers for", fetching(kit.TransportFunc(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("dial tcp: connection refused")
	})), nil, token(nil), []string{"reason=keys_unavailable", "GET https://login.example.com/.well-known/openid-configuration", "connection refused", "level=WARN"}},
	{"no metadata", fetching(pages(nil)), nil, token(nil), []string{"it answered 404"}},
	{"HTML in place of the keys", fetching(pages(published(goodMetadata, "<html>"))), nil, token(nil), []string{"/keys", "no JSON object"}},
	{"the address of the metadata as issuer", fetching(pages(nil), func(i *middleware.Issuer) { i.URL += metadataPath }), nil, token(nil), []string{metadataPath}},
	{"HS256 without keys", issuer(func(i *middleware.Issuer) { i.Keys, i.Algorithms = nil, []string{"HS256"} }), nil, nil, []string{"set Keys to jwks.HMAC(…), a secret is never fetched"}},
	{"HS256 with public keys", issuer(func(i *middleware.Issuer) { i.Algorithms = []string{"HS256"} }), nil,
		kit.Bearer(testkit.Sign(`{"alg":"HS256"}`, string(testkit.JSON(kit.GoodClaims(nil))), make([]byte, 32))), []string{"HS256"}},
	{"an HS256 token where public keys are", nil, nil, kit.Bearer(testkit.Sign(`{"alg":"HS256"}`, string(testkit.JSON(kit.GoodClaims(nil))), make([]byte, 32))), []string{
		`got="alg 'HS256'"`, "RS256", "signed with a shared secret", "jwks.HMAC"}},
	{"RS256 where ES256 alone is accepted", issuer(func(i *middleware.Issuer) { i.Algorithms = []string{"ES256"} }), nil, headed(`{"alg":"RS256","kid":"rsa"}`, nil), []string{
		`got="alg 'RS256'"`, `expected="alg ES256"`, "add it to Issuer.Algorithms"}},
	{"another kid", nil, nil, headed(`{"alg":"EdDSA","kid":"other"}`, nil), []string{
		`got="kid 'other', alg 'EdDSA'"`, "one of the keys held: 'ed' (EdDSA), 'rsa' (RS256), 'p256' (ES256)", "another server, realm or environment"}},
	{"another kid, of keys that are fetched", fetching(pages(published(goodMetadata, oneKey("k1")))), nil, headed(`{"alg":"EdDSA","kid":"k2"}`, nil), []string{
		"kid 'k2'", "'k1' (EdDSA), fetched 0s ago"}},
	{"the kid of a key for another algorithm", nil, nil, headed(`{"alg":"ES256","kid":"rsa"}`, nil), []string{"kid 'rsa', alg 'ES256'", "the key of this kid is for RS256 only"}},
	{"another secret", issuer(func(i *middleware.Issuer) {
		i.Keys, i.Algorithms = testkit.Must(jwks.HMAC("HS256", []byte("0123456789abcdef0123456789abcdef"))), []string{"HS256"}
	}), nil, kit.Bearer(testkit.Sign(`{"alg":"HS256"}`, string(testkit.JSON(kit.GoodClaims(nil))), []byte("another secret of thirty-two bytes"))), []string{"no key of the issuer verifies the signature", "no kid, alg 'HS256'", "the server signs with another secret"}},
	{"a key of the same name", nil, nil, kit.Bearer(testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())), []string{
		"kid 'ed', alg 'EdDSA'", "a signature of a key that fits", "key of the same name", "verified=false"}},
	{"expired an hour ago", nil, nil, token(kit.Claims{"exp": now - hour, "iat": now - 2*hour}), []string{"exp 2100-11-22T11:00:00Z, 1h0m0s ago, iat 2h0m0s ago", "exp after 2100-11-22T12:00:00Z, the time here", "compare the clocks"}},
	{"nbf ahead", nil, nil, token(kit.Claims{"nbf": now + 300}), []string{"nbf 2100-11-22T12:05:00Z, 5m0s ahead", "leeway of 30s"}},
	{"iat ahead", nil, nil, token(kit.Claims{"iat": now + 300}), []string{"iat 2100-11-22T12:05:00Z, 5m0s ahead"}},
	{"no exp", nil, nil, token(kit.Claims{"exp": nil}), []string{"claim exp is absent"}},
	{"a scope is missing", nil, scope("items:read"), token(nil), []string{`got="scopes 'read', 'write' in claim 'scope'"`, `expected="scope 'items:read'"`, "needs=items:read"}},
	{"scopes in a claim that is not read", nil, scope("items:read"), token(kit.Claims{"scope": nil, "scopes": []string{"items:read"}}), []string{
		"none of the claims 'scope', 'scp' is there", "set Issuer.Claims.Scopes to 'scopes', which has it and is not read"}},
	{"scopes separated by commas", nil, scope("items:read"), token(kit.Claims{"scope": "items:read,items:write"}), []string{"'items:read,items:write'", "separated by spaces (RFC 6749 section 3.3), not by commas"}},
	{"a role is missing", rolesFrom("roles"), role("admin"), token(kit.Claims{"roles": []string{"user"}}), []string{`got="roles 'user' in claim 'roles'"`, `expected="role 'admin'"`, "needs=role:admin"}},
	{"no issuer maps roles", nil, role("admin"), token(kit.Claims{"realm_access": kit.Claims{"roles": []string{"admin"}}}), []string{
		"the issuer maps none", "set Issuer.Claims.Roles to '/realm_access/roles', which has it and is not read"}},
	{"a path with dots", rolesFrom("realm_access.roles"), role("admin"), token(kit.Claims{"realm_access": kit.Claims{"roles": []string{"admin"}}}), []string{"set Issuer.Claims.Roles to '/realm_access/roles', which has it"}},
	{"an ID token", nil, nil, typed("JWT", kit.Claims{"at_hash": "x", "scope": nil}), []string{"claim 'at_hash'", "this is an ID token", "send the access token"}},
	{"a plain JWT where RFC 9068 is demanded", issuer(func(i *middleware.Issuer) { i.Profile = middleware.RFC9068 }), nil, typed("JWT", nil), []string{
		"typ 'jwt'", "typ 'at+jwt'", "leave Issuer.Profile at AnyAccessToken"}},
	{"no scheme", nil, nil, kit.Request("GET", kit.Fields("Authorization", kit.Mint(kit.GoodClaims(nil)))), []string{"a JWT without a scheme", "write Bearer and a space"}},
	{"an opaque token that nobody introspects", nil, nil, opaque, []string{"the token is opaque and no issuer introspects it: set Issuer.Introspector"}},
	{"a wrong secret for introspection", endpoint(401, ""), nil, opaque, []string{"reason=introspection_unavailable", "refuses our own credentials (401)"}},
	{"a preflight", nil, nil, kit.Request("OPTIONS", kit.Fields("Origin", "https://shop.example", "Access-Control-Request-Method", "POST")), []string{"put the CORS middleware outside the Guard"}},
	{"a leeway of ten minutes, an algorithm in small letters, an issuer twice", func(cfg *middleware.Config) {
		cfg.Issuers[0].Leeway, cfg.Issuers[0].Algorithms = 10*time.Minute, []string{"rs256"}
		cfg.Issuers = append(cfg.Issuers, cfg.Issuers[0])
	}, nil, nil, []string{"Leeway is 10m0s", `holds "rs256"`, "named twice"}},
}

// ofTheSameKinds are mistakes with providers, proxies, clocks, bindings, cookies, introspection and tenants.
var ofTheSameKinds = []mistake{
	// Providers.
	{"http in iss, https configured", nil, nil, token(kit.Claims{"iss": "http://login.example.com"}), []string{"'http://login.example.com'", "they differ only in what stands before ://"}},
	{"capitals in iss", nil, nil, token(kit.Claims{"iss": "https://Login.example.com"}), []string{"they differ only in upper and lower case"}},
	{"a port in iss", nil, nil, token(kit.Claims{"iss": "https://login.example.com:8443"}), []string{"they differ only by the port"}},
	{"the realm of another environment", issuer(func(i *middleware.Issuer) { i.URL = "https://login.example.com/realms/prod" }), nil, token(kit.Claims{"iss": "https://login.example.com/realms/test"}), []string{
		"'https://login.example.com/realms/test'", "'https://login.example.com/realms/prod'", "the host is the same and the path differs"}},
	{"a name inside the cluster, another outside", issuer(func(i *middleware.Issuer) { i.URL = "https://keycloak.internal/realms/shop" }), nil, token(kit.Claims{"iss": "https://login.example.com/realms/shop"}), []string{
		"the path is the same and the host differs", "Issuer.JWKSURI"}},
	{"v1 of a server whose v2 is configured", issuer(func(i *middleware.Issuer) { i.URL = "https://login.microsoftonline.com/t/v2.0" }), nil, token(kit.Claims{"iss": "https://sts.windows.net/t/"}), []string{
		"'https://sts.windows.net/t/'", "'https://login.microsoftonline.com/t/v2.0'"}},
	{"the nearest of several issuers", issuer(func(i *middleware.Issuer) { i.Aliases = []string{"https://a.example", "https://login.example.org"} }), nil, token(kit.Claims{"iss": "https://login.example.org/"}), []string{
		"iss 'https://login.example.org', the nearest of", "only by a slash"}},
	{"a blank in front of iss", nil, nil, token(kit.Claims{"iss": " https://login.example.com"}), []string{"' https://login.example.com'", "a blank or control character at an end of that of the token"}},
	{"Keycloak's audience as it is", nil, nil, token(kit.Claims{"aud": "account"}), []string{"'account'", "account is what Keycloak writes by itself"}},
	{"the client id as audience", nil, nil, token(kit.Claims{"aud": "client-1"}), []string{"aud is the token's own client", "an ID token, perhaps"}},
	{"several audiences, none ours", nil, nil, token(kit.Claims{"aud": []string{"a", "b"}}), []string{`got="aud 'a', 'b'"`}},
	{"an audience that differs by a slash", nil, nil, token(kit.Claims{"aud": []string{"other", testkit.Audience + "/"}}), []string{"they differ only by a slash at the end: aud is compared byte for byte"}},
	{"an audience that differs by api://", func(cfg *middleware.Config) { cfg.Audiences = []string{"api://orders"} }, nil, token(kit.Claims{"aud": "orders"}), []string{
		"'api://orders'", "they differ only in what stands before ://"}},
	{"an audience in capitals", func(cfg *middleware.Config) { cfg.Audiences = []string{"Orders"} }, nil, token(kit.Claims{"aud": "orders"}), []string{"only in upper and lower case"}},
	{"an audience list of nothing", nil, nil, token(kit.Claims{"aud": []string{}}), []string{"an empty aud"}},
	{"another client", issuer(func(i *middleware.Issuer) { i.AllowedClients = []string{"shop", "admin"} }), nil, token(nil), []string{"client 'client-1'", "client one of 'shop', 'admin'"}},
	{"no claim that names the client", issuer(func(i *middleware.Issuer) { i.AllowedClients = []string{"shop"} }), nil, token(kit.Claims{"client_id": nil}), []string{
		"no client in client_id, azp, cid", "set Issuer.Claims.ClientID"}},
	{"an unsigned token", nil, nil, headed(`{"alg":"none"}`, nil), []string{"'none'", "an unsigned token is never taken"}},
	{"an encrypted token", nil, nil, kit.Bearer("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d"), []string{"reason=encrypted"}},
	{"an ID token by its nonce", nil, nil, typed("JWT", kit.Claims{"nonce": "n", "scope": "openid profile"}), []string{"'openid', 'profile'", "a granted scope beyond those of OpenID Connect", "this is an ID token"}},
	{"an ID token of Cognito", nil, nil, typed("JWT", kit.Claims{"token_use": "id"}), []string{"token_use 'id'", "token_use access", "this is an ID token"}},
	{"Keycloak's refresh token", nil, nil, typed("JWT", kit.Claims{"typ": "Refresh"}), []string{"typ (a claim) 'Refresh'", "this is a refresh token"}},
	{"a logout token", nil, nil, typed("logout+jwt", nil), []string{"typ 'logout+jwt'", "this is a logout token"}},
	{"a DPoP proof as the token", nil, nil, typed("dpop+jwt", nil), []string{"this is a DPoP proof: it goes into the DPoP field"}},
	{"roles at Auth0", rolesFrom("roles"), role("admin"), token(kit.Claims{"https://shop.example/roles": []string{"admin"}}), []string{"none of the claims 'roles' is there", "set Issuer.Claims.Roles to 'https://shop.example/roles', which has it"}},
	{"roles in groups", rolesFrom("roles"), role("admin"), token(kit.Claims{"groups": []string{"admin"}}), []string{"set Issuer.Claims.Roles to 'groups', which has it and is not read, if that claim speaks of this API"}},
	{"other roles in groups", rolesFrom("roles"), role("admin"), token(kit.Claims{"groups": []string{"user"}}), []string{"the token has no such claim", "it could be 'groups'"}},
	{"other roles that no issuer maps", nil, role("admin"), token(kit.Claims{"groups": []string{"user"}}), []string{"set Issuer.Claims.Roles to the claim that holds them; in this token it could be 'groups'"}},
	{"a path with dots to another role", rolesFrom("realm_access.roles"), role("admin"), token(kit.Claims{"realm_access": kit.Claims{"roles": []string{"user"}}}), []string{"a nested claim is written as '/realm_access/roles'"}},
	{"roles as the members of an object", nil, role("admin"), token(kit.Claims{"project:roles": kit.Claims{"admin": kit.Claims{"1": "shop"}}}), []string{"to 'project:roles', which has it"}},
	{"a role that an object takes back", nil, role("admin"), token(kit.Claims{"roles": kit.Claims{"admin": false}}), []string{`hint="set Issuer.Claims.Roles to the claim that holds them"`}},
	{"roles of SCIM", nil, role("admin"), token(kit.Claims{"roles": []kit.Claims{{"value": "admin"}}}), []string{"to 'roles', which has it"}},
	{"roles of two kinds", nil, role("admin"), token(kit.Claims{"roles": []any{"admin", 1}}), []string{"the claim that holds them; in this token it could be 'roles'"}},
	{"a role in one of two claims", nil, role("admin"), token(kit.Claims{"roles": "admin", "groups": "admin"}), []string{"to one of 'groups', 'roles', which has it"}},
	{"a role that RolesFunc leaves out", issuer(func(i *middleware.Issuer) {
		i.Claims.RolesFunc = func(*middleware.Token) ([]string, error) { return []string{"user"}, nil }
	}), role("admin"), token(kit.Claims{"groups": []string{"admin"}}), []string{`got="roles 'user' by Issuer.Claims.RolesFunc"`}},
	{"roles of a client of Keycloak", rolesFrom("/realm_access/roles"), role("admin"), token(kit.Claims{"resource_access": kit.Claims{"shop": kit.Claims{"roles": []string{"admin"}}}}), []string{
		"none of the claims '/realm_access/roles' is there", "'/resource_access/shop/roles'"}},
	{"a role in capitals", rolesFrom("roles"), role("admin"), token(kit.Claims{"roles": []string{"Admin"}}), []string{"'Admin' is not 'admin'", "only in upper and lower case"}},
	{"an empty list of roles", rolesFrom("roles"), role("admin", "owner"), token(kit.Claims{"roles": []string{}}), []string{"no roles in claim 'roles'", "role one of 'admin', 'owner'"}},
	{"permissions in place of scopes", nil, scope("read:orders"), token(kit.Claims{"scope": nil, "permissions": []string{"read:orders"}}), []string{"set Issuer.Claims.Scopes to 'permissions', which has it"}},
	{"permissions beside the scopes of a login", nil, scope("read:orders"), token(kit.Claims{"scope": "openid", "permissions": []string{"read:orders"}}), []string{
		"scopes 'openid' in claim 'scope'", "set Issuer.Claims.Scopes to 'permissions', which has it"}},
	{"other permissions in place of scopes", nil, scope("read:orders"), token(kit.Claims{"scope": nil, "permissions": []string{"x"}}), []string{`hint="set Issuer.Claims.Scopes to 'permissions', which is not read"`}},
	{"permissions for one of two scopes", nil, scope("read", "orders"), token(kit.Claims{"scope": "read", "permissions": []string{"orders"}}), []string{`got="scopes 'read' in claim 'scope'"`}},
	{"no scopes at all", nil, scope("orders"), token(kit.Claims{"scope": nil}), []string{"the client has to ask for the scope"}},
	{"an empty scope", nil, scope("orders"), token(kit.Claims{"scope": ""}), []string{"no scopes in claim 'scope'"}},
	{"a scope with a name in front", nil, scope("orders"), token(kit.Claims{"scope": "api://orders"}), []string{"'api://orders' is not 'orders'"}},
	{"one of two scopes", nil, scope("read", "orders"), token(nil), []string{"scope 'read' and 'orders'"}},

	// Step-up.
	{"another acr", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.ACR("gold", "silver") }), token(kit.Claims{"acr": "bronze"}), []string{"acr 'bronze'", "acr one of 'gold', 'silver'"}},
	{"no auth_time", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Minute) }), token(nil), []string{"no auth_time", "the server has to write auth_time"}},
	{"an old login", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Minute) }), token(kit.Claims{"auth_time": now - hour}), []string{"auth_time 1h0m0s ago", "at most 1m0s ago", "max_age"}},
	{"a delegated token", nil, needs((*middleware.Guard).Undelegated), token(kit.Claims{"act": kit.Claims{"sub": "a", "client_id": "agent"}}), []string{"an actor (act) of client_id 'agent'", "no actor"}},
	{"a token of nobody's delegate", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.Delegated() }), token(nil), []string{"no actor (act)"}},

	// Proxies.
	{"Basic of a gateway in Authorization", nil, nil, kit.Request("GET", kit.Fields("Authorization", "Basic dXNlcjpwYXNz")), []string{"the scheme Basic", "the scheme Bearer"}},
	{"two places", func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token")}
	}, nil,
		kit.Request("GET", kit.Fields("Authorization", "Bearer a", "X-Token", "b")), []string{"a token in Authorization and the field X-Token", "Config.IgnoreAuthorization"}},
	{"a token of many groups", func(cfg *middleware.Config) { cfg.MaxTokenBytes = 100 }, nil, token(nil), []string{"at most 100 bytes", "raise Config.MaxTokenBytes"}},
	{"two lines", nil, nil, kit.Request("GET", kit.Fields("Authorization", "Bearer a", "Authorization", "Bearer b")), []string{"the Authorization field must occur once"}},
	{"no token", nil, nil, kit.Request("GET", nil), []string{"reason=no_token", "a proxy may have removed the Authorization field"}},
	{"TLS that ends at a proxy", nil, nil, kit.Bearer(kit.CertBoundToken()), []string{"the connection has none", "a token bound to a client certificate (cnf.x5t#S256)", "a proxy that terminates TLS needs MTLS.Header"}},
	{"a proxy that is not trusted", proxied, nil, kit.FromProxy("192.0.2.9:1", "Client-Cert", kit.CertByteSequence(kit.ClientCert())), []string{"is not among MTLS.TrustedProxies", "the field Client-Cert of a trusted proxy"}},
	{"another certificate", nil, nil, kit.OverTLS(kit.CertBoundToken(), kit.OtherCert()), []string{"the client's certificate is not the one"}},

	// Binding.
	{"a bound token as Bearer", public(nil), nil, boundRequest("Bearer"), []string{"a token bound to a DPoP key (cnf.jkt), sent as Bearer without a DPoP field", "the DPoP scheme and one proof"}},
	{"a bound token without PublicURL", nil, nil, boundRequest("Bearer"), []string{"set Config.PublicURL"}},
	{"the DPoP scheme without PublicURL", nil, nil, boundRequest("DPoP"), []string{"the scheme DPoP", "to accept it set Config.PublicURL"}},
	{"a bearer token sent as DPoP", public(nil), nil, kit.DPoPRequest(kit.Mint(kit.GoodClaims(nil))), []string{"a token bound to nothing, sent as DPoP"}},
	{"no proof", public(nil), nil, boundRequest("DPoP"), []string{"the request carries no DPoP proof"}},
	{"a proof for http", public(nil), nil, boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"htu": "http://api.example.com/orders"}}), []string{
		"htu 'http://api.example.com/orders'", "htu 'https://api.example.com/orders'", "only in what stands before ://", "compare Config.PublicURL"}},
	{"a proof for the name inside", public(nil), nil, boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"htu": "https://orders.internal/orders"}}), []string{"'https://orders.internal/orders'", "the path is the same and the host differs"}},
	{"a proof for another method", public(nil), nil, boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"htm": "POST"}}), []string{"htm 'POST'", "htm 'GET'"}},
	{"a proof of an hour ago", public(nil), nil, boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"iat": now - hour}}), []string{"1h0m0s ago", "iat within 1m0s of", "compare the clocks"}},
	{"a proof by another key", public(nil), nil, boundRequest("DPoP", testkit.Proof{Key: testkit.StrangeKey()}), []string{"another key than the token is bound to"}},
	{"bearer tokens where bound ones are demanded", public(func(cfg *middleware.Config) { cfg.DPoP.Required = true }), nil, token(nil), []string{"a token bound to nothing, sent as Bearer", "a token bound to a DPoP key"}},
	{"a binding that nobody knows", nil, nil, token(kit.Claims{"cnf": kit.Claims{"kid": "x"}}), []string{"cnf with 'kid'", "jkt or x5t#S256"}},

	// Cookies.
	{"a form on another site", fromCookie, nil, cookies("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), []string{"Origin 'https://evil.example', Sec-Fetch-Site 'cross-site'", "a page of 'api.example.com'"}},
	{"a page by http", public(fromCookie), nil, cookies("Origin", "http://api.example.com"), []string{"Origin 'http://api.example.com'", "a page of 'https://api.example.com'", "what stands before ://", "PublicURLs"}},
	{"a page on a sibling", public(fromCookie), nil, cookies("Origin", "https://shop.example.com"), []string{"Origin 'https://shop.example.com'"}},

	// Introspection.
	{"an inactive token", endpoint(200, `{"active":false}`), nil, opaque, []string{"reason=inactive", "the token is not active", "of another realm"}},
	{"an endpoint that is not there", endpoint(404, "no"), nil, opaque, []string{"reason=introspection_unavailable", "404"}},
	{"an endpoint that answers HTML", endpoint(200, "<html>"), nil, opaque, []string{"reason=introspection_unavailable"}},
	{"a refresh token", answering(kit.Claims{"token_type": "refresh_token"}), nil, opaque, []string{"token_type 'refresh_token'", "token_type Bearer or DPoP", "this is a refresh token"}},
	{"an answer for another API", answering(kit.Claims{"aud": "https://other"}), nil, opaque, []string{"aud 'https://other'", "verified=true"}},
	{"an answer without an audience", answering(kit.Claims{"aud": nil}), nil, opaque, []string{"no aud"}},
	{"an answer of another issuer", answering(kit.Claims{"iss": "https://login.example.com/"}), nil, opaque, []string{"iss 'https://login.example.com/'", "only by a slash"}},
	{"an answer that has expired", answering(kit.Claims{"exp": now - hour}), nil, opaque, []string{"1h0m0s ago"}},
	{"a DPoP answer without a binding", answering(kit.Claims{"token_type": "DPoP"}), nil, opaque, []string{"the answer has no cnf.jkt"}},

	// Tenants.
	{"a tenant that is not let in", tenants("t1"), nil, kit.Bearer(kit.TenantToken("t2")), []string{"tenant 't2' in iss", "a tenant that AllowTenant lets in"}},
	{"tid of another tenant", tenants("t1"), nil, token(kit.Claims{"iss": kit.TenantIssuer("t1"), "tid": "t2"}), []string{"tid 't2'", "tid 't1'", "letter by letter"}},
	{"no tid", tenants("t1"), nil, token(kit.Claims{"iss": kit.TenantIssuer("t1")}), []string{"no tid"}},

	// Clocks.
	{"a clock that is behind the key server's", fetching(pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 14:00:00 GMT")), nil, token(kit.Claims{"iat": now + 2*hour, "exp": now + 3*hour}), []string{
		"2h0m0s ahead", "the clock here is 2h0m0s behind the key server's"}},
	{"a clock that is ahead of the key server's", fetching(pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 10:00:00 GMT")), nil, token(kit.Claims{"iat": now - 2*hour, "exp": now - hour}), []string{
		"1h0m0s ago", "the clock here is 2h0m0s ahead of the key server's"}},
	{"clocks that agree", fetching(pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 12:00:00 GMT")), nil, token(kit.Claims{"exp": now - hour}), []string{
		"the clock here and the key server's agree, so it is the token"}},
	{"an answer that a cache has kept", fetching(pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 11:00:00 GMT", "Age", "3600")), nil, token(kit.Claims{"exp": now - hour}), []string{"agree"}},
}

// Whoever makes one of these mistakes learns from the error of New, or else from the one line about the refusal, what is wrong and on which
// side: there is nothing to look up, to decode or to switch on.
func TestEveryMistakeIsAnsweredByOneLine(t *testing.T) {
	if len(ofTheSameKinds) < 40 {
		t.Errorf("there are only %d mistakes of the same kinds", len(ofTheSameKinds))
	}
	for _, m := range append(firstAfternoon, ofTheSameKinds...) {
		t.Run(m.name, func(t *testing.T) {
			var b kit.Log
			cfg := kit.Config()
			cfg.Logger = textInto(&b)
			if m.change != nil {
				m.change(&cfg)
			}
			v, err := middleware.New(cfg)
			if err != nil {
				wantSaid(t, err.Error(), m.says)
				return
			}
			defer func() { _ = v.Close() }()
			if m.send == nil {
				t.Fatal("New accepts it")
			}
			guard := v.Require()
			if m.guard != nil {
				guard = m.guard(v)
			}
			b.Reset() // what New warns of is not about the request
			if got := kit.Serve(guard, m.send); got.Token != nil {
				t.Fatal("the request is admitted")
			}
			var lines []string
			for _, line := range linesOf(&b) {
				if strings.Contains(line, "access token not accepted") {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 {
				t.Fatalf("the refusal makes %d lines:\n%s", len(lines), &b)
			}
			wantSaid(t, lines[0], append(m.says, "method=", "path=/orders"))
		})
	}
}

func wantSaid(t *testing.T, said string, want []string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not said: %s", part, said)
		}
	}
}

// A breaker that is open says nothing about why. The line names the last true cause.
func TestTheLineOfAnOpenBreakerNamesTheCause(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Logger = textInto(&b)
		endpoint(401, "")(cfg)
	})
	for range 8 {
		kit.Serve(v.Require("x"+strings.Repeat("y", b.Len()%97)), opaque.Clone(t.Context()))
	}
	lines := linesOf(&b)
	if last := lines[len(lines)-1]; !strings.Contains(last, "left alone") || !strings.Contains(last, "(401)") {
		t.Errorf("the last line is %s", last)
	}
}

// Tokens that were accepted say whether the clocks agree; those that were refused say nothing, as anybody can send them.
func TestTheClockHintComesFromAcceptedTokens(t *testing.T) {
	expired := func() *http.Request { return token(kit.Claims{"exp": now - hour, "iat": now - 2*hour}) }
	for name, row := range map[string]struct {
		before *http.Request
		want   string
	}{
		"a fresh token was accepted": {token(kit.Claims{"iat": now}), "so the clocks agree and it is the token"},
		"a fresh token was refused":  {token(kit.Claims{"iat": now, "aud": "other"}), "compare the clocks"},
	} {
		var b kit.Log
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = textInto(&b) })
		kit.Serve(v.Require(), row.before)
		kit.Serve(v.Require(), expired())
		lines := linesOf(&b)
		if last := lines[len(lines)-1]; !strings.Contains(last, row.want) {
			t.Errorf("%s: %s", name, last)
		}
	}
}
