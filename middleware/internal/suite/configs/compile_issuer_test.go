package configs_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func second(issuer middleware.Issuer) func(*middleware.Config) {
	return func(cfg *middleware.Config) { cfg.Issuers = append(cfg.Issuers, issuer) }
}

func TestIssuerNameMistakes(t *testing.T) {
	wantMistakes(t, []mistake{
		{"no URL", kit.ChangeIssuer(func(i *middleware.Issuer) { i.URL = "" }), []string{
			"middleware: Issuers[0].URL is empty: it must be the exact iss value of the server's tokens"}},
		{"an empty alias", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Aliases = []string{""} }), []string{
			"middleware: Issuers[0].Aliases[0] is empty: is an environment variable missing?"}},
		{"the URL of another issuer", second(middleware.Issuer{URL: testkit.Issuer, Keys: testkit.KeySet()}), []string{
			`middleware: Issuers[1].URL "` + testkit.Issuer + `" is named twice among the URLs and Aliases: each iss value must lead to one issuer`}},
		{"the alias of another issuer", second(middleware.Issuer{URL: "https://b.example", Aliases: []string{testkit.Issuer}, Keys: testkit.KeySet()}), []string{
			`middleware: Issuers[1].URL "` + testkit.Issuer + `" is named twice among the URLs and Aliases: each iss value must lead to one issuer`}},
		{"two placeholders", kit.ChangeIssuer(func(i *middleware.Issuer) { i.URL = "https://a/{tenantid}/{tenantid}" }), []string{
			`middleware: Issuers[0].URL "https://a/{tenantid}/{tenantid}" holds {tenantid} more than once`}},
		{"every tenant of a server", kit.ChangeIssuer(func(i *middleware.Issuer) { i.URL = "https://a/{tenantid}" }), []string{
			`middleware: Issuers[0].AllowTenant is nil, but "https://a/{tenantid}" stands for every tenant of the server: judge there which tenants may come`}},
		{"a judge of tenants without tenants", kit.ChangeIssuer(func(i *middleware.Issuer) { i.AllowTenant = kit.AnyTenant }), []string{
			`middleware: Issuers[0].AllowTenant is set, but URL "` + testkit.Issuer + `" holds no {tenantid} for it to judge`}},
		{"the same tenants twice", func(cfg *middleware.Config) {
			cfg.Issuers[0].URL, cfg.Issuers[0].AllowTenant = "https://a/{tenantid}", kit.AnyTenant
			second(middleware.Issuer{URL: "https://a/{tenantid}", AllowTenant: kit.AnyTenant, Keys: testkit.KeySet()})(cfg)
		}, []string{
			`middleware: Issuers[1].URL "https://a/{tenantid}" is named twice among the URLs and Aliases: each iss value must lead to one issuer`}},
		{"tenants of one server who could be called like servers of another", templates(
			"https://{tenantid}.idp.example", "https://{tenantid}.eu.idp.example",
		), []string{
			`middleware: Issuers[1].URL "https://{tenantid}.eu.idp.example" overlaps with "https://{tenantid}.idp.example", since "https://x.eu.idp.example" fits both: ` + oneTenant}},
		{"the same in the other order", templates("https://{tenantid}.eu.idp.example", "https://{tenantid}.idp.example"), []string{
			`middleware: Issuers[1].URL "https://{tenantid}.idp.example" overlaps with "https://{tenantid}.eu.idp.example", since "https://x.eu.idp.example" fits both: ` + oneTenant}},
		{"prefix of the one, suffix of the other", templates("https://a/{tenantid}", "https://a/b-{tenantid}-c"), []string{
			`middleware: Issuers[1].URL "https://a/b-{tenantid}-c" overlaps with "https://a/{tenantid}", since "https://a/b-x-c" fits both: ` + oneTenant}},
		{"the longer prefix here, the longer suffix there", templates("https://a.{tenantid}", "https://{tenantid}.b"), []string{
			`middleware: Issuers[1].URL "https://{tenantid}.b" overlaps with "https://a.{tenantid}", since "https://a.x.b" fits both: ` + oneTenant}},
		{"a name that fits both only where they overlap", templates("https://h/a/v{tenantid}/x", "https://h/{tenantid}/v2/x"), []string{
			`middleware: Issuers[1].URL "https://h/{tenantid}/v2/x" overlaps with "https://h/a/v{tenantid}/x", since "https://h/a/v2/x" fits both: ` + oneTenant}},
		{"templates of one issuer, which make two tenants of one name", kit.ChangeIssuer(func(i *middleware.Issuer) {
			i.URL, i.AllowTenant = "https://{tenantid}.idp.example", kit.AnyTenant
			i.Aliases = []string{"https://{tenantid}.eu.idp.example"}
		}), []string{
			`middleware: Issuers[0].URL "https://{tenantid}.eu.idp.example" overlaps with "https://{tenantid}.idp.example", since "https://x.eu.idp.example" fits both: ` + oneTenant}},
		{"a tenant by name, past AllowTenant", kit.ChangeIssuer(func(i *middleware.Issuer) {
			i.URL, i.AllowTenant = "https://a/{tenantid}", kit.AnyTenant
			i.Aliases = []string{"https://a/acme", "https://a/", "https://a/acme/v2"}
		}), []string{
			`middleware: Issuers[0].Aliases or URL name "https://a/acme", which fills "https://a/{tenantid}", so AllowTenant would not be asked about it: leave it out, and let AllowTenant say yes`}},
	})
}

