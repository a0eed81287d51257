package tokens_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// CVE-2026-22748, CVE-2026-32301, CVE-2026-41413: iss selects among what is configured, byte for byte, and leads nowhere else.
func TestIssuersThatLookLikeOurs(t *testing.T) {
	address := kit.UnvisitedServer(t)
	keys := &kit.CountedKeys{Set: testkit.KeySet()}
	lookalikes := []string{
		testkit.Issuer + "/", testkit.Issuer + "//", testkit.Issuer + "/.", testkit.Issuer + "/x", testkit.Issuer + ":443", testkit.Issuer + ":", testkit.Issuer + "#", testkit.Issuer + "#x", testkit.Issuer + "?", testkit.Issuer + "?x=1", testkit.Issuer + " ", " " + testkit.Issuer, testkit.Issuer + "\t", testkit.Issuer + "\n",
		testkit.Issuer + "\x00", testkit.Issuer + ".", testkit.Issuer + ".evil.example", testkit.Issuer + "@evil.example", testkit.Issuer + "%00", testkit.Issuer + "%2e", testkit.Issuer + "\u200b", testkit.Issuer + "," + testkit.Issuer, testkit.Issuer + " " + testkit.Issuer, testkit.Issuer[:len(
			testkit.Issuer,
		)-1], testkit.Issuer[1:],
		"HTTPS://login.example.com", "Https://login.example.com", "https://LOGIN.example.com", "https://Login.Example.Com", "http://login.example.com", "https:login.example.com", "https:/login.example.com",
		"https:///login.example.com", "https://user@login.example.com", "https://:@login.example.com", "https://login.example.com\\@evil.example", "https://login.example.com%2f@evil.example",
		"https://www.login.example.com", "https://login.example.co", "https://login-example.com", "https://login.examp1e.com", "https://login.exаmple.com", "https://ｌogin.example.com", "https://login。example.com",
		"https://xn--lgin-6qa.example.com", "https://login.example.com.", "//login.example.com", "login.example.com", "https%3A%2F%2Flogin.example.com", "https://login.example.com/.well-known/openid-configuration",
		"https://evil.example/https://login.example.com", "https://evil.example?" + testkit.Issuer, "https://evil.example#" + testkit.Issuer, "*", ".*", "{tenantid}", "https://{tenantid}", "null", "undefined",
		address, "http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd", "data:,x", "javascript:0", "ldap://evil.example/x", "gopher://evil.example/", "../../etc/passwd", strings.Repeat(
			"a", 8000,
		),
	}
	var attacks []hostile
	for _, iss := range lookalikes {
		attacks = append(attacks, hostile{"iss " + iss[:min(len(iss), 60)], kit.Mint(kit.GoodClaims(kit.Claims{"iss": iss})), middleware.ReasonUnknownIssuer})
	}
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = keys
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: address + "/unused", JWKSURI: "https://keys.example.com/jwks"})
	}, func(t *testing.T, v *middleware.Validator) {
		for _, attack := range attacks {
			t.Run(attack.name, func(t *testing.T) { kit.WantRefused(t, v, attack.token, kit.BadToken, attack.reason) })
		}
		if n := keys.Asked.Load(); n != 0 {
			t.Errorf("the key source was asked %d times", n)
		}
		kit.WantAdmitted(
			t, v, kit.MintText(strings.Replace(string(testkit.JSON(kit.GoodClaims(nil))), "https://", `https:\/\u002f`, 1)),
		) // an escape is the same text
		keys.Asked.Store(0)
	})
}

func TestAliases(t *testing.T) {
	const alias = "login.example.com"
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Aliases = []string{alias} }, func(t *testing.T, v *middleware.Validator) {
		if got := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"iss": alias}))).Issuer; got != alias {
			t.Errorf("the issuer is %q, want iss as it stands in the token", got)
		}
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"iss": "accounts.example.com"})), kit.BadToken, middleware.ReasonUnknownIssuer)
	})
}

