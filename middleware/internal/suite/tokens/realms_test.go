package tokens_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const (
	realmTemplate = "https://sso.example/realms/{tenantid}"
	hostTemplate  = "https://{tenantid}.idp.example"
)

func realm(template, name string) string { return strings.ReplaceAll(template, "{tenantid}", name) }

// realmKey is the key of a tenant, in its first, second … edition.
func realmKey(name string, edition int) ed25519.PrivateKey {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, edition))
	return testkit.EdKeyOf(seed[:])
}

// realmServer serves metadata and a key set under every issuer that fills the template. All keys have one kid.
type realmServer struct {
	template string
	exists   func(name string) bool
	edition  atomic.Int32
	lies     atomic.Bool // its metadata names another tenant

	mu    sync.Mutex
	asked map[string]int // tenant → requests
}

func (s *realmServer) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := func(code int, document any) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(testkit.JSON(document)))), Request: r}, nil
	}
	prefix, suffix, _ := strings.Cut(s.template, "{tenantid}")
	rest, below := strings.CutPrefix(r.URL.String(), prefix)
	name, path, found := strings.Cut(rest, suffix+"/")
	if !below || !found { // RFC 8414 asks at the root for what is below a path
		return answer(http.StatusNotFound, nil)
	}
	path = "/" + path
	s.mu.Lock()
	if s.asked == nil {
		s.asked = make(map[string]int)
	}
	s.asked[name]++
	s.mu.Unlock()
	iss := realm(s.template, name)
	switch {
	case !s.exists(name):
		return answer(http.StatusNotFound, nil)
	case path == "/keys":
		jwk := testkit.JWK(realmKey(name, int(s.edition.Load())).Public())
		return answer(200, kit.Claims{"keys": []kit.Claims{jwk.With(kit.Claims{"kid": "1", "alg": "EdDSA"})}})
	case s.lies.Load():
		return answer(200, kit.Claims{"issuer": realm(s.template, "other"), "jwks_uri": realm(s.template, "other") + "/keys"})
	case path == "/.well-known/openid-configuration":
		return answer(200, kit.Claims{"issuer": iss, "jwks_uri": iss + "/keys"})
	default:
		return answer(http.StatusNotFound, nil)
	}
}

// takeAsked returns the tenants that were asked about since it was last called.
func (s *realmServer) takeAsked() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func newRealms(t testing.TB, s *realmServer, change func(*middleware.Issuer)) *middleware.Validator {
	return kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.HTTPClient = &http.Client{Transport: s}
		i := &cfg.Issuers[0]
		i.URL, i.Keys, i.AllowTenant = s.template, nil, kit.AnyTenant
		if change != nil {
			change(i)
		}
	})
}

