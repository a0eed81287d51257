package middleware_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// CVE-2026-22748, CVE-2026-32301, CVE-2026-41413: iss selects among what is configured, byte for byte, and leads nowhere else.
func TestIssuersThatLookLikeOurs(t *testing.T) {
	address := trap(t)
	keys := &countedKeys{Set: keySet()}
	lookalikes := []string{
		issuer + "/", issuer + "//", issuer + "/.", issuer + "/x", issuer + ":443", issuer + ":", issuer + "#", issuer + "#x", issuer + "?", issuer + "?x=1", issuer + " ", " " + issuer, issuer + "\t", issuer + "\n",
		issuer + "\x00", issuer + ".", issuer + ".evil.example", issuer + "@evil.example", issuer + "%00", issuer + "%2e", issuer + "\u200b", issuer + "," + issuer, issuer + " " + issuer, issuer[:len(issuer)-1], issuer[1:],
		"HTTPS://login.example.com", "Https://login.example.com", "https://LOGIN.example.com", "https://Login.Example.Com", "http://login.example.com", "https:login.example.com", "https:/login.example.com",
		"https:///login.example.com", "https://user@login.example.com", "https://:@login.example.com", "https://login.example.com\\@evil.example", "https://login.example.com%2f@evil.example",
		"https://www.login.example.com", "https://login.example.co", "https://login-example.com", "https://login.examp1e.com", "https://login.exаmple.com", "https://ｌogin.example.com", "https://login。example.com",
		"https://xn--lgin-6qa.example.com", "https://login.example.com.", "//login.example.com", "login.example.com", "https%3A%2F%2Flogin.example.com", "https://login.example.com/.well-known/openid-configuration",
		"https://evil.example/https://login.example.com", "https://evil.example?" + issuer, "https://evil.example#" + issuer, "*", ".*", "{tenantid}", "https://{tenantid}", "null", "undefined",
		address, "http://169.254.169.254/", "http://[::1]/", "file:///etc/passwd", "data:,x", "javascript:0", "ldap://evil.example/x", "gopher://evil.example/", "../../etc/passwd", strings.Repeat("a", 8000),
	}
	var attacks []hostile
	for _, iss := range lookalikes {
		attacks = append(attacks, hostile{"iss " + iss[:min(len(iss), 60)], mint(good(claims{"iss": iss})), middleware.ReasonUnknownIssuer})
	}
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = keys
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: address + "/unused", JWKSURI: "https://keys.example.com/jwks"})
	}, func(t *testing.T, v *middleware.Validator) {
		for _, attack := range attacks {
			t.Run(attack.name, func(t *testing.T) { wantRefused(t, v, attack.token, badToken, attack.reason) })
		}
		if n := keys.asked.Load(); n != 0 {
			t.Errorf("the key source was asked %d times", n)
		}
		wantAdmitted(t, v, mintText(strings.Replace(string(toJSON(good(nil))), "https://", `https:\/\u002f`, 1))) // an escape is the same text
		keys.asked.Store(0)
	})
}

func TestAliases(t *testing.T) {
	const alias = "login.example.com"
	eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Aliases = []string{alias} }, func(t *testing.T, v *middleware.Validator) {
		if got := wantAdmitted(t, v, mint(good(claims{"iss": alias}))).Issuer; got != alias {
			t.Errorf("the issuer is %q, want iss as it stands in the token", got)
		}
		wantRefused(t, v, mint(good(claims{"iss": "accounts.example.com"})), badToken, middleware.ReasonUnknownIssuer)
	})
}

const tenants = "https://login.example.com/{tenantid}/v2.0"

func tenantIssuer(tenant string) string { return strings.Replace(tenants, "{tenantid}", tenant, 1) }

func tenantToken(tenant string) string {
	return mint(good(claims{"iss": tenantIssuer(tenant), "tid": tenant}))
}