func TestTenantIsBoundToTheIssuer(t *testing.T) {
	keys := &kit.CountedKeys{Set: testkit.KeySet()}
	change := func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			{URL: kit.TenantsURL, Keys: keys, AllowTenant: func(_ context.Context, tenant string) bool { return tenant == "acme" || tenant == "zeta" }},
		}
	}
	const bad, unknown = middleware.ReasonTenant, middleware.ReasonUnknownIssuer
	kit.WithAndWithoutCache(t, change, func(t *testing.T, v *middleware.Validator) {
		keys.Asked.Store(0)
		for name, row := range map[string]hostile{
			"another tenant":                     {token: kit.TenantToken("evil"), reason: bad},
			"the tenant in another case":         {token: kit.TenantToken("ACME"), reason: bad},
			"no tid":                             {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("acme")})), reason: bad},
			"tid of another tenant":              {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("acme"), "tid": "zeta"})), reason: bad},
			"allowed tid, iss of another tenant": {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("evil"), "tid": "acme"})), reason: bad},
			"tid is null": {
				token: kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("acme")}), "tid", "null")), reason: bad,
			},
			"tid is an array": {
				token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("acme"), "tid": []string{"acme"}})), reason: bad,
			},
			"tid in another case":                    {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("acme"), "tid": "Acme"})), reason: bad},
			"tid with a space":                       {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("acme"), "tid": "acme "})), reason: bad},
			"the template itself":                    {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantsURL, "tid": "{tenantid}"})), reason: unknown},
			"no tenant":                              {token: kit.TenantToken(""), reason: unknown},
			"no tenant and no slash":                 {token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://login.example.com/v2.0", "tid": ""})), reason: unknown},
			"a tenant with a slash":                  {token: kit.TenantToken("acme/x"), reason: unknown},
			"a tenant with an encoded slash":         {token: kit.TenantToken("acme%2fx"), reason: unknown},
			"a tenant with a query":                  {token: kit.TenantToken("acme?x="), reason: unknown},
			"a tenant with a fragment":               {token: kit.TenantToken("acme#"), reason: unknown},
			"a tenant with user information":         {token: kit.TenantToken("acme@evil"), reason: unknown},
			"a tenant with a space":                  {token: kit.TenantToken("acme "), reason: unknown},
			"a tenant with a line break":             {token: kit.TenantToken("acme\n"), reason: unknown},
			"a tenant with a NUL":                    {token: kit.TenantToken("acme\x00"), reason: unknown},
			"a tenant beyond ASCII":                  {token: kit.TenantToken("acmé"), reason: unknown},
			"a tenant of 256 characters":             {token: kit.TenantToken(strings.Repeat("a", 256)), reason: unknown},
			"a tenant of 255 characters":             {token: kit.TenantToken(strings.Repeat("a", 255)), reason: bad},
			"dots, which are a step to another path": {token: kit.TenantToken(".."), reason: unknown},
			"a dot":                                  {token: kit.TenantToken("."), reason: unknown},
			"text before the issuer": {
				token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": "x" + kit.TenantIssuer("acme"), "tid": "acme"})), reason: unknown,
			},
			"text behind the issuer": {
				token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("acme") + "/", "tid": "acme"})), reason: unknown,
			},
			"another host": {
				token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://login.example.org/acme/v2.0", "tid": "acme"})), reason: unknown,
			},
			"prefix and suffix that share a letter": {
				token: kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://login.example.com/v2.0", "tid": "v2.0"})), reason: unknown,
			},
		} {
			t.Run(name, func(t *testing.T) { kit.WantRefused(t, v, row.token, kit.BadToken, row.reason) })
		}
		if n := keys.Asked.Load(); n != 0 {
			t.Errorf("keys were looked up %d times for tenants that are not allowed", n)
		}
		if got := kit.WantAdmitted(t, v, kit.TenantToken("acme")).Issuer; got != kit.TenantIssuer("acme") {
			t.Errorf("the issuer is %q", got)
		}
		kit.WantAdmitted(t, v, kit.TenantToken("zeta"))
	})
}

// A flood of tenants asks a function and nothing else.
func TestFloodOfTenants(t *testing.T) {
	keys := &kit.CountedKeys{Set: testkit.KeySet()}
	const tenants = 2000
	asked := 0
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: kit.TenantsURL, Keys: keys, AllowTenant: func(context.Context, string) bool { asked++; return false }}}
	})
	guard := v.Require()
	for i := range tenants {
		tenant := fmt.Sprintf("tenant-%d", i)
		token := testkit.B64([]byte(kit.Ed25519Header)) + "." + testkit.B64(testkit.JSON(kit.Claims{"iss": kit.TenantIssuer(tenant), "tid": tenant})) + ".AA"
		if reason := kit.ReasonOf(t, guard, kit.Bearer(token)); reason != middleware.ReasonTenant {
			t.Fatalf("reason is %q", reason)
		}
	}
	if n := keys.Asked.Load(); n != 0 || asked != tenants {
		t.Errorf("%d key look-ups and %d questions about tenants, want 0 and %d", n, asked, tenants)
	}
}