func realmToken(iss string, key ed25519.PrivateKey, change kit.Claims) string {
	return testkit.Sign(`{"alg":"EdDSA","kid":"1","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": iss}).With(change))), key)
}

func anyRealm(string) bool { return true }

func TestEachRealmHasKeysOfItsOwn(t *testing.T) {
	for name, row := range map[string]struct {
		template string
		jwksURI  string
	}{
		"discovered in the path": {realmTemplate, ""},
		"discovered by its host": {hostTemplate, ""},
		"a key set in the path":  {realmTemplate, realmTemplate + "/keys"},
		"a key set by its host":  {hostTemplate, hostTemplate + "/keys"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &realmServer{template: row.template, exists: func(name string) bool { return name != "gone" }}
			v := newRealms(t, s, func(i *middleware.Issuer) {
				i.JWKSURI = row.jwksURI
				i.Aliases = []string{"urn:realm:{tenantid}"}
				i.AllowTenant = func(_ context.Context, name string) bool { return name == "acme" || name == "zeta" || name == "gone" }
			})
			if n := len(s.takeAsked()); n != 0 {
				t.Errorf("New asked about %d tenants", n)
			}
			iss, acme, zeta := realm(row.template, "acme"), realmKey("acme", 0), realmKey("zeta", 0)
			for range 2 { // new and cached
				kit.WantAdmitted(t, v, realmToken(iss, acme, nil))
				kit.WantAdmitted(t, v, realmToken(iss, acme, kit.Claims{"tid": "acme"}))
				kit.WantAdmitted(t, v, realmToken(realm(row.template, "zeta"), zeta, nil))
				kit.WantAdmitted(t, v, realmToken("urn:realm:acme", acme, nil))
			}
			null := kit.WithJSON(kit.GoodClaims(kit.Claims{"iss": iss}), "tid", "null") // absent, as null is
			kit.WantAdmitted(t, v, testkit.Sign(`{"alg":"EdDSA","kid":"1","typ":"at+jwt"}`, null, acme))
			s.takeAsked()

			for what, attack := range map[string]struct {
				token  string
				reason middleware.Reason
			}{
				"signed by another tenant":           {realmToken(iss, zeta, nil), middleware.ReasonSignature},
				"signed by another tenant, by alias": {realmToken("urn:realm:zeta", acme, nil), middleware.ReasonSignature},
				"tid of another tenant":              {realmToken(iss, acme, kit.Claims{"tid": "zeta"}), middleware.ReasonTenant},
				"an empty tid":                       {realmToken(iss, acme, kit.Claims{"tid": ""}), middleware.ReasonTenant},
				"tid in another case":                {realmToken(iss, acme, kit.Claims{"tid": "ACME"}), middleware.ReasonTenant},
				"tid is an array":                    {realmToken(iss, acme, kit.Claims{"tid": []string{"acme"}}), middleware.ReasonTenant},
				"a tenant that is not let in":        {realmToken(realm(row.template, "evil"), realmKey("evil", 0), nil), middleware.ReasonTenant},
				"a tenant in another case":           {realmToken(realm(row.template, "ACME"), realmKey("ACME", 0), nil), middleware.ReasonTenant},
				"dots":                               {realmToken(realm(row.template, ".."), realmKey("..", 0), nil), middleware.ReasonUnknownIssuer},
				"a dot":                              {realmToken(realm(row.template, "."), realmKey(".", 0), nil), middleware.ReasonUnknownIssuer},
				"nothing":                            {realmToken(realm(row.template, ""), acme, nil), middleware.ReasonUnknownIssuer},
				"a slash":                            {realmToken(realm(row.template, "acme/x"), acme, nil), middleware.ReasonUnknownIssuer},
				"a backslash":                        {realmToken(realm(row.template, `acme\x`), acme, nil), middleware.ReasonUnknownIssuer},
				"an encoded slash":                   {realmToken(realm(row.template, "x%2facme"), acme, nil), middleware.ReasonUnknownIssuer},
				"encoded dots":                       {realmToken(realm(row.template, "%2e%2e"), acme, nil), middleware.ReasonUnknownIssuer},
				"an encoded letter":                  {realmToken(realm(row.template, "%61cme"), acme, nil), middleware.ReasonUnknownIssuer},
				"a query":                            {realmToken(realm(row.template, "acme?"), acme, nil), middleware.ReasonUnknownIssuer},
				"a fragment":                         {realmToken(realm(row.template, "acme#"), acme, nil), middleware.ReasonUnknownIssuer},
				"user information":                   {realmToken(realm(row.template, "acme@evil"), acme, nil), middleware.ReasonUnknownIssuer},
				"a port":                             {realmToken(realm(row.template, "acme:443"), acme, nil), middleware.ReasonUnknownIssuer},
				"a line break":                       {realmToken(realm(row.template, "acme\n"), acme, nil), middleware.ReasonUnknownIssuer},
				"a letter beyond ASCII":              {realmToken(realm(row.template, "acm\u00e9"), acme, nil), middleware.ReasonUnknownIssuer},
				"the placeholder":                    {realmToken(row.template, acme, kit.Claims{"tid": "acme"}), middleware.ReasonUnknownIssuer},
				"something behind it":                {realmToken(iss+"/", acme, nil), middleware.ReasonUnknownIssuer},
				"the kid as a path": {
					testkit.Sign(`{"alg":"EdDSA","kid":"../zeta/1","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": iss}))), acme),
					middleware.ReasonUnknownKey,
				},
			} {
				kit.WantRefused(t, v, attack.token, kit.BadToken, attack.reason)
				for name := range s.takeAsked() {
					if name != "acme" && name != "zeta" {
						t.Errorf("%s: tenant %q was asked about", what, name)
					}
				}
			}
			kit.WantRefused(t, v, realmToken(realm(row.template, "gone"), realmKey("gone", 0), nil), kit.BadToken, middleware.ReasonUnknownKey)
			if h := v.Health()[0]; !h.Ready || h.Keys.Keys != 2 {
				t.Errorf("health is %+v, want two keys", h)
			}
		})
	}
}

