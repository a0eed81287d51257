package tokens_test

import (
	"context"
	"crypto/ed25519"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// publishedFor is a key set of the test issuer's Ed25519 key, whose JWK names these issuers (nil: none), one key for each.
func publishedFor(issuers ...any) *jwks.Set {
	var keys []kit.Claims
	for _, named := range issuers {
		jwk := testkit.JWK(testkit.EdKey().Public().(ed25519.PublicKey))
		jwk["kid"] = "ed"
		if named != nil {
			jwk["issuer"] = named
		}
		keys = append(keys, jwk)
	}
	return testkit.Must(jwks.Static(testkit.JSON(kit.Claims{"keys": keys})))
}

// A server may publish one key set for all its tenants, in which each key says whose tokens it signs: literally, or with a placeholder for
// the tenant. Without that, a key meant for one tenant signs for all.
func TestKeyServesTheIssuerThatItsJWKNames(t *testing.T) {
	const (
		v2     = "https://login.example.com/{tenantid}/v2.0"
		v1     = "https://sts.example.com/{tenantid}/"
		acme   = "https://login.example.com/acme/v2.0"
		umbrel = "https://login.example.com/umbrella/v2.0"
	)
	all := func(context.Context, string) bool { return true }
	tenants := func(i *middleware.Issuer) { i.URL, i.Aliases, i.AllowTenant = v2, []string{v1}, all }
	v1Only := func(i *middleware.Issuer) { i.URL, i.AllowTenant = v1, all }
	single := func(i *middleware.Issuer) { i.URL = acme }
	both := func(i *middleware.Issuer) { i.URL, i.Aliases = acme, []string{"https://sts.example.com/acme/", umbrel} }
	shared := func(i *middleware.Issuer) {
		i.URL, i.Aliases = v2, []string{"https://sts.example.com/common", "https://sts.example.com", "https://sts.example.com/acme/"}
		i.AllowTenant = func(_ context.Context, tenant string) bool { return tenant != "umbrella" }
	}
	similar := func(i *middleware.Issuer) { i.URL, i.Aliases = acme, []string{"https://login.example.com/acme2/v2.0"} }
	const acme2 = "https://login.example.com/acme2/v2.0"
	of := func(iss, tid string) kit.Claims { return kit.Claims{"iss": iss, "tid": tid} }
	for name, row := range map[string]struct {
		trust func(*middleware.Issuer)
		keys  *jwks.Set
		token kit.Claims
		ok    bool
	}{
		"a key that names none":                             {tenants, publishedFor(nil), of(acme, "acme"), true},
		"an empty name is none":                             {tenants, publishedFor(""), of(acme, "acme"), true},
		"the placeholder":                                   {tenants, publishedFor(v2), of(acme, "acme"), true},
		"the token's own tenant, spelt out":                 {tenants, publishedFor(acme), of(acme, "acme"), true},
		"another name of the issuer for the tenant":         {tenants, publishedFor(v2), of("https://sts.example.com/acme/", "acme"), true},
		"the same, spelt out":                               {tenants, publishedFor(acme), of("https://sts.example.com/acme/", "acme"), true},
		"one of two keys":                                   {tenants, publishedFor(umbrel, acme), of(acme, "acme"), true},
		"one tenant, and the common keys":                   {single, publishedFor(v2), of(acme, "acme"), true},
		"another name for one tenant":                       {both, publishedFor("https://sts.example.com/acme/"), of(acme, "acme"), true},
		"a key for another tenant":                          {tenants, publishedFor(umbrel), of(acme, "acme"), false},
		"another tenant's key under another name":           {tenants, publishedFor(umbrel), of("https://sts.example.com/acme/", "acme"), false},
		"a key for somebody else":                           {tenants, publishedFor("https://evil.example/{tenantid}/v2.0"), of(acme, "acme"), false},
		"a name that the issuer does not have":              {v1Only, publishedFor(v2), of("https://sts.example.com/acme/", "acme"), false},
		"one tenant, and another's key":                     {single, publishedFor(umbrel), of(acme, "acme"), false},
		"one tenant, and a tid that does not fill the name": {single, publishedFor(v2), of(acme, "umbrella"), false},
		"one tenant, and no tid to fill the name":           {single, publishedFor(v2), kit.Claims{"iss": acme, "tid": nil}, false},
		"one tenant, and a tid that is no tenant": {
			single, publishedFor("https://login.example.com/{tenantid}"), kit.Claims{"iss": acme, "tid": "acme/v2.0"}, false,
		},
		"the alias of another tenant":                         {both, publishedFor(umbrel), of(acme, "acme"), false},
		"the same, and tid says so":                           {both, publishedFor(umbrel), of(acme, "umbrella"), false},
		"the same, and tid says nothing":                      {both, publishedFor(umbrel), kit.Claims{"iss": acme, "tid": nil}, false},
		"the same, and tid is in both names":                  {both, publishedFor(umbrel), of(acme, "v2.0"), false},
		"another name for one tenant, without tid":            {both, publishedFor("https://sts.example.com/acme/"), kit.Claims{"iss": acme, "tid": nil}, true},
		"a tenant whose name begins alike":                    {similar, publishedFor(acme2), of(acme, "acme"), false},
		"the same in the other direction":                     {similar, publishedFor(acme), of(acme2, "acme2"), false},
		"the placeholder, filled by tid with another name":    {similar, publishedFor(v2), of(acme, "acme2"), false},
		"a tenant's key for a name without one":               {shared, publishedFor(umbrel), of("https://sts.example.com/common", "umbrella"), false},
		"a tenant's key for a name without a path":            {shared, publishedFor(umbrel), of("https://sts.example.com", "umbrella"), false},
		"a tenant's key for its name":                         {shared, publishedFor(acme), of("https://sts.example.com/acme/", "acme"), true},
		"a key of no tenant for a tenant":                     {shared, publishedFor("https://sts.example.com/common"), of(acme, "acme"), false},
		"a name that differs in case":                         {tenants, publishedFor("https://login.example.com/ACME/v2.0"), of(acme, "acme"), false},
		"a name that differs by a slash":                      {tenants, publishedFor(acme + "/"), of(acme, "acme"), false},
		"the placeholder in another case":                     {tenants, publishedFor("https://login.example.com/{TenantId}/v2.0"), of(acme, "acme"), false},
		"the placeholder twice":                               {tenants, publishedFor("https://login.example.com/{tenantid}/{tenantid}"), of(acme, "acme"), false},
		"the template of the issuer, for a token without tid": {single, publishedFor(v1), kit.Claims{"iss": acme, "tid": nil}, false},
	} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			row.trust(&cfg.Issuers[0])
			cfg.Issuers[0].Keys = row.keys
		}, func(t *testing.T, v *middleware.Validator) {
			t.Run(name, func(t *testing.T) {
				if row.ok {
					kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(row.token)))
					return
				}
				kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(row.token)), kit.BadToken, middleware.ReasonUnknownKey)
			})
		})
	}
}

// A forged signature under a key of another tenant costs no signature check.
func TestKeyOfAnotherTenantIsNotTried(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys = publishedFor("https://evil.example")
	})
	kit.WantRefused(
		t, v, testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), kit.BadToken,
		middleware.ReasonUnknownKey,
	)
}

// A key that moves from one tenant to another takes its remembered tokens along.
func TestCachedTokenOfAKeyThatIsGivenToAnotherTenant(t *testing.T) {
	keys := &mutableKeys{}
	keys.answer = answersOf(publishedFor(testkit.Issuer))
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys })
	token := kit.Mint(kit.GoodClaims(nil))
	kit.WantAdmitted(t, v, token)
	keys.answer = answersOf(publishedFor("https://other.example"))
	kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonUnknownKey)
}

func answersOf(set *jwks.Set) func(kid, alg string) ([]*jwks.Key, error) {
	return func(kid, alg string) ([]*jwks.Key, error) {
		return set.VerificationKeys(context.Background(), kid, alg)
	}
}