func TestTenantIsBoundToTheIssuer(t *testing.T) {
	keys := &countedKeys{Set: keySet()}
	change := func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: tenants, Keys: keys, AllowTenant: func(_ context.Context, tenant string) bool { return tenant == "acme" || tenant == "zeta" }}}
	}
	const bad, unknown = middleware.ReasonTenant, middleware.ReasonUnknownIssuer
	eachWay(t, change, func(t *testing.T, v *middleware.Validator) {
		keys.asked.Store(0)
		for name, row := range map[string]hostile{
			"another tenant":                        {token: tenantToken("evil"), reason: bad},
			"the tenant in another case":            {token: tenantToken("ACME"), reason: bad},
			"no tid":                                {token: mint(good(claims{"iss": tenantIssuer("acme")})), reason: bad},
			"tid of another tenant":                 {token: mint(good(claims{"iss": tenantIssuer("acme"), "tid": "zeta"})), reason: bad},
			"allowed tid, iss of another tenant":    {token: mint(good(claims{"iss": tenantIssuer("evil"), "tid": "acme"})), reason: bad},
			"tid is null":                           {token: mintText(withText(good(claims{"iss": tenantIssuer("acme")}), "tid", "null")), reason: bad},
			"tid is an array":                       {token: mint(good(claims{"iss": tenantIssuer("acme"), "tid": []string{"acme"}})), reason: bad},
			"tid in another case":                   {token: mint(good(claims{"iss": tenantIssuer("acme"), "tid": "Acme"})), reason: bad},
			"tid with a space":                      {token: mint(good(claims{"iss": tenantIssuer("acme"), "tid": "acme "})), reason: bad},
			"the template itself":                   {token: mint(good(claims{"iss": tenants, "tid": "{tenantid}"})), reason: unknown},
			"no tenant":                             {token: tenantToken(""), reason: unknown},
			"no tenant and no slash":                {token: mint(good(claims{"iss": "https://login.example.com/v2.0", "tid": ""})), reason: unknown},
			"a tenant with a slash":                 {token: tenantToken("acme/x"), reason: unknown},
			"a tenant with an encoded slash":        {token: tenantToken("acme%2fx"), reason: unknown},
			"a tenant with a query":                 {token: tenantToken("acme?x="), reason: unknown},
			"a tenant with a fragment":              {token: tenantToken("acme#"), reason: unknown},
			"a tenant with user information":        {token: tenantToken("acme@evil"), reason: unknown},
			"a tenant with a space":                 {token: tenantToken("acme "), reason: unknown},
			"a tenant with a line break":            {token: tenantToken("acme\n"), reason: unknown},
			"a tenant with a NUL":                   {token: tenantToken("acme\x00"), reason: unknown},
			"a tenant beyond ASCII":                 {token: tenantToken("acmé"), reason: unknown},
			"a tenant of 256 characters":            {token: tenantToken(strings.Repeat("a", 256)), reason: unknown},
			"a tenant of 255 characters":            {token: tenantToken(strings.Repeat("a", 255)), reason: bad},
			"dots as a tenant":                      {token: tenantToken(".."), reason: bad},
			"text before the issuer":                {token: mint(good(claims{"iss": "x" + tenantIssuer("acme"), "tid": "acme"})), reason: unknown},
			"text behind the issuer":                {token: mint(good(claims{"iss": tenantIssuer("acme") + "/", "tid": "acme"})), reason: unknown},
			"another host":                          {token: mint(good(claims{"iss": "https://login.example.org/acme/v2.0", "tid": "acme"})), reason: unknown},
			"prefix and suffix that share a letter": {token: mint(good(claims{"iss": "https://login.example.com/v2.0", "tid": "v2.0"})), reason: unknown},
		} {
			t.Run(name, func(t *testing.T) { wantRefused(t, v, row.token, badToken, row.reason) })
		}
		if n := keys.asked.Load(); n != 0 {
			t.Errorf("keys were looked up %d times for tenants that are not allowed", n)
		}
		if got := wantAdmitted(t, v, tenantToken("acme")).Issuer; got != tenantIssuer("acme") {
			t.Errorf("the issuer is %q", got)
		}
		wantAdmitted(t, v, tenantToken("zeta"))
	})
}