// Whoever serves one tenant's metadata must not be able to speak for another.
func TestMetadataOfAnotherRealm(t *testing.T) {
	s := &realmServer{template: realmTemplate, exists: anyRealm}
	s.lies.Store(true)
	v := newRealms(t, s, nil)
	for _, key := range []string{"acme", "other"} {
		kit.WantRefused(t, v, realmToken(realm(realmTemplate, "acme"), realmKey(key, 0), nil), "503", middleware.ReasonKeysUnavailable)
	}
}

// Tenants come and go, and nobody who makes names up can drive out those whose tokens were good.
func TestManyRealms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &realmServer{template: realmTemplate, exists: func(name string) bool { return strings.HasPrefix(name, "real-") }}
		v := newRealms(t, s, nil)
		var tokens []string
		for n := range 300 {
			name := fmt.Sprint("real-", n)
			tokens = append(tokens, realmToken(realm(realmTemplate, name), realmKey(name, 0), nil))
			kit.WantAdmitted(t, v, tokens[n])
			time.Sleep(100 * time.Millisecond)
		}
		key := realmKey("made-up", 0)
		for n := range 1000 {
			got := kit.Serve(v.Require(), kit.Bearer(realmToken(realm(realmTemplate, fmt.Sprint("made-up.", n)), key, nil))).String()
			if got != kit.BadToken && got != "503" {
				t.Fatalf("a tenant that is made up: %s", got)
			}
		}
		s.takeAsked()
		for _, token := range tokens {
			kit.WantAdmitted(t, v, token)
		}
		if n := len(s.takeAsked()); n != 0 {
			t.Errorf("%d tenants were fetched again", n)
		}
		if h := v.Health()[0]; !h.Ready || h.Keys.Keys != 300 {
			t.Errorf("health: ready %v, %d keys; want 300", h.Ready, h.Keys.Keys)
		}
	})
}

// A tenant that may not come any more is refused before anything is fetched for it, its cached tokens too.
func TestARealmThatIsNotLetInAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &realmServer{template: realmTemplate, exists: anyRealm}
		var closed atomic.Bool
		v := newRealms(t, s, func(i *middleware.Issuer) {
			i.AllowTenant = func(_ context.Context, name string) bool { return !closed.Load() }
		})
		token := realmToken(realm(realmTemplate, "acme"), realmKey("acme", 0), nil)
		kit.WantAdmitted(t, v, token)
		closed.Store(true)
		s.edition.Store(1)
		time.Sleep(time.Hour) // its keys are refreshed meanwhile, and cached tokens of the old one would have them looked for
		s.takeAsked()
		kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonTenant)
		if asked := s.takeAsked(); len(asked) != 0 {
			t.Errorf("asked about %v", asked)
		}
	})
}