const oneTenant = "each iss value must lead to one issuer and one tenant, so name the tenants of one of them, each by its own URL"

// templates makes issuers with many tenants each.
func templates(urls ...string) func(*middleware.Config) {
	return func(cfg *middleware.Config) {
		cfg.Issuers = nil
		for _, url := range urls {
			second(middleware.Issuer{URL: url, AllowTenant: kit.AnyTenant, Keys: testkit.KeySet()})(cfg)
		}
	}
}

// New's word about two templates is compared with a search through every iss of a small alphabet: what may stand in the name of
// a tenant, and what may not.
func TestTemplatesOverlapIfOneNameFitsBoth(t *testing.T) {
	const letters, longest, pairs = "a/", 7, 3000
	words := []string{""}
	for i := 0; len(words[i]) < longest; i++ {
		for _, letter := range letters {
			words = append(words, words[i]+string(letter))
		}
	}
	fits := func(iss, template string) bool {
		prefix, suffix, _ := strings.Cut(template, "{tenantid}")
		n := len(iss) - len(prefix) - len(suffix)
		return n > 0 && iss[:len(prefix)] == prefix && iss[len(iss)-len(suffix):] == suffix && !strings.Contains(iss[len(prefix):len(prefix)+n], "/")
	}
	random := rand.New(rand.NewPCG(1, 2))
	parts := words[:1+2+4+8] // of up to three letters each, so that every meeting place is among the words
	overlapping := 0
	base := kit.Config()
	for range pairs {
		var urls [2]string
		for i := range urls {
			urls[i] = parts[random.IntN(len(parts))] + "{tenantid}" + parts[random.IntN(len(parts))]
		}
		want := slices.ContainsFunc(words, func(iss string) bool { return fits(iss, urls[0]) && fits(iss, urls[1]) })
		cfg := base
		cfg.Issuers = nil
		for _, url := range urls {
			cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: url, AllowTenant: kit.AnyTenant, Keys: base.Issuers[0].Keys})
		}
		if _, err := middleware.New(cfg); (err != nil) != want {
			t.Errorf("%q: New says %v, but that one name fits both is %t", urls, err, want)
		}
		if want {
			overlapping++
		}
	}
	if overlapping < pairs/50 || overlapping > pairs/2 {
		t.Errorf("%d of %d pairs overlap, so this test sees too few of one kind", overlapping, pairs)
	}
}