// A flood of tenants asks a function and nothing else.
func TestFloodOfTenants(t *testing.T) {
	keys := &countedKeys{Set: keySet()}
	asked := 0
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{{URL: tenants, Keys: keys, AllowTenant: func(context.Context, string) bool { asked++; return false }}}
	})
	guard := v.Require()
	for i := range 20_000 {
		tenant := fmt.Sprintf("tenant-%d", i)
		token := b64([]byte(edHeader)) + "." + b64(toJSON(claims{"iss": tenantIssuer(tenant), "tid": tenant})) + ".AA"
		if reason := reasonOf(t, guard, bearer(token)); reason != middleware.ReasonTenant {
			t.Fatalf("reason is %q", reason)
		}
	}
	if n := keys.asked.Load(); n != 0 || asked != 20_000 {
		t.Errorf("%d key look-ups and %d questions about tenants, want 0 and 20000", n, asked)
	}
}

// Two templates and an exact name beside them do not mix.
func TestTemplatesBesideExactIssuers(t *testing.T) {
	yes := func(context.Context, string) bool { return true }
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			{URL: tenants, Keys: keySet(), AllowTenant: yes},
			{URL: tenantIssuer("own"), Keys: keySet(), Audiences: []string{"own"}},
			{URL: "https://{tenantid}.example.com", Keys: keySet(), AllowTenant: yes, Audiences: []string{"sub"}},
		}
	}, func(t *testing.T, v *middleware.Validator) {
		wantAdmitted(t, v, tenantToken("acme"))
		wantRefused(t, v, tenantToken("own"), badToken, middleware.ReasonAudience) // the exact name is the narrower rule
		wantAdmitted(t, v, mint(good(claims{"iss": tenantIssuer("own"), "aud": "own"})))
		wantAdmitted(t, v, mint(good(claims{"iss": "https://acme.example.com", "tid": "acme", "aud": "sub"})))
		wantRefused(t, v, mint(good(claims{"iss": "https://acme/x.example.com", "tid": "acme/x", "aud": "sub"})), badToken, middleware.ReasonUnknownIssuer)
	})
}

// The server of a template does not vouch for a tenant whose name belongs to another issuer.
func TestAnswersAboutATenantWithAnIssuerOfItsOwn(t *testing.T) {
	for name, outcome := range map[string]string{"acme": "200", "own": badToken} {
		v := validator(t, func(cfg *middleware.Config) {
			cfg.Issuers = []middleware.Issuer{
				{URL: tenants, Keys: keySet(), AllowTenant: anyTenant, Introspector: answering(active(claims{"iss": tenantIssuer(name), "tid": name}))},
				{URL: tenantIssuer("own"), Keys: oneKey("ed", strangeKey())},
			}
		})
		if got := serve(v.Require(), bearer("opaque")); got.String() != outcome {
			t.Errorf("tenant %s: got %v, want %s", name, got, outcome)
		}
	}
}

// CVE-2026-49998: one kid at two issuers makes four combinations, two of them good.
func TestSameKidAtTwoIssuers(t *testing.T) {
	const other = "https://other.example.com"
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: other, Keys: oneKey("ed", strangeKey())})
	}, func(t *testing.T, v *middleware.Validator) {
		ours, theirs := string(toJSON(good(nil))), string(toJSON(good(claims{"iss": other})))
		for range 2 { // whatever was cached in the first round
			wantAdmitted(t, v, sign(edHeader, ours, edKey()))
			wantAdmitted(t, v, sign(edHeader, theirs, strangeKey()))
			wantRefused(t, v, sign(edHeader, ours, strangeKey()), badToken, middleware.ReasonSignature)
			wantRefused(t, v, sign(edHeader, theirs, edKey()), badToken, middleware.ReasonSignature)
		}
	})
}