// A realm that gets a new key under the old name is asked again, and no other realm.
func TestARealmWithANewKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &realmServer{template: realmTemplate, exists: anyRealm}
		v := newRealms(t, s, nil)
		acme, zeta := realm(realmTemplate, "acme"), realm(realmTemplate, "zeta")
		kit.WantAdmitted(t, v, realmToken(acme, realmKey("acme", 0), nil))
		kit.WantAdmitted(t, v, realmToken(zeta, realmKey("zeta", 0), nil))
		s.takeAsked()
		s.edition.Store(1)
		kit.WantAdmitted(t, v, realmToken(acme, realmKey("acme", 1), nil))
		kit.WantAdmitted(t, v, realmToken(zeta, realmKey("zeta", 0), nil)) // nobody has asked yet
		if asked := s.takeAsked(); len(asked) != 1 || asked["acme"] != 1 {
			t.Errorf("asked about %v, want acme once", asked)
		}
		kit.WantRefused(t, v, realmToken(acme, realmKey("acme", 0), nil), kit.BadToken, middleware.ReasonSignature)
		kit.WantRefused(t, v, realmToken(acme, realmKey("zeta", 1), nil), kit.BadToken, middleware.ReasonSignature)
	})
}

// toldKeys is a KeySource of the application that is told the iss.
type toldKeys struct{ asked atomic.Value }

func (k *toldKeys) VerificationKeys(context.Context, string, string) ([]*jwks.Key, error) {
	return nil, errors.New("the iss is wanted")
}

func (k *toldKeys) VerificationKeysFor(_ context.Context, iss, kid, alg string) ([]*jwks.Key, error) {
	k.asked.Store(iss)
	name := strings.TrimPrefix(iss, "https://sso.example/realms/")
	return []*jwks.Key{testkit.Must(jwks.NewKey(kid, alg, realmKey(name, 0).Public()))}, nil
}

func TestAKeySourceIsToldTheIss(t *testing.T) {
	source := &toldKeys{}
	kit.WithAndWithoutCache(t, kit.ChangeIssuer(func(i *middleware.Issuer) {
		i.URL, i.Keys, i.AllowTenant = realmTemplate, source, kit.AnyTenant
	}), func(t *testing.T, v *middleware.Validator) {
		acme := realm(realmTemplate, "acme")
		for range 2 {
			kit.WantAdmitted(t, v, realmToken(acme, realmKey("acme", 0), nil))
			if got := source.asked.Load(); got != acme {
				t.Errorf("told %v, want %s", got, acme)
			}
		}
		kit.WantRefused(t, v, realmToken(acme, realmKey("zeta", 0), nil), kit.BadToken, middleware.ReasonSignature)
		kit.WantRefused(t, v, realmToken(acme, realmKey("acme", 0), kit.Claims{"tid": "zeta"}), kit.BadToken, middleware.ReasonTenant)
	})
	kit.WithAndWithoutCache(t, kit.ChangeIssuer(func(i *middleware.Issuer) {
		i.URL, i.Keys, i.DangerouslyNoIssuer = realm(realmTemplate, "acme"), source, true
	}), func(t *testing.T, v *middleware.Validator) {
		kit.WantAdmitted(t, v, realmToken("", realmKey("acme", 0), kit.Claims{"iss": nil}))
	})
}