func TestIssuerAudienceMistakes(t *testing.T) {
	const exclude = "middleware: Issuers[0].Audiences AllowedClients and DangerouslyNoAudience exclude each other: set one, and use Accept for a further check"
	wantMistakes(t, []mistake{
		{"an empty audience", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Audiences = []string{""} }), []string{
			"middleware: Issuers[0].Audiences[0] is empty: is an environment variable missing?"}},
		{"an empty client, which a token without one would match", kit.ChangeIssuer(func(i *middleware.Issuer) { i.AllowedClients = []string{"a", ""} }), []string{
			"middleware: Issuers[0].AllowedClients[1] is empty: is an environment variable missing?"}},
		{
			"audiences beside clients",
			kit.ChangeIssuer(func(i *middleware.Issuer) { i.Audiences, i.AllowedClients = []string{"a"}, []string{"b"} }),
			[]string{exclude},
		},
		{"audiences beside none", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Audiences, i.DangerouslyNoAudience = []string{"a"}, true }), []string{exclude}},
		{
			"clients beside no audience",
			kit.ChangeIssuer(func(i *middleware.Issuer) { i.AllowedClients, i.DangerouslyNoAudience = []string{"a"}, true }),
			[]string{exclude},
		},
	})
}

func TestIssuerAlgorithmMistakes(t *testing.T) {
	algorithms := func(names ...string) func(*middleware.Config) {
		return kit.ChangeIssuer(func(i *middleware.Issuer) { i.Algorithms = names })
	}
	unsupported := func(name string) []string {
		return []string{`middleware: Issuers[0].Algorithms holds "` + name + `", which is not supported: use RS256, RS384, RS512, PS256, PS384, PS512, ` +
			"ES256, ES384, ES512, EdDSA, Ed25519, or HS256, HS384, HS512 with Keys"}
	}
	wantMistakes(t, []mistake{
		{"a list of none", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Algorithms = []string{} }), []string{
			"middleware: Issuers[0].Algorithms is empty, which would accept nothing: name some, or leave it nil for the usual ones"}},
		{"the algorithm none", algorithms("none"), unsupported("none")},
		{"an empty name", algorithms(""), unsupported("")},
		{"a name in other case", algorithms("rs256"), unsupported("rs256")},
		{"a curve that is not supported", algorithms("ES256K"), unsupported("ES256K")},
		{"a secret beside public keys", algorithms("RS256", "HS256"), []string{
			"middleware: Issuers[0].Algorithms mixes HS256, RS256 with public-key algorithms: a public key could be taken for a secret (RFC 8725 section 3.1)"}},
		{"a secret that would have to be fetched", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Algorithms, i.Keys = []string{"HS256"}, nil }), []string{
			"middleware: Issuers[0].Algorithms names a symmetric algorithm without Keys: set Keys to jwks.HMAC(…), a secret is never fetched"}},
	})
}

func TestIssuerModeMistakes(t *testing.T) {
	asks := kit.FixedAnswer{Answer: `{"active":false}`}
	wantMistakes(t, []mistake{
		{"too much leeway", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Leeway = 5*time.Minute + 1 }), []string{
			"middleware: Issuers[0].Leeway is 5m0.000000001s: RFC 9068 section 4 allows a few minutes, at most 5m0s here"}},
		{"a profile that does not exist", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Profile = -1 }), []string{
			"middleware: Issuers[0].Profile is -1: use AnyAccessToken, RFC9068 or IDToken"}},
		{"a mode that does not exist", kit.ChangeIssuer(func(i *middleware.Issuer) { i.JWTs = 3 }), []string{
			"middleware: Issuers[0].JWTs is 3: use VerifyJWTs, VerifyAndIntrospectJWTs or IntrospectJWTs"}},
		{"introspection by nobody", kit.ChangeIssuer(func(i *middleware.Issuer) { i.JWTs = middleware.VerifyAndIntrospectJWTs }), []string{
			"middleware: Issuers[0].Introspector is nil, but JWTs wants JWTs introspected: set Introspector to an *introspection.Client"}},
		{"keys that are never used", kit.ChangeIssuer(func(i *middleware.Issuer) { i.JWTs, i.Introspector = middleware.IntrospectJWTs, asks }), []string{
			"middleware: Issuers[0].JWKSURI or Keys is set, but JWTs says IntrospectJWTs, which never uses keys: choose VerifyAndIntrospectJWTs, or leave them out"}},
		{"prefixes without an Introspector", kit.ChangeIssuer(func(i *middleware.Issuer) { i.OpaquePrefixes = []string{"a_"} }), []string{
			"middleware: Issuers[0].OpaquePrefixes is set without an Introspector: set Introspector, or leave the prefixes out"}},
		{"an empty prefix", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Introspector, i.OpaquePrefixes = asks, []string{""} }), []string{
			`middleware: Issuers[0].OpaquePrefixes: "" is empty or named twice`}},
		{"two Introspectors and no prefix, so that a token would be shown to the wrong one", func(cfg *middleware.Config) {
			cfg.Issuers[0].Introspector, cfg.Issuers[0].OpaquePrefixes = asks, []string{"a_"}
			second(middleware.Issuer{URL: "https://b.example", Keys: testkit.KeySet(), Introspector: asks})(cfg)
		}, []string{
			"middleware: Issuers[1].OpaquePrefixes is empty while 2 issuers introspect: an opaque token must lead to one of them, so name the prefixes of each"}},
		{"one prefix for two Introspectors", func(cfg *middleware.Config) {
			cfg.Issuers[0].Introspector, cfg.Issuers[0].OpaquePrefixes = asks, []string{"a_"}
			second(middleware.Issuer{URL: "https://b.example", Keys: testkit.KeySet(), Introspector: asks, OpaquePrefixes: []string{"a_"}})(cfg)
		}, []string{
			`middleware: Issuers[1].OpaquePrefixes: "a_" is empty or named twice`}},
	})
}

