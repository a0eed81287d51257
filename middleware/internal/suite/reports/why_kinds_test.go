package reports_test

import (
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// ofTheSameKinds are mistakes with providers, proxies, clocks, bindings, cookies, introspection and tenants.
var ofTheSameKinds = []mistake{
	// Providers.
	{
		"http in iss, https configured", nil, nil, token(kit.Claims{"iss": "http://login.example.com"}),
		[]string{"'http://login.example.com'", "they differ only in what stands before ://"},
	},
	{"capitals in iss", nil, nil, token(kit.Claims{"iss": "https://Login.example.com"}), []string{"they differ only in upper and lower case"}},
	{"a port in iss", nil, nil, token(kit.Claims{"iss": "https://login.example.com:8443"}), []string{"they differ only by the port"}},
	{"the realm of another environment", issuer(
		func(i *middleware.Issuer) { i.URL = "https://login.example.com/realms/prod" },
	), nil, token(kit.Claims{"iss": "https://login.example.com/realms/test"}), []string{
		"'https://login.example.com/realms/test'", "'https://login.example.com/realms/prod'", "the host is the same and the path differs"}},
	{"a name inside the cluster, another outside", issuer(
		func(i *middleware.Issuer) { i.URL = "https://keycloak.internal/realms/shop" },
	), nil, token(kit.Claims{"iss": "https://login.example.com/realms/shop"}), []string{
		"the path is the same and the host differs", "Issuer.JWKSURI"}},
	{"v1 of a server whose v2 is configured", issuer(
		func(i *middleware.Issuer) { i.URL = "https://login.microsoftonline.com/t/v2.0" },
	), nil, token(kit.Claims{"iss": "https://sts.windows.net/t/"}), []string{
		"'https://sts.windows.net/t/'", "'https://login.microsoftonline.com/t/v2.0'"}},
	{"the nearest of several issuers", issuer(
		func(i *middleware.Issuer) { i.Aliases = []string{"https://a.example", "https://login.example.org"} },
	), nil, token(kit.Claims{"iss": "https://login.example.org/"}), []string{
		"iss 'https://login.example.org', the nearest of", "only by a slash"}},
	{
		"a blank in front of iss", nil, nil, token(kit.Claims{"iss": " https://login.example.com"}),
		[]string{"' https://login.example.com'", "a blank or control character at an end of that of the token"},
	},
	{"Keycloak's audience as it is", nil, nil, token(kit.Claims{"aud": "account"}), []string{"'account'", "account is what Keycloak writes by itself"}},
	{"the client id as audience", nil, nil, token(kit.Claims{"aud": "client-1"}), []string{"aud is the token's own client", "an ID token, perhaps"}},
	{
		"several audiences, none ours", nil, nil, token(kit.Claims{"aud": []string{"a", "b"}}),
		[]string{`got="aud 'a', 'b'"`, "the client has to ask for a token for this API"},
	},
	{
		"an audience that differs by a slash", nil, nil, token(kit.Claims{"aud": []string{"other", testkit.Audience + "/"}}),
		[]string{"they differ only by a slash at the end: aud is compared byte for byte"},
	},
	{"an audience that differs by api://", func(cfg *middleware.Config) { cfg.Audiences = []string{"api://orders"} }, nil, token(
		kit.Claims{"aud": "orders"},
	), []string{
		"'api://orders'", "they differ only in what stands before ://"}},
	{
		"an audience in capitals", func(cfg *middleware.Config) { cfg.Audiences = []string{"Orders"} }, nil,
		token(kit.Claims{"aud": "orders"}), []string{"only in upper and lower case"},
	},
	{"an audience list of nothing", nil, nil, token(kit.Claims{"aud": []string{}}), []string{"an empty aud", "let the server write this API into aud"}},
	{
		"another client", issuer(func(i *middleware.Issuer) { i.AllowedClients = []string{"shop", "admin"} }), nil, token(nil),
		[]string{"client 'client-1'", "client one of 'shop', 'admin'"},
	},
	{"no claim that names the client", issuer(
		func(i *middleware.Issuer) { i.AllowedClients = []string{"shop"} },
	), nil, token(kit.Claims{"client_id": nil}), []string{
		"no client in client_id, azp, cid", "set Issuer.Claims.ClientID"}},
	{"an unsigned token", nil, nil, headed(`{"alg":"none"}`, nil), []string{"'none'", "an unsigned token is never taken"}},
	{"an encrypted token", nil, nil, kit.Bearer("eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d"), []string{"reason=encrypted", "sign access tokens and not encrypt them"}},
	{"an encoding anew", nil, nil, kit.Bearer(kit.Mint(kit.GoodClaims(nil)) + "=="), []string{"(+, / or =)", "send it as it was issued"}},
	{"a token that has lost its end", nil, nil, kit.Bearer(kit.Mint(kit.GoodClaims(nil))[:200]), []string{"it was cut off"}},
	{"a signature that has lost its end", nil, nil, shortened(token(nil)), []string{"it was cut off or changed"}},
	{"a variable of JavaScript", nil, nil, kit.Bearer("undefined"), []string{"the word undefined", "the client has no token, and sends its variable"}},
	{"an empty variable", nil, nil, kit.Request("GET", kit.Fields("Authorization", "Bearer ")), []string{"a variable that is empty"}},
	{"users with numbers", nil, nil, token(kit.Claims{"sub": 12}), []string{"claim sub: it is not a string", "set Issuer.NumericSubjects"}},
	{"a user that is an object", nil, nil, token(kit.Claims{"sub": kit.Claims{}}), []string{"claim sub: it is not a string"}},
	{
		"an ID token by its nonce", nil, nil, typed("JWT", kit.Claims{"nonce": "n", "scope": "openid profile"}),
		[]string{"'openid', 'profile'", "a granted scope beyond those of OpenID Connect", "this is an ID token"},
	},
	{"an ID token of Cognito", nil, nil, typed("JWT", kit.Claims{"token_use": "id"}), []string{"token_use 'id'", "token_use access", "this is an ID token"}},
	{"Keycloak's refresh token", nil, nil, typed("JWT", kit.Claims{"typ": "Refresh"}), []string{"typ (a claim) 'Refresh'", "this is a refresh token"}},
	{"a logout token", nil, nil, typed("logout+jwt", nil), []string{"typ 'logout+jwt'", "this is a logout token"}},
	{"a DPoP proof as the token", nil, nil, typed("dpop+jwt", nil), []string{"this is a DPoP proof: it goes into the DPoP field"}},
	{
		"roles at Auth0", rolesFrom("roles"), role("admin"), token(kit.Claims{"https://shop.example/roles": []string{"admin"}}),
		[]string{"none of the claims 'roles' is there", "set Issuer.Claims.Roles to 'https://shop.example/roles', which has it"},
	},
	{
		"roles in groups", rolesFrom("roles"), role("admin"), token(kit.Claims{"groups": []string{"admin"}}),
		[]string{"set Issuer.Claims.Roles to 'groups', which has it and is not read, if that claim speaks of this API"},
	},
	{
		"other roles in groups", rolesFrom("roles"), role("admin"), token(kit.Claims{"groups": []string{"user"}}),
		[]string{"the token has no such claim", "it could be 'groups'"},
	},
	{
		"other roles that no issuer maps", nil, role("admin"), token(kit.Claims{"groups": []string{"user"}}),
		[]string{"set Issuer.Claims.Roles to the claim that holds them; in this token it could be 'groups'"},
	},
	{
		"a path with dots to another role", rolesFrom("realm_access.roles"), role("admin"),
		token(kit.Claims{"realm_access": kit.Claims{"roles": []string{"user"}}}),
		[]string{"a nested claim is written as '/realm_access/roles'"},
	},
	{
		"roles as the members of an object", nil, role("admin"),
		token(kit.Claims{"project:roles": kit.Claims{"admin": kit.Claims{"1": "shop"}}}), []string{"to 'project:roles', which has it"},
	},
	{
		"a role that an object takes back", nil, role("admin"), token(kit.Claims{"roles": kit.Claims{"admin": false}}),
		[]string{`hint="set Issuer.Claims.Roles to the claim that holds them"`},
	},
	{"roles of SCIM", nil, role("admin"), token(kit.Claims{"roles": []kit.Claims{{"value": "admin"}}}), []string{"to 'roles', which has it"}},
	{
		"roles of two kinds", nil, role("admin"), token(kit.Claims{"roles": []any{"admin", 1}}),
		[]string{"the claim that holds them; in this token it could be 'roles'"},
	},
	{
		"a role in one of two claims", nil, role("admin"), token(kit.Claims{"roles": "admin", "groups": "admin"}),
		[]string{"to one of 'groups', 'roles', which has it"},
	},
	{"a role that RolesFunc leaves out", issuer(func(i *middleware.Issuer) {
		i.Claims.RolesFunc = func(*middleware.Token) ([]string, error) { return []string{"user"}, nil }
	}), role("admin"), token(kit.Claims{"groups": []string{"admin"}}), []string{`got="roles 'user' by Issuer.Claims.RolesFunc"`}},
	{"roles of a client of Keycloak", rolesFrom("/realm_access/roles"), role("admin"), token(
		kit.Claims{"resource_access": kit.Claims{"shop": kit.Claims{"roles": []string{"admin"}}}},
	), []string{
		"none of the claims '/realm_access/roles' is there", "'/resource_access/shop/roles'"}},
	{
		"a role in capitals", rolesFrom("roles"), role("admin"), token(kit.Claims{"roles": []string{"Admin"}}),
		[]string{"'Admin' is not 'admin'", "only in upper and lower case"},
	},
	{
		"an empty list of roles", rolesFrom("roles"), role("admin", "owner"), token(kit.Claims{"roles": []string{}}),
		[]string{"no roles in claim 'roles'", "role one of 'admin', 'owner'"},
	},
	{
		"permissions in place of scopes", nil, scope("read:orders"),
		token(kit.Claims{"scope": nil, "permissions": []string{"read:orders"}}),
		[]string{"set Issuer.Claims.Scopes to 'permissions', which has it"},
	},
	{"permissions beside the scopes of a login", nil, scope("read:orders"), token(kit.Claims{"scope": "openid", "permissions": []string{"read:orders"}}), []string{
		"scopes 'openid' in claim 'scope'", "set Issuer.Claims.Scopes to 'permissions', which has it"}},
	{
		"other permissions in place of scopes", nil, scope("read:orders"), token(kit.Claims{"scope": nil, "permissions": []string{"x"}}),
		[]string{`hint="set Issuer.Claims.Scopes to 'permissions', which is not read"`},
	},
	{
		"permissions for one of two scopes", nil, scope("read", "orders"),
		token(kit.Claims{"scope": "read", "permissions": []string{"orders"}}), []string{`got="scopes 'read' in claim 'scope'"`},
	},
	{"no scopes at all", nil, scope("orders"), token(kit.Claims{"scope": nil}), []string{"the client has to ask for the scope"}},
	{"an empty scope", nil, scope("orders"), token(kit.Claims{"scope": ""}), []string{"no scopes in claim 'scope'"}},
	{"a scope with a name in front", nil, scope("orders"), token(kit.Claims{"scope": "api://orders"}), []string{"'api://orders' is not 'orders'"}},
	{"one of two scopes", nil, scope("read", "orders"), token(nil), []string{"scope 'read' and 'orders'"}},

	// Step-up.
	{
		"another acr", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.ACR("gold", "silver") }),
		token(kit.Claims{"acr": "bronze"}), []string{"acr 'bronze'", "acr one of 'gold', 'silver'"},
	},
	{
		"no auth_time", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Minute) }), token(nil),
		[]string{"no auth_time", "the server has to write auth_time"},
	},
	{
		"an old login", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Minute) }),
		token(kit.Claims{"auth_time": now - hour}), []string{"auth_time 1h0m0s ago", "at most 1m0s ago", "max_age"},
	},
	{
		"a delegated token", nil, needs((*middleware.Guard).Undelegated),
		token(kit.Claims{"act": kit.Claims{"sub": "a", "client_id": "agent"}}),
		[]string{"an actor (act) of client_id 'agent'", "no actor"},
	},
	{"a token of nobody's delegate", nil, needs(func(g *middleware.Guard) *middleware.Guard { return g.Delegated() }), token(nil), []string{"no actor (act)"}},

	// Proxies.
	{
		"Basic of a gateway in Authorization", nil, nil, kit.Request("GET", kit.Fields("Authorization", "Basic dXNlcjpwYXNz")),
		[]string{"the scheme Basic", "the scheme Bearer"},
	},
	{"two places", func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token")}
	}, nil,
		kit.Request("GET", kit.Fields("Authorization", "Bearer a", "X-Token", "b")), []string{
			"a token in Authorization and the field X-Token", "Config.IgnoreAuthorization",
		}},
	{
		"a token of many groups", func(cfg *middleware.Config) { cfg.MaxTokenBytes = 100 }, nil, token(nil),
		[]string{"at most 100 bytes", "raise Config.MaxTokenBytes"},
	},
	{
		"two lines", nil, nil, kit.Request("GET", kit.Fields("Authorization", "Bearer a", "Authorization", "Bearer b")),
		[]string{"the Authorization field must occur once"},
	},
	{"no token", nil, nil, kit.Request("GET", nil), []string{"reason=no_token", "a proxy may have removed the Authorization field"}},
	{
		"TLS that ends at a proxy", nil, nil, kit.Bearer(kit.CertBoundToken()),
		[]string{"the connection has none", "a token bound to a client certificate (cnf.x5t#S256)", "a proxy that terminates TLS needs MTLS.Header"},
	},
	{
		"a proxy that is not trusted", proxied, nil, kit.FromProxy("192.0.2.9:1", "Client-Cert", kit.CertByteSequence(kit.ClientCert())),
		[]string{"is not among MTLS.TrustedProxies", "the field Client-Cert of a trusted proxy"},
	},
	{"another certificate", nil, nil, kit.OverTLS(kit.CertBoundToken(), kit.OtherCert()), []string{"the client's certificate is not the one"}},

	// Binding.
	{
		"a bound token as Bearer", public(nil), nil, boundRequest("Bearer"),
		[]string{"a token bound to a DPoP key (cnf.jkt), sent as Bearer without a DPoP field", "the DPoP scheme and one proof"},
	},
	{"a bound token without PublicURL", nil, nil, boundRequest("Bearer"), []string{"set Config.PublicURL"}},
	{"the DPoP scheme without PublicURL", nil, nil, boundRequest("DPoP"), []string{"the scheme DPoP", "to accept it set Config.PublicURL"}},
	{"a bearer token sent as DPoP", public(nil), nil, kit.DPoPRequest(kit.Mint(kit.GoodClaims(nil))), []string{"a token bound to nothing, sent as DPoP"}},
	{"no proof", public(nil), nil, boundRequest("DPoP"), []string{"the request carries no DPoP proof", "a proxy may have removed the DPoP field"}},
	{"a proof for another token", public(nil), nil, kit.DPoPRequest(
		kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey()))), testkit.Proof{Key: testkit.EdKey(), Token: "another"}.String(),
	), []string{"ath is not the hash of the token", "made the proof for another token"}},
	{"a proof for http", public(nil), nil, boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"htu": "http://api.example.com/orders"}}), []string{
		"htu 'http://api.example.com/orders'", "htu 'https://api.example.com/orders'", "only in what stands before ://", "compare Config.PublicURL"}},
	{
		"a proof for the name inside", public(nil), nil,
		boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"htu": "https://orders.internal/orders"}}),
		[]string{"'https://orders.internal/orders'", "the path is the same and the host differs"},
	},
	{"a proof for another method", public(nil), nil, boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"htm": "POST"}}), []string{"htm 'POST'", "htm 'GET'"}},
	{
		"a proof of an hour ago", public(nil), nil, boundRequest("DPoP", testkit.Proof{Claims: kit.Claims{"iat": now - hour}}),
		[]string{"1h0m0s ago", "iat within 1m0s of", "compare the clocks"},
	},
	{
		"a proof by another key", public(nil), nil, boundRequest("DPoP", testkit.Proof{Key: testkit.StrangeKey()}),
		[]string{"another key than the token is bound to"},
	},
	{
		"bearer tokens where bound ones are demanded", public(func(cfg *middleware.Config) { cfg.DPoP.Required = true }), nil, token(nil),
		[]string{"a token bound to nothing, sent as Bearer", "a token bound to a DPoP key"},
	},
	{"a binding that nobody knows", nil, nil, token(kit.Claims{"cnf": kit.Claims{"kid": "x"}}), []string{"cnf with 'kid'", "jkt or x5t#S256"}},

	// Cookies.
	{
		"a form on another site", fromCookie, nil, cookies("Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"),
		[]string{"Origin 'https://evil.example', Sec-Fetch-Site 'cross-site'", "a page of 'api.example.com'", "name its address in Config.PublicURL or PublicURLs"},
	},
	{
		"a page by http", public(fromCookie), nil, cookies("Origin", "http://api.example.com"),
		[]string{"Origin 'http://api.example.com'", "a page of 'https://api.example.com'", "what stands before ://", "PublicURLs"},
	},
	{"a page on a sibling", public(fromCookie), nil, cookies("Origin", "https://shop.example.com"), []string{"Origin 'https://shop.example.com'"}},

	// Introspection.
	{"an inactive token", endpoint(200, `{"active":false}`), nil, opaque, []string{"reason=inactive", "the token is not active", "of another realm"}},
	{"an endpoint that is not there", endpoint(404, "no"), nil, opaque, []string{"reason=introspection_unavailable", "404"}},
	{"an endpoint that answers HTML", endpoint(200, "<html>"), nil, opaque, []string{"reason=introspection_unavailable"}},
	{
		"a refresh token", answering(kit.Claims{"token_type": "refresh_token"}), nil, opaque,
		[]string{"token_type 'refresh_token'", "token_type Bearer or DPoP", "this is a refresh token"},
	},
	{"an answer for another API", answering(kit.Claims{"aud": "https://other"}), nil, opaque, []string{"aud 'https://other'", "verified=true"}},
	{"an answer without an audience", answering(kit.Claims{"aud": nil}), nil, opaque, []string{"no aud"}},
	{
		"an answer of another issuer", answering(kit.Claims{"iss": "https://login.example.com/"}), nil, opaque,
		[]string{"iss 'https://login.example.com/'", "only by a slash"},
	},
	{"an answer that has expired", answering(kit.Claims{"exp": now - hour}), nil, opaque, []string{"1h0m0s ago"}},
	{"a DPoP answer without a binding", answering(kit.Claims{"token_type": "DPoP"}), nil, opaque, []string{"the answer has no cnf.jkt"}},

	{"revocations that nobody has read", func(cfg *middleware.Config) { cfg.Revocations = []middleware.Revocations{unread{}} }, nil, token(nil), []string{
		"reason=revocations_stale", `error="Config.Revocations know nothing"`, "Warm before the first request", "its own log says the rest"}},
	{"a token that was revoked", revokedAs("token"), nil, token(nil), []string{"one revoked by itself (jti)", "List.Lift undoes a mistake"}},
	{"a token revoked by what nobody here knows", revokedAs("moon"), nil, token(nil), []string{"one revoked by its 'moon'"}},
	{"a status list that says no", revokedAs(statuslist.Invalid), nil, token(nil), []string{"one whose status is 1, invalid", "its issuer has revoked it"}},
	{"a status for the time being", revokedAs(statuslist.Suspended), nil, token(nil), []string{"suspended", "its issuer may lift that"}},
	{"a status of an application's own", revokedAs(statuslist.Other), nil, token(nil), []string{"statuslist.Issuer.Accept"}},
	{"a status list that is too short", revokedAs(statuslist.OutOfRange), nil, token(nil), []string{"beyond the end of its list"}},
	{"a status that leads nowhere", revokedAs(statuslist.Unreadable), nil, token(nil), []string{"status.status_list with idx and uri"}},
	{"a status list elsewhere", revokedAs(statuslist.Foreign), nil, token(nil), []string{"statuslist.Issuer.Origins"}},
	{"no status", revokedAs(statuslist.Missing), nil, token(nil), []string{"one without the claim status", "statuslist.Issuer.Required"}},

	// Tenants.
	{"a tenant that is not let in", tenants("t1"), nil, kit.Bearer(kit.TenantToken("t2")), []string{"tenant 't2' in iss", "a tenant that AllowTenant lets in"}},
	{
		"tid of another tenant", tenants("t1"), nil, token(kit.Claims{"iss": kit.TenantIssuer("t1"), "tid": "t2"}),
		[]string{"tid 't2'", "tid 't1'", "letter by letter"},
	},
	{"no tid", tenants("t1"), nil, token(kit.Claims{"iss": kit.TenantIssuer("t1")}), []string{"no tid"}},

	// Clocks.
	{"a clock that is behind the key server's", fetching(
		pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 14:00:00 GMT"),
	), nil, token(kit.Claims{"iat": now + 2*hour, "exp": now + 3*hour}), []string{
		"2h0m0s ahead", "the clock here is 2h0m0s behind the key server's"}},
	{"a clock that is ahead of the key server's", fetching(
		pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 10:00:00 GMT"),
	), nil, token(kit.Claims{"iat": now - 2*hour, "exp": now - hour}), []string{
		"1h0m0s ago", "the clock here is 2h0m0s ahead of the key server's"}},
	{"clocks that agree", fetching(
		pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 12:00:00 GMT"),
	), nil, token(kit.Claims{"exp": now - hour}), []string{
		"the clock here and the key server's agree, so it is the token"}},
	{
		"an answer that a cache has kept",
		fetching(pages(published(goodMetadata, oneKey("ed")), "Date", "Mon, 22 Nov 2100 11:00:00 GMT", "Age", "3600")), nil,
		token(kit.Claims{"exp": now - hour}), []string{"agree"},
	},
}
