package issuers_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

func TestWorkOS(t *testing.T) {
	sheet{
		issuer: issuers.WorkOS("client_01H"),
		good: claims{
			"iss": "https://api.workos.com", "sub": "user_01H", "sid": "session_01H", "org_id": "org_01H", "role": "admin", "roles": []string{"admin", "member"},
			"permissions": []string{"orders:read"}, "entitlements": []string{"audit-logs"}, "jti": "j",
		},
		subject: "user_01H", scopes: []string{"orders:read"}, roles: []string{"admin", "member"},
		rows: map[string]row{
			"iss with the client":              {claims: claims{"iss": "https://api.workos.com/user_management/client_01H"}},
			"iss with a slash":                 {claims: claims{"iss": "https://api.workos.com/"}},
			"an iss with a slash more or less": {claims: claims{"iss": "https://api.workos.com//"}, want: middleware.ReasonUnknownIssuer},
			"iss with another client":          {claims: claims{"iss": "https://api.workos.com/user_management/client_evil"}, want: middleware.ReasonUnknownIssuer},
			"another token under the keys":     {claims: claims{"sid": nil}, want: middleware.ReasonNotAccepted},
			"an agent's credential":            {claims: claims{"sid": nil, "aud": "client_01H"}, want: middleware.ReasonNotAccepted},
			"a token for a resource":           {claims: claims{"aud": "https://mcp.example.com"}, want: middleware.ReasonNotAccepted},
			"a token of another audience":      {claims: claims{"aud": "https://other.example"}, want: middleware.ReasonNotAccepted},
			"one role":                         {claims: claims{"roles": nil}},
			"an AuthKit OAuth token":           {claims: claims{"iss": "https://example.authkit.app"}, want: middleware.ReasonUnknownIssuer},
			"an ID token of the client":        {claims: claims{"aud": "client_01H", "nonce": "n", "permissions": nil}, want: middleware.ReasonTokenType},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{"clientID is empty": issuers.WorkOS(""), `clientID is "a/b"`: issuers.WorkOS("a/b")})
}

func TestAuthKit(t *testing.T) {
	sheet{
		issuer:  issuers.AuthKit("example.authkit.app"),
		good:    claims{"sub": "user_01H", "aud": api, "client_id": "client_01H", "scope": "openid orders:read", "sid": "app_consent_01H"},
		subject: "user_01H", client: "client_01H", scopes: []string{"orders:read"},
		rows: map[string]row{
			"another environment": {claims: claims{"iss": "https://evil.authkit.app"}, want: middleware.ReasonUnknownIssuer},
			"an ID token":         {claims: claims{"aud": "client_01H", "scope": nil, "client_id": nil}, want: middleware.ReasonAudience},
			"a session":           {claims: claims{"iss": "https://api.workos.com", "aud": nil}, want: middleware.ReasonUnknownIssuer},
		},
	}.run(t)
}

func TestDescope(t *testing.T) {
	const project = "P2OkfVnJi5Ht7mpCqHjx17nV5epH"
	sheet{
		issuer: issuers.Descope(issuers.DescopeTokens{Project: project, Audiences: []string{api}, Tenants: []string{"T2a"}}),
		good: claims{
			"iss": project, "sub": "U2a", "drn": "DS", "amr": []string{"email"}, "permissions": []string{"orders:read"}, "roles": []string{"admin"},
			"dct": "T2a", "tenants": claims{"T2a": claims{"roles": []string{"owner"}}}, "rexp": "2100-12-01T00:00:00Z",
		},
		subject: "U2a", scopes: []string{"orders:read"}, roles: []string{"admin", "owner"},
		rows: map[string]row{
			"iss as an address":         {claims: claims{"iss": "https://api.descope.com/v1/apps/" + project}},
			"iss as a short address":    {claims: claims{"iss": "https://api.descope.com/" + project}},
			"iss of one of our tenants": {claims: claims{"iss": "https://api.descope.com/v1/apps/" + project + "/T2a"}},
			"iss of another tenant":     {claims: claims{"iss": "https://api.descope.com/v1/apps/" + project + "/T2b"}, want: middleware.ReasonUnknownIssuer},
			"iss of another project":    {claims: claims{"iss": "P2evil"}, want: middleware.ReasonUnknownIssuer},
			"iss of an agent": {
				claims: claims{"iss": "https://api.descope.com/v1/apps/agentic/" + project + "/M2"},
				want:   middleware.ReasonUnknownIssuer,
			},
			"a refresh token":                  {claims: claims{"drn": "DSR"}, want: middleware.ReasonNotAccepted},
			"a token that does not say a kind": {claims: claims{"drn": nil}},
			"an inbound app":                   {claims: claims{"aud": project, "azp": "app", "drn": nil}, want: ""},
			"a token for our resource":         {claims: claims{"aud": []string{api}}},
			"a token of another audience":      {claims: claims{"aud": "https://other.example"}, want: middleware.ReasonNotAccepted},
			"an ID token of an app":            {claims: claims{"aud": "app", "azp": "app", "drn": nil}, want: middleware.ReasonTokenType},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{
		"Project is empty":           issuers.Descope(issuers.DescopeTokens{}),
		"Audiences has an empty":     issuers.Descope(issuers.DescopeTokens{Project: "P2", Audiences: []string{""}}),
		`Tenants is "agentic/P2/M2"`: issuers.Descope(issuers.DescopeTokens{Project: "P2", Tenants: []string{"agentic/P2/M2"}}),
	})
}

func TestLoginRadius(t *testing.T) {
	users := sheet{
		issuer:  issuers.LoginRadius("example", "shop"),
		good:    claims{"sub": "u", "aud": api, "client_id": "c", "scope": "orders:read"},
		subject: "u", client: "c", scopes: []string{"orders:read"},
		rows: map[string]row{
			"another application":      {claims: claims{"iss": "https://example.hub.loginradius.com/service/oidc/other"}, want: middleware.ReasonUnknownIssuer},
			"another tenant":           {claims: claims{"iss": "https://evil.hub.loginradius.com/service/oidc/shop"}, want: middleware.ReasonUnknownIssuer},
			"a machine":                {claims: claims{"iss": "https://example.hub.loginradius.com/service/oauth/"}, want: middleware.ReasonUnknownIssuer},
			"an ID token":              {claims: claims{"aud": "c", "nonce": "n", "scope": nil}, want: middleware.ReasonTokenType},
			"an audience with a slash": {claims: claims{"aud": api + "/"}, want: middleware.ReasonAudience},
		},
	}
	machines := users
	machines.issuer, machines.rows = issuers.LoginRadiusService("example", "shop"), map[string]row{
		"a user": {claims: claims{"iss": "https://example.hub.loginradius.com/service/oidc/shop"}, want: middleware.ReasonUnknownIssuer},
	}
	both := users
	both.issuer.Aliases, both.rows = []string{machines.issuer.URL}, map[string]row{"a machine": {claims: claims{"iss": machines.issuer.URL}}}
	t.Run("users", users.run)
	t.Run("machines", machines.run)
	t.Run("both", both.run)
	wrong(t, map[string]middleware.Issuer{`tenant is "a.b"`: issuers.LoginRadius("a.b", "shop"), "app is empty": issuers.LoginRadiusService("a", "")})
}

func TestClerk(t *testing.T) {
	sheet{
		issuer: issuers.Clerk("clerk.example.com", "https://app.example.com"),
		header: header{"typ": "JWT"},
		good: claims{
			"azp": "https://app.example.com", "sub": "user_1", "sid": "sess_1", "v": 2, "sts": "active", "fva": []int{0, -1},
			"o": claims{"id": "org_1", "rol": "admin", "slg": "acme", "per": "read,manage", "fpm": "3,2"}, "fea": "u:billing,o:orders,uo:teams",
		},
		subject: "user_1", client: "https://app.example.com", roles: []string{"org:admin"}, scopes: []string{
			"org:orders:read", "org:orders:manage", "org:teams:manage",
		},
		rows: map[string]row{
			"version 1":                 {claims: claims{"o": nil, "v": nil, "sts": nil, "org_role": "org:admin", "org_permissions": []string{"org:orders:read"}}},
			"a pending session":         {claims: claims{"sts": "pending"}, want: middleware.ReasonNotAccepted},
			"another front end":         {claims: claims{"azp": "https://evil.example"}, want: middleware.ReasonClient},
			"a front end that is alike": {claims: claims{"azp": "https://app.example.com.evil.example"}, want: middleware.ReasonClient},
			"no azp":                    {claims: claims{"azp": nil}, want: middleware.ReasonClient},
			"an OAuth token":            {claims: claims{"sid": nil, "azp": nil, "client_id": "c", "scope": "profile"}, want: middleware.ReasonClient},
			"an OAuth token with azp":   {claims: claims{"sid": nil}, want: middleware.ReasonNotAccepted},
			"another instance":          {claims: claims{"iss": "https://evil.clerk.accounts.dev"}, want: middleware.ReasonUnknownIssuer},
			"a token for an origin":     {claims: claims{"aud": "https://app.example.com"}, want: middleware.ReasonTokenType},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{
		"origins is empty":           issuers.Clerk("clerk.example.com"),
		"no slash at the end":        issuers.Clerk("clerk.example.com", "https://app.example.com/"),
		`and "app.example.com" is`:   issuers.Clerk("clerk.example.com", "app.example.com"),
		`"https://clerk.x": it must`: issuers.Clerk("https://clerk.x", "https://app.example.com"),
	})
}

func TestSupabase(t *testing.T) {
	sheet{
		issuer: issuers.Supabase("abcdefghijklmnopqrst"), alg: "ES256", header: header{"typ": "JWT"},
		good: claims{
			"aud": "authenticated", "role": "authenticated", "sub": "u", "aal": "aal1", "session_id": "s", "is_anonymous": false, "email": "a@example.com",
			"amr": []claims{{"method": "password", "timestamp": 1}}, "app_metadata": claims{
				"provider": "email", "roles": []string{"admin"},
			}, "user_metadata": claims{"roles": []string{"root"}},
		},
		subject: "u", roles: []string{"admin"},
		rows: map[string]row{
			"the key anon":          {claims: claims{"role": "anon", "aud": nil}, want: middleware.ReasonAudience},
			"the role anon":         {claims: claims{"role": "anon"}, want: middleware.ReasonNotAccepted},
			"the key service_role":  {claims: claims{"role": "service_role"}, want: middleware.ReasonNotAccepted},
			"a legacy key":          {claims: claims{"iss": "supabase"}, want: middleware.ReasonUnknownIssuer},
			"an anonymous user":     {claims: claims{"is_anonymous": true}, want: middleware.ReasonNotAccepted},
			"another project":       {claims: claims{"iss": "https://evil.supabase.co/auth/v1"}, want: middleware.ReasonUnknownIssuer},
			"an ID token":           {claims: claims{"aud": "client", "role": nil, "nonce": "n"}, want: middleware.ReasonTokenType},
			"an ID token unmarked":  {claims: claims{"role": nil}, want: middleware.ReasonNotAccepted},
			"an older signing key":  {header: header{"alg": "RS256", "kid": "rsa"}},
			"an OAuth client of it": {claims: claims{"client_id": "c", "scope": "orders:read"}},
		},
	}.run(t)
}

func TestStytch(t *testing.T) {
	const project = "project-live-1a2b3c"
	sessions := sheet{
		issuer: issuers.Stytch(issuers.StytchTokens{Project: project}),
		good: claims{
			"iss": "stytch.com/" + project, "aud": []string{project}, "sub": "user-live-1",
			"https://stytch.com/session": claims{"id": "session-live-1", "roles": []string{"stytch_user", "editor"}, "attributes": claims{}},
		},
		subject: "user-live-1", roles: []string{"editor"},
		rows: map[string]row{
			"a machine": {
				claims: claims{"https://stytch.com/session": nil, "sub": "m2m-client-live-1", "scope": "orders:read"},
				want:   middleware.ReasonNotAccepted,
			},
			"another project":   {claims: claims{"iss": "stytch.com/project-live-evil", "aud": "project-live-evil"}, want: middleware.ReasonUnknownIssuer},
			"the test project":  {claims: claims{"iss": "stytch.com/project-test-1a2b3c"}, want: middleware.ReasonUnknownIssuer},
			"an iss with https": {claims: claims{"iss": "https://stytch.com/" + project}, want: middleware.ReasonUnknownIssuer},
		},
	}
	machines := sheet{
		issuer:  issuers.Stytch(issuers.StytchTokens{Project: project, Machines: true}),
		good:    claims{"iss": "stytch.com/" + project, "aud": []string{project}, "sub": "m2m-client-live-1", "scope": "orders:read"},
		subject: "m2m-client-live-1", client: "m2m-client-live-1", scopes: []string{"orders:read"},
		rows: map[string]row{
			"a session":              {claims: claims{"scope": nil, "https://stytch.com/session": claims{"id": "s"}}, want: middleware.ReasonNotAccepted},
			"a session with a scope": {claims: claims{"https://stytch.com/session": claims{"id": "s"}}, want: middleware.ReasonNotAccepted},
			"a connected app":        {claims: claims{"sub": "user-live-1", "client_id": "connected-app-live-1"}},
		},
	}
	t.Run("sessions", sessions.run)
	t.Run("machines", machines.run)
	if got := issuers.Stytch(issuers.StytchTokens{Project: "project-test-1"}).JWKSURI; got != "https://test.stytch.com/v1/sessions/jwks/project-test-1" {
		t.Errorf("the keys of a test project are at %s", got)
	}
	wrong(t, map[string]middleware.Issuer{"it must begin with project-live-": issuers.Stytch(issuers.StytchTokens{Project: "1a2b3c"})})
}

func TestApple(t *testing.T) {
	sheet{
		issuer: issuers.Apple("com.example.app", "com.example.web"),
		good: claims{
			"aud": "com.example.app", "sub": "000123.abc.0456", "nonce": "n", "nonce_supported": true, "c_hash": "c", "email": "x@privaterelay.appleid.com",
			"email_verified": "true", "is_private_email": "true", "auth_time": int64(4121000000),
		},
		subject: "000123.abc.0456",
		rows: map[string]row{
			"another app":                     {claims: claims{"aud": "com.evil.app"}, want: middleware.ReasonAudience},
			"another app beside ours":         {claims: claims{"aud": []string{"com.example.app", "com.evil.app"}}, want: middleware.ReasonAudience},
			"an access token":                 {header: header{"typ": "at+jwt"}, want: middleware.ReasonTokenType},
			"a notification of the server":    {claims: claims{"events": `{"type":"consent-revoked"}`, "nonce": nil}, want: middleware.ReasonTokenType},
			"a client secret made by the app": {claims: claims{"iss": "TEAM123456", "aud": "https://appleid.apple.com"}, want: middleware.ReasonUnknownIssuer},
			"nobody":                          {claims: claims{"sub": nil}, want: middleware.ReasonMissingClaim},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{"clientIDs is empty": issuers.Apple()})
}

func TestFacebookLimitedLogin(t *testing.T) {
	sheet{
		issuer: issuers.FacebookLimitedLogin("1234567890"),
		good: claims{
			"iss": "https://www.facebook.com", "aud": "1234567890", "sub": "10222", "nonce": "n", "jti": "j.abc", "email": "a@example.com", "name": "Alice", "user_friends": []string{},
		},
		subject: "10222",
		rows: map[string]row{
			"the older iss": {claims: claims{"iss": "https://facebook.com"}},
			"another app":   {claims: claims{"aud": "666"}, want: middleware.ReasonAudience},
			"scopes":        {claims: claims{"scope": "email"}, want: middleware.ReasonTokenType},
		},
	}.run(t)
	wrong(t, map[string]middleware.Issuer{"appIDs is empty": issuers.FacebookLimitedLogin(), "it must be a number": issuers.FacebookLimitedLogin("myapp")})
}

// granted is what a token grants, as one line.
func granted(t *testing.T, s sheet, changes claims) string {
	t.Helper()
	s.issuer.JWKSURI, s.issuer.Keys = "", testkit.KeySet()
	tok, err := s.call(s.guard(t), s.sign(row{claims: changes}))
	if err != nil {
		return string(reasonOf(err))
	}
	return tok.Scopes.String() + " | " + tok.Roles.String()
}

func TestClerkGrants(t *testing.T) {
	s := sheet{
		issuer: issuers.Clerk("clerk.example.com", "https://app.example.com"),
		good:   claims{"azp": "https://app.example.com", "sub": "u", "sid": "s", "v": 2},
	}
	version2 := func(features, names, masks string) claims {
		return claims{"fea": features, "o": claims{"id": "org_1", "rol": "member", "per": names, "fpm": masks}}
	}
	const first63 = "p0,p1,p2,p3,p4,p5,p6,p7,p8,p9,p10,p11,p12,p13,p14,p15,p16,p17,p18,p19,p20,p21,p22,p23,p24,p25,p26,p27,p28,p29,p30,p31,p32,p33,p34,p35,p36,p37,p38," +
		"p39,p40,p41,p42,p43,p44,p45,p46,p47,p48,p49,p50,p51,p52,p53,p54,p55,p56,p57,p58,p59,p60,p61,p62"
	for name, row := range map[string]struct {
		claims claims
		want   string
	}{
		"version 1": {
			claims{"v": nil, "org_role": "org:admin", "org_permissions": []string{"org:orders:read"}, "fea": "o:x", "o": claims{"per": "y", "fpm": "1"}},
			"org:orders:read | org:admin",
		},
		"no organization":                     {claims{"fea": "u:orders"}, " | "},
		"the first bit is the first name":     {version2("o:orders", "read,manage", "1"), "org:orders:read | org:member"},
		"no bit":                              {version2("o:orders", "read,manage", "0"), " | org:member"},
		"features of the user count for none": {version2("u:billing, o:orders", "read,manage", "2"), "org:orders:manage | org:member"},
		"more features than masks":            {version2("o:orders,o:teams", "read", "1"), "org:orders:read | org:member"},
		"more masks than features":            {version2("o:orders", "read", "1,1"), "org:orders:read | org:member"},
		"more bits than names":                {version2("o:orders", "read", "7"), "org:orders:read | org:member"},
		"more permissions than 63":            {version2("o:orders", first63+",p63,p64", "18446744073709551616"), "org:orders:p64 | org:member"},
		"a mask that is none":                 {version2("o:orders", "read", "x"), string(middleware.ReasonMalformedClaim)},
		"a negative mask":                     {version2("o:orders", "read", "-1"), string(middleware.ReasonMalformedClaim)},
		"a mask of many digits":               {version2("o:orders", "read", strings.Repeat("9", 2000)), string(middleware.ReasonMalformedClaim)},
		"claims of another type":              {claims{"fea": []string{"o:orders"}}, string(middleware.ReasonMalformedClaim)},
		"names of version 1 beside version 2": {claims{"org_role": "org:admin", "org_permissions": []string{"org:orders:read"}}, " | "},
	} {
		if got := granted(t, s, row.claims); got != row.want {
			t.Errorf("%s grants %q, want %q", name, got, row.want)
		}
	}
}

func TestDescopeGrants(t *testing.T) {
	s := sheet{
		issuer: issuers.Descope(issuers.DescopeTokens{Project: "P2a"}),
		good:   claims{"sub": "u", "roles": []string{"member"}, "permissions": []string{"read"}},
	}
	tenants := claims{
		"T1": claims{"roles": []string{"owner"}, "permissions": []string{"write"}},
		"T2": claims{"roles": []string{"root"}, "permissions": []string{"all"}}, "": claims{"roles": []string{"nobody"}},
	}
	for name, row := range map[string]struct {
		claims claims
		want   string
	}{
		"the current tenant alone": {claims{"dct": "T1", "tenants": tenants}, "read write | member owner"},
		"a tenant that is not his": {claims{"dct": "T3", "tenants": tenants}, "read | member"},
		"no tenants":               {claims{"dct": "T1"}, "read | member"},
		"an OAuth token":           {claims{"scope": "openid orders", "dct": "T1", "tenants": tenants}, "openid orders | member owner"},
		"no scope in it":           {claims{"scope": ""}, " | member"},
		"tenants of another type":  {claims{"tenants": "T1"}, string(middleware.ReasonMalformedClaim)},
	} {
		if got := granted(t, s, row.claims); got != row.want {
			t.Errorf("%s grants %q, want %q", name, got, row.want)
		}
	}
	if got := granted(t, s, claims{"tenants": tenants}); got != "read | member" {
		t.Errorf("without a current tenant it grants %q", got)
	}
}