func TestIssuerKeyMistakes(t *testing.T) {
	fetched := func(url, jwksURI string) func(*middleware.Config) {
		return kit.ChangeIssuer(func(i *middleware.Issuer) { i.URL, i.JWKSURI, i.Keys = url, jwksURI, nil })
	}
	wantMistakes(t, []mistake{
		{"keys from two places", kit.ChangeIssuer(func(i *middleware.Issuer) { i.JWKSURI = "https://a/keys" }), []string{
			`middleware: Issuers[0].JWKSURI "https://a/keys" and Keys exclude each other: set one`}},
		{"metadata over plain http", fetched("http://login.example.com", ""), []string{
			`middleware: Issuers[0]: jwks: Config.Issuer "http://login.example.com": it must begin with https://; http is accepted for 127.0.0.1, [::1] and localhost, and for hosts that DangerouslyAllowHTTP names`}},
		{"a host that an environment variable should have filled", fetched("https:///realm", ""), []string{
			`middleware: Issuers[0]: jwks: Config.Issuer "https:///realm": it names no host`}},
		{"an issuer without a scheme", fetched("login.example.com", ""), []string{
			`middleware: Issuers[0]: jwks: Config.Issuer "login.example.com": it must begin with https://; ` +
				`if it is a name and not an address, say where the keys are (URL, or JWKSURI or Keys of a Validator's Issuer)`}},
		{"keys over plain http", fetched(testkit.Issuer, "http://login.example.com/keys"), []string{
			`middleware: Issuers[0]: jwks: Config.URL "http://login.example.com/keys": it must begin with https://; http is accepted for 127.0.0.1, [::1] and localhost, and for hosts that DangerouslyAllowHTTP names`}},
	})
}

func TestClaimMappingMistakes(t *testing.T) {
	scopes := func(names ...string) func(*middleware.Config) {
		return kit.ChangeIssuer(func(i *middleware.Issuer) { i.Claims.Scopes = names })
	}
	wantMistakes(t, []mistake{
		{"an empty name", scopes("scope", ""), []string{`middleware: Issuers[0].Claims.Scopes [1] "": it names no claim`}},
		{"a pointer to nowhere", scopes("/"), []string{`middleware: Issuers[0].Claims.Scopes [0] "/": it names no claim`}},
		{"a claim that only other kinds of token have", kit.ChangeIssuer(func(i *middleware.Issuer) { i.Claims.Roles = []string{"nonce"} }), []string{
			`middleware: Issuers[0].Claims.Roles [0] "nonce": this claim marks tokens that are no access tokens, and cannot be mapped`}},
	})
}