// Two templates and an exact name beside them do not mix.
func TestTemplatesBesideExactIssuers(t *testing.T) {
	yes := func(context.Context, string) bool { return true }
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			{URL: kit.TenantsURL, Keys: testkit.KeySet(), AllowTenant: yes},
			{URL: kit.TenantIssuer("own"), Keys: testkit.KeySet(), Audiences: []string{"own"}},
			{URL: "https://{tenantid}.example.com", Keys: testkit.KeySet(), AllowTenant: yes, Audiences: []string{"sub"}},
		}
	}, func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, kit.TenantToken("acme"))
		kit.WantRefused(t, v, kit.TenantToken("own"), kit.BadToken, middleware.ReasonAudience) // the exact name is the narrower rule
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"iss": kit.TenantIssuer("own"), "aud": "own"})))
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://acme.example.com", "tid": "acme", "aud": "sub"})))
		kit.WantRefused(
			t, v, kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://acme/x.example.com", "tid": "acme/x", "aud": "sub"})), kit.BadToken,
			middleware.ReasonUnknownIssuer,
		)
	})
}

// The server of a template does not vouch for a tenant whose name belongs to another issuer.
func TestAnswersAboutATenantWithAnIssuerOfItsOwn(t *testing.T) {
	for name, outcome := range map[string]string{"acme": "200", "own": kit.BadToken} {
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Issuers = []middleware.Issuer{
				{
					URL: kit.TenantsURL, Keys: testkit.KeySet(), AllowTenant: kit.AnyTenant,
					Introspector: kit.Answering(kit.ActiveAnswer(kit.Claims{"iss": kit.TenantIssuer(name), "tid": name})),
				},
				{URL: kit.TenantIssuer("own"), Keys: testkit.OneKey("ed", testkit.StrangeKey())},
			}
		})
		if got := kit.Serve(v.Require(), kit.Bearer("opaque")); got.String() != outcome {
			t.Errorf("tenant %s: got %v, want %s", name, got, outcome)
		}
	}
}

// CVE-2026-49998: one kid at two issuers makes four combinations, two of them good.
func TestSameKidAtTwoIssuers(t *testing.T) {
	const other = "https://other.example.com"
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: other, Keys: testkit.OneKey("ed", testkit.StrangeKey())})
	}, func(t *testing.T, v *middleware.Validator) {
		ours, theirs := string(testkit.JSON(kit.GoodClaims(nil))), string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": other})))
		for range 2 { // whatever was cached in the first round
			kit.WantAdmitted(t, v, testkit.Sign(kit.Ed25519Header, ours, testkit.EdKey()))
			kit.WantAdmitted(t, v, testkit.Sign(kit.Ed25519Header, theirs, testkit.StrangeKey()))
			kit.WantRefused(t, v, testkit.Sign(kit.Ed25519Header, ours, testkit.StrangeKey()), kit.BadToken, middleware.ReasonSignature)
			kit.WantRefused(t, v, testkit.Sign(kit.Ed25519Header, theirs, testkit.EdKey()), kit.BadToken, middleware.ReasonSignature)
		}
	})
}

func TestIssuersThatHoldATemplateInPart(t *testing.T) {
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: kit.TenantsURL, Keys: testkit.KeySet(), AllowTenant: kit.AnyTenant}}
	}, func(t *testing.T, v *middleware.Validator) {
		tenant := strings.Repeat("a", 100) // so that no length gives the answer away
		kit.WantAdmitted(t, v, kit.TenantToken(tenant))
		for name, issuer := range map[string]string{
			"the suffix alone": tenant + "/v2.0", "the prefix alone": "https://login.example.com/" + tenant, "the tenant alone": tenant,
		} {
			t.Run(name, func(t *testing.T) {
				kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"iss": issuer, "tid": tenant})), kit.BadToken, middleware.ReasonUnknownIssuer)
			})
		}
	})
}
