package issuers_test

import (
	"context"
	"maps"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// answers is a server that knows these tokens; all others are not active.
type answers map[string]claims

func (a answers) Introspect(_ context.Context, token string) (*introspection.Response, error) {
	answer, known := a[token]
	if !known {
		return introspection.ParseResponse([]byte(`{"active":false}`))
	}
	active := claims{"active": true, "exp": testkit.Now.Unix() + 300}
	return introspection.ParseResponse(testkit.JSON(active.With(maps.Clone(answer))))
}

// introspected judges opaque tokens of a preset: want has what becomes of each.
func introspected(t *testing.T, issuer middleware.Issuer, want map[string]middleware.Reason) {
	t.Helper()
	issuer.JWKSURI = ""
	if issuer.JWTs != middleware.IntrospectJWTs {
		issuer.Keys = testkit.KeySet()
	}
	guard := sheet{issuer: issuer}.guard(t)
	for token, reason := range want {
		if _, err := call(guard, "Authorization", "Bearer "+token); reasonOf(err) != reason {
			t.Errorf("%s: reason is %q, want %q (%s)", token, reasonOf(err), reason, explained(err))
		}
	}
}

func TestKeycloak(t *testing.T) {
	sheet{
		issuer: issuers.Keycloak("https://sso.example.com/", "shop"), header: header{"typ": "JWT"},
		good: claims{
			"iss": "https://sso.example.com/realms/shop", "typ": "Bearer", "azp": "web", "aud": []string{
				api, "account",
			}, "sub": "u", "sid": "s", "scope": "openid orders:read",
			"realm_access": claims{"roles": []string{"admin"}}, "resource_access": claims{
				"account": claims{"roles": []string{"view-profile"}},
			}, "auth_time": 1, "jti": "j",
		},
		subject: "u", client: "web", scopes: []string{"orders:read"}, roles: []string{"admin"},
		rows: map[string]row{
			"an ID token":              {claims: claims{"typ": "ID", "aud": "web", "at_hash": "h"}, want: middleware.ReasonTokenType},
			"an ID token with our API": {claims: claims{"typ": "ID"}, want: middleware.ReasonTokenType},
			"a refresh token": {
				claims: claims{"typ": "Refresh", "aud": "https://sso.example.com/realms/shop"},
				want:   middleware.ReasonTokenType,
			},
			"an offline token":                          {claims: claims{"typ": "Offline"}, want: middleware.ReasonTokenType},
			"a token without a kind":                    {claims: claims{"typ": nil}, want: middleware.ReasonNotAccepted},
			"another kind":                              {claims: claims{"typ": "Serialized-ID"}, want: middleware.ReasonNotAccepted},
			"another realm":                             {claims: claims{"iss": "https://sso.example.com/realms/master"}, want: middleware.ReasonUnknownIssuer},
			"no audience mapper":                        {claims: claims{"aud": "account"}, want: middleware.ReasonAudience},
			"a lightweight token":                       {claims: claims{"aud": nil, "realm_access": nil}, want: middleware.ReasonAudience},
			"the switch for at+jwt":                     {header: header{"typ": "at+jwt"}},
			"a token that is bound to a key, as Bearer": {claims: claims{"typ": "DPoP", "cnf": claims{"jkt": "x"}}, want: middleware.ReasonConfirmation},
		},
	}.run(t)
	if got := issuers.Keycloak("http://localhost:8080/auth", "shop").URL; got != "http://localhost:8080/auth/realms/shop" {
		t.Errorf("an older server is %s", got)
	}
	wrong(t, map[string]middleware.Issuer{
		"base is empty":                    issuers.Keycloak("", "shop"),
		`realm is "shop/../master"`:        issuers.Keycloak("https://sso.example.com", "shop/../master"),
		`and "sso.example.com" is not`:     issuers.Keycloak("sso.example.com", "shop"),
		`"xxxxx@sso.example.com" is not`:   issuers.Keycloak("https://admin:secret@sso.example.com", "shop"),
		"the address of a document":        issuers.Keycloak("https://sso.example.com/realms/shop/.well-known/openid-configuration", "shop"),
		"client is nil":                    issuers.KeycloakLightweight("https://sso.example.com", "shop", nil),
		"issuers.KeycloakLightweight: bas": issuers.KeycloakLightweight("", "shop", answers{}),
	})
}

func TestKeycloakLightweight(t *testing.T) {
	server := answers{}
	s := sheet{
		issuer: issuers.KeycloakLightweight("https://sso.example.com", "shop", server), header: header{"typ": "JWT"},
		good: claims{"typ": "Bearer", "azp": "web", "sub": "u", "scope": "openid", "jti": "j"},
	}
	full := claims{
		"typ": "Bearer", "azp": "web", "client_id": "web", "sub": "u", "iss": s.issuer.URL, "token_type": "Bearer", "aud": []string{api},
		"realm_access": claims{"roles": []string{"admin"}},
	}
	s.issuer.Keys = testkit.KeySet()
	guard := s.guard(t)
	for name, r := range map[string]struct {
		row
		answer claims // nil: not active
	}{
		"a lightweight token":               {answer: full},
		"one that was revoked":              {row: row{want: middleware.ReasonInactive}},
		"one whose client is not in aud":    {row: row{want: middleware.ReasonAudience}, answer: claims{"aud": "account"}},
		"a refresh token that is active":    {row: row{claims: claims{"typ": "Refresh"}, want: middleware.ReasonTokenType}, answer: full},
		"an answer about a refresh token":   {row: row{want: middleware.ReasonTokenType}, answer: claims{"typ": "Refresh"}},
		"an answer without a kind":          {row: row{want: middleware.ReasonNotAccepted}, answer: claims{"typ": nil}},
		"an answer of another realm":        {row: row{want: middleware.ReasonUnknownIssuer}, answer: claims{"iss": "https://sso.example.com/realms/master"}},
		"a signature that is not the realm": {row: row{header: header{"kid": "strange"}, want: middleware.ReasonUnknownKey}, answer: full},
	} {
		r.claims = claims{"jti": name}.With(r.claims)
		token := s.sign(r.row)
		if r.answer != nil {
			server[token] = maps.Clone(full).With(r.answer)
		}
		tok, err := call(guard, "Authorization", "Bearer "+token)
		if reasonOf(err) != r.want {
			t.Errorf("%s: reason is %q, want %q (%s)", name, reasonOf(err), r.want, explained(err))
		}
		if r.want == "" && !tok.Roles.Has("admin") {
			t.Errorf("%s: roles are %q", name, tok.Roles)
		}
	}
}

func TestHydra(t *testing.T) {
	s := sheet{
		issuer: issuers.Hydra("https://hydra.example.com/", nil), header: header{"typ": "JWT"},
		good:    claims{"aud": []string{api}, "client_id": "web", "sub": "u", "scp": []string{"openid", "orders:read"}, "ext": claims{}, "jti": "j"},
		subject: "u", client: "web", scopes: []string{"orders:read"},
		rows: map[string]row{
			"an ID token": {
				claims: claims{"aud": "web", "client_id": nil, "scp": nil, "at_hash": "h", "rat": 1, "auth_time": 1},
				want:   middleware.ReasonTokenType,
			},
			"an ID token for our API": {claims: claims{"client_id": nil, "scp": nil}, want: middleware.ReasonNotAccepted},
			"scopes as text":          {claims: claims{"scp": nil, "scope": "orders:read"}},
			"no audience":             {claims: claims{"aud": []string{}}, want: middleware.ReasonAudience},
			"a refresh JWT":           {claims: claims{"token_use": "refresh_token"}, want: middleware.ReasonTokenType},
		},
	}
	s.run(t)
	introspected(t, issuers.Hydra("https://hydra.example.com/", answers{
		"ory_at_good": {
			"aud": []string{api}, "client_id": "web", "sub": "u", "scope": "orders:read", "token_type": "Bearer", "token_use": "access_token",
			"iss": "https://hydra.example.com/",
		},
		"ory_at_refresh": {"aud": []string{api}, "client_id": "web", "scope": "orders:read", "token_type": "Bearer", "token_use": "refresh_token"},
		"ory_rt_good":    {"aud": []string{api}, "client_id": "web", "scope": "orders:read", "token_type": "Bearer", "token_use": "access_token"},
		"ory_at_foreign": {"aud": []string{"https://other.example"}, "client_id": "web", "token_use": "access_token"},
	}), map[string]middleware.Reason{
		"ory_at_good": "", "ory_at_refresh": middleware.ReasonTokenType, "ory_rt_good": middleware.ReasonNotIntrospected,
		"ory_at_foreign": middleware.ReasonAudience, "ory_at_revoked": middleware.ReasonInactive,
	})
	wrong(t, map[string]middleware.Issuer{"issuer is empty": issuers.Hydra("", nil)})
}

func TestZITADEL(t *testing.T) {
	const project = "271283497623489"
	server := answers{
		"good":    {"aud": []string{"c", project}, "client_id": "c", "sub": "u", "jti": "j", "scope": "openid", "token_type": "Bearer", "auth_time": 1},
		"foreign": {"aud": []string{"c", "999"}, "client_id": "c", "sub": "u", "jti": "j", "token_type": "Bearer"},
		"pat":     {"aud": []string{"c", project}, "client_id": "c", "sub": "u", "token_type": "Bearer"},
		"untyped": {"aud": []string{"c", project}, "client_id": "c", "sub": "u"},
	}
	sheet{
		issuer: issuers.ZITADEL("example-abc123.zitadel.cloud", project, server),
		good: claims{
			"aud": []string{"c@shop", project}, "sub": "163840776835432345", "jti": "j", "client_id": "c@shop",
			"urn:zitadel:iam:org:project:" + project + ":roles": claims{"admin": claims{"1": "example.com"}},
		},
		subject: "163840776835432345", client: "c@shop", roles: []string{"admin"},
		rows: map[string]row{
			"an ID token": {
				claims: claims{"nonce": "n", "at_hash": "h", "auth_time": 1, "azp": "c@shop", "jti": nil},
				want:   middleware.ReasonTokenType,
			},
			"an ID token without nonce":        {claims: claims{"auth_time": 1, "azp": "c@shop", "jti": nil, "client_id": nil}, want: middleware.ReasonNotAccepted},
			"an ID token with a jti":           {claims: claims{"auth_time": 1, "azp": "c@shop"}, want: middleware.ReasonNotAccepted},
			"another project of this instance": {claims: claims{"aud": []string{"d@other", "999"}}, want: middleware.ReasonAudience},
			"another instance":                 {claims: claims{"iss": "https://evil.zitadel.cloud"}, want: middleware.ReasonUnknownIssuer},
		},
	}.run(t)
	introspected(t, issuers.ZITADEL("example-abc123.zitadel.cloud", project, server), map[string]middleware.Reason{
		"good": "", "pat": "", "foreign": middleware.ReasonAudience, "revoked": middleware.ReasonInactive, "untyped": middleware.ReasonNotAccepted,
	})
	wrong(t, map[string]middleware.Issuer{
		"projectID has an empty": issuers.ZITADEL("example-abc123.zitadel.cloud", "", nil), "it must be a number": issuers.ZITADEL(
			"example-abc123.zitadel.cloud", "shop", nil,
		),
	})
}

func TestAuthentik(t *testing.T) {
	sheet{
		issuer: issuers.Authentik("https://authentik.example.com", "shop", "client"),
		good: claims{
			"iss": "https://authentik.example.com/application/o/shop/", "aud": "client", "azp": "client", "uid": "XtQ4", "sub": "h", "scope": "openid orders:read",
			"acr": "goauthentik.io/providers/oauth2/default", "auth_time": 1, "groups": []string{"admins"},
		},
		subject: "h", client: "client", scopes: []string{"orders:read"}, roles: []string{"admins"},
		rows: map[string]row{
			"an ID token":              {claims: claims{"azp": nil, "uid": nil, "scope": nil, "at_hash": "h"}, want: middleware.ReasonTokenType},
			"an ID token unmarked":     {claims: claims{"azp": nil, "uid": nil, "scope": nil}, want: middleware.ReasonNotAccepted},
			"an ID token with a nonce": {claims: claims{"azp": nil, "uid": nil, "nonce": "n"}, want: middleware.ReasonTokenType},
			"an ID token with a uid":   {claims: claims{"azp": nil}, want: middleware.ReasonNotAccepted},
			"another provider": {
				claims: claims{"iss": "https://authentik.example.com/application/o/other/"},
				want:   middleware.ReasonUnknownIssuer,
			},
			"an access token of a login with a nonce": {claims: claims{"nonce": "n"}},
			"an ID token with a nonce and our azp":    {claims: claims{"uid": nil, "nonce": "n", "scope": nil}, want: middleware.ReasonTokenType},
			"an ID token with an empty uid":           {claims: claims{"uid": "", "nonce": "n", "scope": nil}, want: middleware.ReasonTokenType},
			"an ID token with at_hash and a uid":      {claims: claims{"nonce": "n", "at_hash": "h"}, want: middleware.ReasonTokenType},
			"an older version without scope":          {claims: claims{"scope": nil, "nonce": "n"}},
			"no signing key":                          {header: header{"alg": "HS256"}, want: middleware.ReasonAlgorithm},
		},
	}.run(t)
	wrong(
		t,
		map[string]middleware.Issuer{
			"slug is empty":         issuers.Authentik("https://authentik.example.com", "", "client"),
			"clientID has an empty": issuers.Authentik("https://a.example", "s", ""),
		},
	)
}

func TestFusionAuth(t *testing.T) {
	sheet{
		issuer: issuers.FusionAuth("https://auth.example.com", "acme.com", "app-1"), header: header{"typ": "JWT", "gty": []string{"authorization_code"}},
		good: claims{
			"iss": "acme.com", "aud": "app-1", "applicationId": "app-1", "sub": "u", "scope": "openid orders:read", "roles": []string{
				"admin",
			}, "tid": "t", "authenticationType": "PASSWORD",
		},
		subject: "u", client: "app-1", scopes: []string{"orders:read"}, roles: []string{"admin"},
		rows: map[string]row{
			"an ID token":          {claims: claims{"at_hash": "h", "nonce": "n"}, want: middleware.ReasonTokenType},
			"an ID token unmarked": {claims: claims{"applicationId": nil, "roles": nil}, want: middleware.ReasonNotAccepted},
			"a user without roles": {claims: claims{"roles": []string{}, "scope": nil}},
			"an ID token, nonce":   {claims: claims{"applicationId": nil, "roles": nil, "nonce": "n"}, want: middleware.ReasonTokenType},
			"an old ID token":      {claims: claims{"scope": nil, "at_hash": "h"}, want: middleware.ReasonTokenType},
			"nobody registered":    {claims: claims{"applicationId": nil, "roles": nil, "scope": "openid offline_access"}, want: middleware.ReasonNotAccepted},
			"another application":  {claims: claims{"aud": "app-2"}, want: middleware.ReasonAudience},
			"another tenant":       {claims: claims{"iss": "evil.com"}, want: middleware.ReasonUnknownIssuer},
			"an entity": {
				claims: claims{
					"sub": "e", "scope": "target-entity:e:read", "applicationId": nil, "authenticationType": nil, "roles": nil,
					"permissions": claims{"e": []string{"read"}},
				},
			},
		},
	}.run(t)
	wrong(
		t,
		map[string]middleware.Issuer{
			"applications is empty": issuers.FusionAuth("https://auth.example.com", "acme.com"),
			"issuer has an empty":   issuers.FusionAuth("https://a.example", "", "x"),
		},
	)
}

func TestPingFederate(t *testing.T) {
	introspected(t, issuers.PingFederate("https://sso.example.com", answers{
		"good":     {"client_id": "web", "scope": "orders:read", "token_type": "Bearer", "username": "alice"},
		"foreign":  {"client_id": "evil", "scope": "orders:read", "token_type": "Bearer"},
		"refresh":  {"client_id": "web", "scope": "orders:read"},
		"id_token": {"client_id": "web", "aud": "web", "token_type": "urn:ietf:params:oauth:token-type:id_token"},
	}, "web"), map[string]middleware.Reason{
		"good": "", "foreign": middleware.ReasonClient, "refresh": middleware.ReasonTokenType, "revoked": middleware.ReasonInactive,
		"id_token": middleware.ReasonTokenType,
	})
	wrong(
		t,
		map[string]middleware.Issuer{
			"client is nil":    issuers.PingFederate("https://a.example", nil, "web"),
			"clients is empty": issuers.PingFederate("https://a.example", answers{}),
		},
	)
}

func TestDuende(t *testing.T) {
	sheet{
		issuer: issuers.Duende("https://identity.example.com", nil), header: header{"typ": "at+jwt"},
		good:    claims{"aud": api, "client_id": "web", "sub": "u", "scope": []string{"openid", "orders.read"}, "role": "admin", "jti": "j", "amr": []string{"pwd"}},
		subject: "u", client: "web", scopes: []string{"orders.read"}, roles: []string{"admin"},
		rows: map[string]row{
			"client credentials": {claims: claims{"sub": nil, "amr": nil}},
			"scopes as text":     {claims: claims{"scope": "openid orders.read"}},
			"an ID token": {
				header: header{"typ": "JWT"},
				claims: claims{"aud": "web", "client_id": nil, "scope": nil, "at_hash": "h"},
				want:   middleware.ReasonTokenType,
			},
			"an ID token for our API": {header: header{"typ": "JWT"}, claims: claims{"client_id": nil, "scope": nil}, want: middleware.ReasonNotAccepted},
			"a bare scope":            {claims: claims{"aud": nil}, want: middleware.ReasonAudience},
		},
	}.run(t)
	introspected(t, issuers.Duende("https://identity.example.com", answers{
		"GOOD": {"aud": api, "client_id": "web", "scope": "orders.read"}, "FOREIGN": {"aud": "other", "client_id": "web"},
	}), map[string]middleware.Reason{"GOOD": "", "FOREIGN": middleware.ReasonAudience, "REVOKED": middleware.ReasonInactive})
	wrong(t, map[string]middleware.Issuer{"authority is empty": issuers.Duende("", nil)})
}

func TestSpring(t *testing.T) {
	sheet{
		issuer:  issuers.Spring("https://auth.example.com", "svc"),
		good:    claims{"sub": "alice", "aud": "svc", "nbf": testkit.Now.Unix(), "scope": []string{"openid", "read"}, "jti": "j"},
		subject: "alice", scopes: []string{"read"},
		rows: map[string]row{
			"an ID token":                 {claims: claims{"scope": nil, "azp": "svc", "auth_time": 1, "sid": "s"}, want: middleware.ReasonNotAccepted},
			"an ID token with a nonce":    {claims: claims{"scope": nil, "azp": "svc", "auth_time": 1, "nonce": "n"}, want: middleware.ReasonTokenType},
			"another client":              {claims: claims{"aud": "evil"}, want: middleware.ReasonAudience},
			"a token without any scope":   {claims: claims{"scope": nil}, want: middleware.ReasonNotAccepted},
			"a token with an empty scope": {claims: claims{"scope": []string{}}, want: middleware.ReasonNotAccepted},
			"a machine":                   {claims: claims{"sub": "svc", "scope": []string{"read"}}},
		},
	}.run(t)
	introspected(t, issuers.Spring("https://auth.example.com", "svc"), map[string]middleware.Reason{"a-refresh-token": middleware.ReasonNotIntrospected})
	wrong(
		t,
		map[string]middleware.Issuer{
			"clients is empty": issuers.Spring("https://auth.example.com"),
			"client is nil":    issuers.SpringReference("https://auth.example.com", nil, "svc"),
		},
	)
}

func TestSpringReference(t *testing.T) {
	const issuer = "https://auth.example.com"
	s := sheet{issuer: middleware.Issuer{URL: issuer}, good: claims{"sub": "alice", "aud": "svc"}}
	jwt, idToken := s.sign(row{claims: claims{"scope": []string{"read"}}}), s.sign(row{claims: claims{"azp": "svc", "sid": "s"}})
	introspected(t, issuers.SpringReference(issuer, answers{
		"good":    {"client_id": "svc", "aud": []string{"svc"}, "iss": issuer, "sub": "alice", "scope": "read", "token_type": "Bearer"},
		"foreign": {"client_id": "evil", "aud": []string{"evil"}, "iss": issuer, "sub": "alice", "token_type": "Bearer"},
		"refresh": {"client_id": "svc"},
		jwt:       {"client_id": "svc", "aud": []string{"svc"}, "sub": "alice", "scope": "read", "token_type": "Bearer"},
		idToken:   {"client_id": "svc", "aud": []string{"svc"}, "sub": "alice", "azp": "svc"},
	}, "svc"), map[string]middleware.Reason{
		"good": "", "foreign": middleware.ReasonClient, "refresh": middleware.ReasonTokenType, "revoked": middleware.ReasonInactive,
		jwt: "", idToken: middleware.ReasonTokenType,
	})
}

func TestDjangoOAuthToolkit(t *testing.T) {
	introspected(t, issuers.DjangoOAuthToolkit("https://www.example.com", answers{
		"good":    {"client_id": "web", "scope": "read write", "username": "alice"},
		"foreign": {"client_id": "evil", "scope": "read write", "username": "alice"},
	}, "web"), map[string]middleware.Reason{"good": "", "foreign": middleware.ReasonClient, "refresh": middleware.ReasonInactive})
	wrong(t, map[string]middleware.Issuer{"clients is empty": issuers.DjangoOAuthToolkit("https://www.example.com", answers{})})
}