// What a mistake stands next to: none of these is one.
func TestIssuerConfigsThatAreFine(t *testing.T) {
	for name, f := range map[string]func(*middleware.Config){
		"no leeway":       kit.ChangeIssuer(func(i *middleware.Issuer) { i.Leeway = -1 }),
		"the most leeway": kit.ChangeIssuer(func(i *middleware.Issuer) { i.Leeway = 5 * time.Minute }),
		"a secret": kit.ChangeIssuer(func(i *middleware.Issuer) {
			i.Algorithms, i.Keys = []string{"HS256"}, testkit.Must(jwks.HMAC("HS256", []byte(strings.Repeat("sh", 16))))
		}),
		"clients in place of audiences": func(c *middleware.Config) { c.Audiences = nil; c.Issuers[0].AllowedClients = []string{"a"} },
		"no audience, loudly":           func(c *middleware.Config) { c.Audiences = nil; c.Issuers[0].DangerouslyNoAudience = true },
		"a template and an exact value": kit.ChangeIssuer(func(i *middleware.Issuer) {
			i.URL, i.Aliases, i.AllowTenant = "https://a/{tenantid}", []string{"https://a"}, kit.AnyTenant
		}),
		"templates beside each other": templates(
			"https://a/{tenantid}", "https://a/{tenantid}/v2.0", "https://b/{tenantid}", "https://c-{tenantid}.a",
			"https://d-{tenantid}.a",
		),
		"an Introspector without prefix": kit.ChangeIssuer(func(i *middleware.Issuer) { i.Introspector = kit.FixedAnswer{} }),
		"introspection alone": kit.ChangeIssuer(func(i *middleware.Issuer) {
			i.Introspector, i.JWTs, i.Keys = kit.FixedAnswer{}, middleware.IntrospectJWTs, nil
		}),
		"keys over http on loopback": kit.ChangeIssuer(func(i *middleware.Issuer) { i.URL, i.Keys = "http://127.0.0.1:8080", nil }),
	} {
		t.Run(name, func(t *testing.T) { kit.NewValidator(t, f) })
	}
}

// Templates that differ in one half only are of different servers.
func TestTemplatesThatShareOneHalf(t *testing.T) {
	tenantsOf := func(url string) middleware.Issuer {
		return middleware.Issuer{URL: url, Keys: testkit.KeySet(), AllowTenant: kit.AnyTenant}
	}
	kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers = []middleware.Issuer{
			tenantsOf("https://a.example/{tenantid}/v1"), tenantsOf("https://a.example/{tenantid}/v2"), tenantsOf("https://b.example/{tenantid}/v1"),
		}
	})
}

func TestKeySetBesideIntrospectionAlone(t *testing.T) {
	wantMistakes(t, []mistake{{"an address of keys that are never fetched", kit.ChangeIssuer(func(i *middleware.Issuer) {
		i.JWTs, i.Introspector, i.Keys, i.JWKSURI = middleware.IntrospectJWTs, kit.FixedAnswer{}, nil, "https://login.example.com/keys"
	}), []string{
		"middleware: Issuers[0].JWKSURI or Keys is set, but JWTs says IntrospectJWTs, which never uses keys: choose VerifyAndIntrospectJWTs, or leave them out"}}})
}

func TestMappedClaimsAreBounded(t *testing.T) {
	names := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("claim-%d", i))
		}
		return list
	}
	compile := func(clientID, role string, scopes ...string) error {
		cfg := kit.Config()
		cfg.Issuers[0].Claims = middleware.ClaimMapping{Scopes: scopes, Roles: []string{role}, ClientID: []string{clientID}}
		_, err := middleware.New(cfg)
		return err
	}
	most := 0
	for compile("one", "another", names(most+1)...) == nil {
		if most++; most > 1000 {
			t.Fatal("the number of mapped claims has no bound")
		}
	}
	if err := compile("sub", "claim-0", append(names(most), "one", "another")...); err != nil {
		t.Errorf("a claim that is read already takes no second place: %v", err)
	}
	if err := compile("sub", "/roles~", "scope"); err == nil {
		t.Error("New takes a JSON pointer with an escape that is none (RFC 6901 section 3)")
	}
}