// What verifies an issuer's other statements is what verifies its tokens.
func TestKeySourceOfAnIssuer(t *testing.T) {
	s := &realmServer{template: realmTemplate, exists: anyRealm}
	published := publishedFor("https://sts.example.com/", "https://login.example.com/{tenantid}")
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.HTTPClient = &http.Client{Transport: s}
		cfg.Issuers = []middleware.Issuer{
			{URL: realmTemplate, AllowTenant: func(_ context.Context, name string) bool { return name == "acme" }, Algorithms: []string{"EdDSA", "ES256"}},
			{URL: "https://sts.example.com/", Aliases: []string{"https://other.example"}, Keys: published},
			{URL: "https://login.example.com/{tenantid}", AllowTenant: kit.AnyTenant, Keys: published},
			{URL: "https://opaque.example.com", Introspector: kit.Answering(kit.ActiveAnswer(nil)), JWTs: middleware.IntrospectJWTs},
		}
	})
	find := func(iss, kid, alg string) string {
		keys, _ := v.KeySource(iss)
		if keys == nil {
			return "not trusted"
		}
		found, err := keys.VerificationKeys(t.Context(), kid, alg)
		switch {
		case errors.Is(err, jwks.ErrKeyNotFound):
			return "not found"
		case err != nil:
			return err.Error()
		}
		return fmt.Sprint(len(found))
	}
	for _, row := range []struct{ iss, kid, alg, want string }{
		{realm(realmTemplate, "acme"), "1", "EdDSA", "1"},
		{realm(realmTemplate, "acme"), "2", "EdDSA", "not found"},
		{realm(realmTemplate, "acme"), "1", "HS256", "not found"},
		{realm(realmTemplate, "evil"), "1", "EdDSA", "not found"}, // AllowTenant
		{realm(realmTemplate, ".."), "1", "EdDSA", "not trusted"},
		{realmTemplate, "1", "EdDSA", "not trusted"},
		{"https://sts.example.com/", "ed", "EdDSA", "1"},
		{"https://other.example", "ed", "EdDSA", "not found"}, // the key is published for another iss
		{"https://login.example.com/acme", "ed", "EdDSA", "1"},
		{"https://opaque.example.com", "ed", "EdDSA", "not trusted"},
		{"https://sts.example.com", "ed", "EdDSA", "not trusted"},
		{"", "ed", "EdDSA", "not trusted"},
	} {
		if got := find(row.iss, row.kid, row.alg); got != row.want {
			t.Errorf("%q, kid %s, %s: %s, want %s", row.iss, row.kid, row.alg, got, row.want)
		}
	}
	if asked := s.takeAsked(); len(asked) != 1 {
		t.Errorf("asked about %v, want acme alone", asked)
	}
	for iss, want := range map[string]string{
		realm(realmTemplate, "acme"): realm(realmTemplate, "acme"), "https://sts.example.com/": "https://sts.example.com/",
		"https://other.example": "https://sts.example.com/",
	} {
		keys, _ := v.KeySource(iss)
		if named, ok := keys.(interface{ Issuer() string }); !ok || named.Issuer() != want {
			t.Errorf("%s is not known as %s", iss, want)
		}
	}
	if _, algs := v.KeySource(realm(realmTemplate, "acme")); fmt.Sprint(algs) != "[ES256 EdDSA]" {
		t.Errorf("algorithms are %v", algs)
	}
	if keys, algs := new(middleware.Validator).KeySource("x"); keys != nil || algs != nil {
		t.Errorf("the zero Validator has %v, %v", keys, algs)
	}
	_ = v.Close()
	if got := find(realm(realmTemplate, "acme"), "1", "EdDSA"); !strings.Contains(got, "closed") {
		t.Errorf("after Close: %s", got)
	}
}

// A KeySource of one Validator may serve another one. What is not found is named once, by whoever knows what is held.
func TestKeySourceOfAnotherValidatorNamesAnUnknownKeyOnce(t *testing.T) {
	keys, _ := kit.NewValidator(t, func(*middleware.Config) {}).KeySource(testkit.Issuer)
	v := kit.NewValidator(t, kit.ChangeIssuer(func(i *middleware.Issuer) { i.Keys = keys }))
	_, err := v.Require().Check(kit.Bearer(testkit.Sign(`{"alg":"EdDSA","kid":"nobody"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey())))
	var refused *middleware.Error
	if !errors.As(err, &refused) || refused.Reason != middleware.ReasonUnknownKey || !errors.Is(err, jwks.ErrKeyNotFound) {
		t.Fatalf("got %v", err)
	}
	for _, part := range []string{jwks.ErrKeyNotFound.Error(), "kid 'nobody'", "one of the keys held"} {
		if got := strings.Count(refused.Err.Error(), part); got != 1 {
			t.Errorf("%q is said %d times: %v", part, got, refused.Err)
		}
	}
}
