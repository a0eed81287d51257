package configs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// realms is a server on which each tenant has keys of its own.
func realms(url, jwksURI string, aliases ...string) func(*middleware.Config) {
	return kit.ChangeIssuer(func(i *middleware.Issuer) {
		i.URL, i.JWKSURI, i.Aliases, i.AllowTenant, i.Keys = url, jwksURI, aliases, kit.AnyTenant, nil
	})
}

func TestMistakesAboutTenantsWithKeysOfTheirOwn(t *testing.T) {
	const (
		place = "{tenantid} must be a whole segment of the path, or the first labels of the host"
		host  = "in the host, {tenantid} must come first, before a domain of two labels at least, as {tenantid}.idp.example"
	)
	wantMistakes(t, []mistake{
		{"a key set of tenants that no iss names", kit.ChangeIssuer(func(i *middleware.Issuer) { i.JWKSURI, i.Keys = "https://a/{tenantid}/keys", nil }), []string{
			`middleware: Issuers[0].URL "` + testkit.Issuer + `" names no tenant, but the keys differ by tenant: put {tenantid} into it, or make it an Issuer of its own`}},
		{"an alias of no tenant", realms("https://a/{tenantid}", "", "https://b/{tenantid}", "https://a"), []string{
			`middleware: Issuers[0].Aliases[1] "https://a" names no tenant, but the keys differ by tenant: put {tenantid} into it, or make it an Issuer of its own`}},
		{"part of a segment", realms("https://a/{tenantid}", "https://a/realm-{tenantid}/keys"), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.URL "https://a/realm-{tenantid}/keys": ` + place}},
		{"part of a segment of what is discovered", realms("https://a/{tenantid}.v2", ""), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.Issuer "https://a/{tenantid}.v2": ` + place}},
		{"the query", realms("https://a/{tenantid}", "https://a/keys?realm={tenantid}"), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.URL "https://a/keys": ` + place}},
		{"twice", realms("https://a/{tenantid}", "https://a/{tenantid}/{tenantid}"), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.URL "https://a/{tenantid}/{tenantid}": it must have one {tenantid}`}},
		{"a whole host", realms("https://{tenantid}/", ""), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.Issuer "https://{tenantid}/": ` + host}},
		{"every host below a top-level domain", realms("https://{tenantid}.com", ""), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.Issuer "https://{tenantid}.com": ` + host}},
		{"the last labels of a host", realms("https://a/{tenantid}", "https://login.{tenantid}/keys"), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.URL "https://login.{tenantid}/keys": ` + place}},
		{"without TLS", realms("http://sso:8080/t/{tenantid}", ""), []string{
			`middleware: Issuers[0]: jwks: TenantsConfig.Issuer "http://sso:8080/t/{tenantid}", for a tenant called tenant: jwks: Config.Issuer "http://sso:8080/t/tenant": ` +
				"it must begin with https://; http is accepted for 127.0.0.1, [::1] and localhost, and for hosts that DangerouslyAllowHTTP names"}},
	})
}

func TestWhereTenantsMayHaveKeysOfTheirOwn(t *testing.T) {
	for _, row := range []struct{ url, jwksURI string }{
		{"https://a/realms/{tenantid}", ""},
		{"https://{tenantid}.idp.example", ""},
		{"https://a/realms/{tenantid}", "https://a/realms/{tenantid}/keys?use=sig"},
		{"https://a/v-{tenantid}", "https://{tenantid}.keys.example/all"}, // nothing is fetched from URL
		{"urn:tenant:{tenantid}", "https://a/{tenantid}"},
		{"http://127.0.0.1:8080/{tenantid}", ""},
	} {
		v := kit.NewValidator(t, realms(row.url, row.jwksURI))
		if h := v.Health()[0]; !h.Ready || h.Keys.Keys != 0 || h.Keys.LastError != nil {
			t.Errorf("%s, %s: health is %+v; want ready, as keys come with the first token", row.url, row.jwksURI, h)
		}
		if err := v.Warm(t.Context()); err != nil {
			t.Errorf("%s, %s: Warm: %v", row.url, row.jwksURI, err)
		}
		if err := v.Close(); err != nil || v.Health()[0].Ready {
			t.Errorf("%s, %s: Close: %v, health %+v", row.url, row.jwksURI, err, v.Health()[0])
		}
	}
	kit.NewValidator(t, func(cfg *middleware.Config) {
		realms("http://sso:8080/realms/{tenantid}", "")(cfg)
		cfg.DangerouslyAllowHTTP = []string{"sso:8080"}
	})
}

// saying is a KeySource of the application that tells what it can verify.
type saying struct {
	*kit.CountedKeys
	algorithms []string
}

func (s saying) Algorithms() []string { return s.algorithms }

func TestMistakesAboutKeysThatFitNoAlgorithm(t *testing.T) {
	ec := testkit.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	ecOnly := jwks.NewSet(testkit.Must(jwks.NewKey("ec", "ES256", ec.Public())))
	secret := []byte(strings.Repeat("0123456789abcdef", 2))
	secrets := testkit.Must(jwks.HMAC("HS256", secret))
	mixed := jwks.NewSet(testkit.Must(jwks.NewKey("ec", "ES256", ec.Public())), testkit.Must(jwks.NewSecret("s", "HS256", secret)))
	with := func(keys middleware.KeySource, algorithms ...string) func(*middleware.Config) {
		return kit.ChangeIssuer(func(i *middleware.Issuer) { i.Keys, i.Algorithms = keys, algorithms })
	}
	cache := testkit.Must(jwks.New(jwks.Config{URL: "https://a/keys"}))
	tenants := testkit.Must(jwks.NewTenants(jwks.TenantsConfig{Issuer: "https://a/{tenantid}"}))
	says := func(algorithms ...string) middleware.KeySource {
		return saying{&kit.CountedKeys{Set: testkit.KeySet()}, algorithms}
	}
	const fit = ": name one of them in Algorithms, or take the keys that fit"
	wantMistakes(t, []mistake{
		{"keys of another family", with(ecOnly, "RS256", "PS256"), []string{
			"middleware: Issuers[0].Keys verifies ES256, and none of that is accepted (PS256, RS256)" + fit}},
		{"secrets of another length", with(secrets, "HS512"), []string{
			"middleware: Issuers[0].Keys verifies HS256, and none of that is accepted (HS512)" + fit}},
		{"secrets where public keys are wanted", with(secrets, "RS256"), []string{
			"middleware: Issuers[0].Keys verifies HS256, and none of that is accepted (RS256)" + fit}},
		{"a source of the application that says so", with(says("ES384"), "ES256"), []string{
			"middleware: Issuers[0].Keys verifies ES384, and none of that is accepted (ES256)" + fit}},
		{"a source of the application with secrets, whose Algorithms are not named", with(says("HS256")), []string{
			"middleware: Issuers[0].Keys verifies HS256, and none of that is accepted (ES256, ES384, ES512, Ed25519, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512)" + fit}},
		{"secrets beside public keys", with(mixed), []string{
			"middleware: Issuers[0].Keys holds secrets beside public keys (ES256, HS256): name the Algorithms of one kind, or make two Issuers (RFC 8725 section 3.1)"}},
		{"a secret of a set that is fetched", with(cache, "HS256"), []string{
			"middleware: Issuers[0].Algorithms names a symmetric algorithm, but Keys is a *jwks.Cache, which never holds a secret: set Keys to jwks.HMAC(…)"}},
		{"a secret of a tenant", with(tenants, "HS512"), []string{
			"middleware: Issuers[0].Algorithms names a symmetric algorithm, but Keys is a *jwks.Tenants, which never holds a secret: set Keys to jwks.HMAC(…)"}},
		{"a secret of a keyfunc", with(jwks.FromKeyfunc(nil), "HS256"), []string{
			"middleware: Issuers[0].Algorithms names a symmetric algorithm, but Keys is a *jwks.KeyfuncSource, which never holds a secret: set Keys to jwks.HMAC(…)"}},
		{"a set that could not be made", with((*jwks.Set)(nil)), []string{
			"middleware: Issuers[0].Keys is a nil *jwks.Set: look at the error of the call that was to make it"}},
		{"a set without keys", with(&jwks.Set{}), []string{
			"middleware: Issuers[0].Keys is a set without keys, which verifies nothing: put the issuer's keys in, or leave it out so that they are fetched"}},
	})
	for name, change := range map[string]func(*middleware.Config){
		"one of two families":              with(testkit.KeySet(), "RS256"),
		"one kind of a mixed set, by name": with(mixed, "HS256"),
		"a source that does not know yet":  with(says(), "ES256"),
		"a source that has more":           with(says("ES256", "HS256"), "ES256"),
	} {
		if _, err := middleware.New(configWith(change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func configWith(change func(*middleware.Config)) middleware.Config {
	cfg := kit.Config()
	change(&cfg)
	return cfg
}

// A fixed set of secrets says by itself that the issuer's tokens are signed with them.
func TestSecretsNeedNoAlgorithms(t *testing.T) {
	secret := []byte(strings.Repeat("0123456789abcdef", 4))
	for alg, hash := range map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New} {
		keys := testkit.Must(jwks.HMAC(alg, secret))
		kit.WithAndWithoutCache(t, kit.ChangeIssuer(func(i *middleware.Issuer) { i.Keys = keys }), func(t *testing.T, v *middleware.Validator) {
			sign := func(named string, key any) string {
				return testkit.Sign(`{"alg":"`+named+`","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil))), key)
			}
			input, _, _ := strings.Cut(sign(alg, secret), ".")
			input += "." + testkit.B64(testkit.JSON(kit.GoodClaims(nil)))
			mac := hmac.New(hash, secret)
			mac.Write([]byte(input))
			kit.WantAdmitted(t, v, input+"."+testkit.B64(mac.Sum(nil)))
			for _, other := range []string{"HS256", "HS384", "HS512"} {
				if other != alg {
					kit.WantRefused(t, v, sign(other, secret), kit.BadToken, middleware.ReasonAlgorithm)
				}
			}
			kit.WantRefused(t, v, sign(alg, []byte(strings.Repeat("x", 64))), kit.BadToken, middleware.ReasonSignature)
			kit.WantRefused(t, v, sign("EdDSA", testkit.EdKey()), kit.BadToken, middleware.ReasonAlgorithm)
			kit.WantRefused(
				t, v, testkit.Sign(`{"alg":"none","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
				kit.BadToken, middleware.ReasonAlgorithm,
			)
		})
	}
	source := kit.KeySourceFunc(testkit.Must(jwks.HMAC("HS256", secret)).VerificationKeys) // of the application: it does not say what it has
	v := kit.NewValidator(t, kit.ChangeIssuer(func(i *middleware.Issuer) { i.Keys = source }))
	kit.WantRefused(
		t, v, testkit.Sign(`{"alg":"HS256","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil))), secret), kit.BadToken,
		middleware.ReasonAlgorithm,
	)
}
