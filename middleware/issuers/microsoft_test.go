package issuers_test

import (
	"context"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

const (
	entraAPI  = "6e74172b-be56-4843-9ff4-e66a39bb12e3"
	contoso   = "72f988bf-86f1-41af-91ab-2d7cd011db47"
	fabrikam  = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	consumers = "9188040d-6c67-4c5b-b112-36a304b66dad"
	entraApp  = "11112222-bbbb-3333-cccc-4444dddd5555"
)

func entraV2(tenant string) string { return "https://login.microsoftonline.com/" + tenant + "/v2.0" }
func entraV1(tenant string) string { return "https://sts.windows.net/" + tenant + "/" }

func TestEntra(t *testing.T) {
	v2 := claims{
		"iss": entraV2(contoso), "tid": contoso, "aud": entraAPI, "azp": entraApp, "azpacr": "0", "sub": "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
		"oid": "aaaaaaaa-0000-1111-2222-bbbbbbbbbbbb", "scp": "orders.read orders.write", "ver": "2.0", "name": "Alice", "uti": "u", "rh": "r",
	}
	users := sheet{
		issuer: issuers.Entra(issuers.EntraTokens{API: entraAPI, Tenants: []string{contoso, fabrikam}}),
		header: header{"typ": "JWT"}, good: v2,
		subject: "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", client: entraApp, scopes: []string{"orders.read", "orders.write"},
		rows: map[string]row{
			"the other tenant":             {claims: claims{"iss": entraV2(fabrikam), "tid": fabrikam}},
			"a tenant of nobody's":         {claims: claims{"iss": entraV2(entraApp), "tid": entraApp}, want: middleware.ReasonTenant},
			"private accounts":             {claims: claims{"iss": entraV2(consumers), "tid": consumers}, want: middleware.ReasonTenant},
			"an iss and a tid that differ": {claims: claims{"tid": fabrikam}, want: middleware.ReasonTenant},
			"no tid":                       {claims: claims{"tid": nil}, want: middleware.ReasonTenant},
			"the template itself":          {claims: claims{"iss": entraV2("{tenantid}"), "tid": "{tenantid}"}, want: middleware.ReasonUnknownIssuer},
			"common":                       {claims: claims{"iss": entraV2("common"), "tid": "common"}, want: middleware.ReasonTenant},
			"a v1 token": {
				claims: claims{"iss": entraV1(contoso), "azp": nil, "appid": entraApp, "ver": "1.0"},
				want:   middleware.ReasonUnknownIssuer,
			},
			"a token for another API":               {claims: claims{"aud": entraApp}, want: middleware.ReasonAudience},
			"a token for Graph":                     {claims: claims{"aud": "00000003-0000-0000-c000-000000000000"}, want: middleware.ReasonAudience},
			"an application":                        {claims: claims{"scp": nil, "roles": []string{"Orders.Read.All"}, "idtyp": "app"}},
			"an application without a role":         {claims: claims{"scp": nil, "idtyp": "app"}, want: middleware.ReasonNotAccepted},
			"an ID token of an API that signs in":   {claims: claims{"scp": nil, "azp": nil, "nonce": "n"}, want: middleware.ReasonTokenType},
			"the same without a nonce":              {claims: claims{"scp": nil, "azp": nil}, want: middleware.ReasonNotAccepted},
			"the same with roles, which users have": {claims: claims{"scp": nil, "azp": nil, "roles": []string{"Admin"}}, want: middleware.ReasonNotAccepted},
			"an ID token of another app with a role": {
				claims: claims{"aud": entraApp, "scp": nil, "azp": nil, "roles": []string{"Admin"}},
				want:   middleware.ReasonAudience,
			},
			"PS256": {header: header{"alg": "PS256"}, want: middleware.ReasonAlgorithm},
		},
	}
	applications := users
	applications.good = claims{
		"iss": entraV2(contoso), "tid": contoso, "aud": entraAPI, "azp": entraApp, "sub": "bbbbbbbb", "oid": "bbbbbbbb", "roles": []string{"Orders.Read.All"},
	}
	applications.subject, applications.scopes, applications.roles = "bbbbbbbb", nil, []string{"Orders.Read.All"}
	applications.rows = nil

	v1 := users
	v1.issuer = issuers.Entra(issuers.EntraTokens{
		API: entraAPI, V1: true, AppIDURIs: []string{"https://contoso.example/orders"},
		AllowTenant: func(_ context.Context, tenant string) bool { return tenant == contoso },
	})
	v1.good = claims{
		"iss": entraV1(contoso), "tid": contoso, "aud": "api://" + entraAPI, "appid": entraApp, "appidacr": "1", "sub": "s", "scp": "orders.read", "ver": "1.0",
	}
	v1.subject, v1.scopes = "s", []string{"orders.read"}
	v1.rows = map[string]row{
		"an App ID URI of ours":      {claims: claims{"aud": "https://contoso.example/orders"}},
		"the id alone":               {claims: claims{"aud": entraAPI}},
		"an App ID URI of another":   {claims: claims{"aud": "api://" + entraApp}, want: middleware.ReasonAudience},
		"a v2 token beside it":       {claims: claims{"iss": entraV2(contoso), "aud": entraAPI, "azp": entraApp, "appid": nil}},
		"a tenant that is not ours":  {claims: claims{"iss": entraV1(fabrikam), "tid": fabrikam}, want: middleware.ReasonTenant},
		"v1 without its slash":       {claims: claims{"iss": strings.TrimSuffix(entraV1(contoso), "/")}, want: middleware.ReasonUnknownIssuer},
		"an ID token":                {claims: claims{"aud": entraAPI, "appid": nil, "scp": nil}, want: middleware.ReasonNotAccepted},
		"v1 made to look like v2":    {claims: claims{"iss": entraV1(contoso) + "v2.0"}, want: middleware.ReasonUnknownIssuer},
		"a tenant with a slash more": {claims: claims{"iss": entraV1(contoso + "/x"), "tid": contoso + "/x"}, want: middleware.ReasonUnknownIssuer},
	}
	t.Run("users", users.run)
	t.Run("applications", applications.run)
	t.Run("v1", v1.run)

	wrong(t, map[string]middleware.Issuer{
		`API holds ""`:                               issuers.Entra(issuers.EntraTokens{Tenants: []string{contoso}}),
		`API holds "api://` + entraAPI + `"`:         issuers.Entra(issuers.EntraTokens{API: "api://" + entraAPI, Tenants: []string{contoso}}),
		"Tenants is empty":                           issuers.Entra(issuers.EntraTokens{API: entraAPI}),
		`Tenants holds "common", which`:              issuers.Entra(issuers.EntraTokens{API: entraAPI, Tenants: []string{"common"}}),
		`"contoso.onmicrosoft.com": it must`:         issuers.Entra(issuers.EntraTokens{API: entraAPI, Tenants: []string{"contoso.onmicrosoft.com"}}),
		`Tenants holds "` + strings.ToUpper(contoso): issuers.Entra(issuers.EntraTokens{API: entraAPI, Tenants: []string{strings.ToUpper(contoso)}}),
		"without V1":                                 issuers.Entra(issuers.EntraTokens{API: entraAPI, Tenants: []string{contoso}, AppIDURIs: []string{"api://x"}}),
		"are both set": issuers.Entra(issuers.EntraTokens{
			API: entraAPI, Tenants: []string{contoso}, AllowTenant: func(context.Context, string) bool { return true },
		}),
	})
}

// A key that Microsoft publishes for private accounts must not sign for a company.
func TestEntraKeysOfAnotherTenant(t *testing.T) {
	key := testkit.JWK(&testkit.RSAKey().PublicKey)
	for issuer, want := range map[string]middleware.Reason{
		entraV2("{tenantid}"): "",
		entraV2(contoso):      "",
		entraV2(consumers):    middleware.ReasonUnknownKey,
		entraV2(fabrikam):     middleware.ReasonUnknownKey,
	} {
		document := testkit.JSON(claims{"keys": []claims{claims{"kid": "rsa", "use": "sig", "issuer": issuer}.With(key)}})
		i := issuers.Entra(issuers.EntraTokens{API: entraAPI, Tenants: []string{contoso, fabrikam}})
		i.JWKSURI, i.Keys = "", testkit.Must(jwks.Static(document))
		s := sheet{issuer: i, good: claims{"iss": entraV2(contoso), "tid": contoso, "aud": entraAPI, "azp": entraApp, "scp": "orders.read"}}
		if _, err := s.call(s.guard(t), s.sign(row{})); reasonOf(err) != want {
			t.Errorf("a key of %s: reason is %q, want %q", issuer, reasonOf(err), want)
		}
	}
}
