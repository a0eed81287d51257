package scenarios_test

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// marked stands in every secret of a Config, and nowhere else.
const marked = "s3cr3t-s3cr3t-s3cr3t-s3cr3t-s3cr3t"

// configFields are the names of which every mistake must name one.
var configFields = []string{
	"Issuers", "Audiences", "PublicURL", "Realm", "ScopeImplies", "TokenSources", "MaxTokenBytes", "TokenCache", "DPoP", "MTLS", "FAPI2",
}

// FuzzConfig fills a Config with whatever there is. New refuses it, naming fields and no secrets, or makes a Validator that
// admits the issuer's token at most, and nothing that the issuer has not signed.
func FuzzConfig(f *testing.F) {
	for seed := range uint64(32) {
		f.Add(randomScript(seed), testkit.Issuer, testkit.Audience, "https://api.ex/v1")
	}
	f.Add([]byte{}, "https://login.example.com/{tenantid}/v2", "", "https://user:"+marked+"@api.ex/")
	f.Add([]byte{}, "\x00", "\n", "http://[::1")
	f.Add([]byte{1: 1}, testkit.Issuer, testkit.Audience, "https://user:"+marked+"@api.ex/") // PublicURL is set
	f.Add([]byte{3: 1}, testkit.Issuer, testkit.Audience, "")                                // JWKSURI has a password and a query
	f.Fuzz(func(t *testing.T, text []byte, iss, name, public string) {
		c := &script{text}
		cfg := wildConfig(c, iss, name, public)
		v, err := middleware.New(cfg)
		if (v == nil) == (err == nil) {
			t.Fatalf("New returned %v, %v", v, err)
		}
		if err != nil {
			wantNamedFields(t, err, isSecretIn(iss, name, public))
			return
		}
		defer func() {
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		}()
		guard := v.Require()
		payload := string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": strings.ReplaceAll(iss, "{tenantid}", "t"), "aud": name, "tid": "t"})))
		input := testkit.B64([]byte(`{"alg":"HS256","kid":"ed","typ":"at+jwt"}`)) + "." + testkit.B64([]byte(payload))
		mac := hmac.New(sha256.New, testkit.EdKey().Public().(ed25519.PublicKey))
		mac.Write([]byte(input))
		for about, token := range map[string]string{
			"no signature":              testkit.Sign(`{"alg":"none","typ":"at+jwt"}`, payload, nil),
			"an empty signature":        testkit.B64([]byte(kit.Ed25519Header)) + "." + testkit.B64([]byte(payload)) + ".",
			"another key":               testkit.Sign(kit.Ed25519Header, payload, testkit.StrangeKey()),
			"the public key as secret":  input + "." + testkit.B64(mac.Sum(nil)),
			"a guess":                   "admin",
			"nothing":                   "",
			"the issuer's, cut in half": testkit.Sign(kit.Ed25519Header, payload, testkit.EdKey())[:60],
		} {
			for _, r := range everywhere(token) {
				if got := kit.Serve(guard, r); got.Ran || got.StatusCode == 200 || got.StatusCode == 500 {
					t.Fatalf("%s: %v with %+v", about, got, cfg.Issuers)
				}
			}
		}
		got := kit.Serve(guard, kit.Bearer(testkit.Sign(kit.Ed25519Header, payload, testkit.EdKey())))
		if got.Ran != (got.StatusCode == 200) || got.StatusCode == 500 {
			t.Fatalf("the issuer's token: %v", got)
		}
	})
}

// everywhere puts a token into every place of a request.
func everywhere(token string) []*http.Request {
	one := kit.Bearer(token)
	dpop := kit.DPoPRequest(token, token)
	other := kit.Request(http.MethodGet, http.Header{"X-Token": {token}, "Cookie": {"session=" + token}})
	return []*http.Request{one, dpop, other}
}

// wantNamedFields wants every line of a joined error to say which field is wrong, and none to repeat a secret.
func wantNamedFields(t *testing.T, err error, secret bool) {
	t.Helper()
	for mistake := range mistakesOf(err) {
		text := mistake.Error()
		if !strings.HasPrefix(text, "middleware: ") || !slices.ContainsFunc(configFields, func(field string) bool { return strings.Contains(text, field) }) {
			t.Errorf("names no field: %q", text)
		}
		if secret && strings.Contains(text, marked) {
			t.Errorf("shows a secret: %q", text)
		}
	}
}

// isSecretIn reports whether marked is nowhere but where people put passwords.
func isSecretIn(iss, name, public string) bool {
	if strings.Contains(iss+name, marked) || !strings.Contains(public, marked) {
		return !strings.Contains(iss+name, marked)
	}
	u, err := url.Parse(public)
	return err == nil && !strings.Contains(u.Scheme+u.Opaque+u.Host+u.Path+u.Fragment, marked)
}

func mistakesOf(err error) func(yield func(error) bool) {
	return func(yield func(error) bool) {
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok {
			yield(err)
			return
		}
		for _, e := range joined.Unwrap() {
			if !yield(e) {
				return
			}
		}
	}
}

// wildConfig takes every field from the script or from the texts.
func wildConfig(c *script, iss, name, public string) middleware.Config {
	cfg := middleware.Config{
		Clock: func() time.Time { return testkit.Now }, Audiences: pickOf(c, []string{name}, nil, []string{name, ""}),
		PublicURL: pickOf(c, "", public),
	}
	for range pickOf(c, 1, 2, 0) {
		cfg.Issuers = append(cfg.Issuers, wildIssuer(c, iss, name))
	}
	cfg.Realm = pickOf(c, "", c.text())
	cfg.MaxTokenBytes = pickOf(c, 0, 1, -1, 1<<20, 1<<30)
	cfg.TokenCache.Entries = pickOf(c, -1, 0, 1, math.MinInt)
	cfg.TokenCache.MaxAge = pickOf(c, 0, time.Second, -time.Second)
	if c.oneIn(4) {
		cfg.ScopeImplies = map[string][]string{c.text(): {c.text()}}
	}
	for range c.pick(3) {
		cfg.TokenSources = append(
			cfg.TokenSources,
			pickOf(
				c, middleware.FromHeader("X-Token"), middleware.FromCookie("session"), middleware.FromForm(), middleware.TokenSource{},
				middleware.FromHeader("authorization"), middleware.FromHeader(c.text()), middleware.FromCookie(c.text()),
			),
		)
	}
	cfg.DPoP.Required, cfg.DPoP.MaxAge, cfg.DPoP.NonceMaxAge = c.oneIn(8), pickOf(c, 0, time.Second, -1, time.Hour), pickOf(c, 0, time.Second, -1)
	if c.oneIn(4) {
		cfg.DPoP.NonceSecrets = [][]byte{[]byte(marked[:c.pick(len(marked)+1)])}
	}
	cfg.MTLS.Required, cfg.MTLS.Header, cfg.MTLS.Encoding = c.oneIn(8), pickOf(c, "", "Client-Cert", c.text()), pickOf(
		c, 0, middleware.ForwardedClientCert, middleware.EscapedPEM, -1, 99,
	)
	if c.oneIn(4) {
		cfg.MTLS.TrustedProxies = []netip.Prefix{pickOf(c, netip.MustParsePrefix("192.0.2.0/24"), netip.Prefix{})}
	}
	cfg.FAPI2 = c.oneIn(8)
	return cfg
}

func wildIssuer(c *script, iss, name string) middleware.Issuer {
	entry := middleware.Issuer{URL: iss, Keys: testkit.OneKey("ed", testkit.EdKey())}
	switch c.pick(8) {
	case 1:
		entry.JWKSURI = "https://u:" + marked + "@login.example.com/keys?" + marked // beside Keys
	case 2, 3:
		entry.Keys, entry.JWKSURI = nil, pickOf(c, "", iss, c.text(), "https://u:"+marked+"@login.example.com/keys?"+marked)
	}
	entry.Aliases = pickOf(c, nil, []string{name}, []string{c.text(), iss})
	if c.oneIn(4) || strings.Contains(iss, "{tenantid}") {
		entry.AllowTenant = func(context.Context, string) bool { return true }
	}
	entry.Audiences = pickOf(c, nil, nil, []string{name}, []string{""}, []string{})
	entry.AllowedClients = pickOf(c, nil, nil, []string{"client-1"}, []string{" "})
	entry.DangerouslyNoAudience = c.oneIn(8)
	entry.Algorithms = pickOf(c, nil, nil, []string{"EdDSA"}, []string{"HS256"}, []string{"none"}, []string{"EdDSA", "HS256"}, []string{}, []string{c.text()})
	entry.Profile = pickOf(c, 0, middleware.RFC9068, -1, 7)
	entry.Leeway = pickOf(c, 0, -1, time.Second, time.Hour)
	entry.JWTs = pickOf(c, 0, 0, middleware.VerifyAndIntrospectJWTs, middleware.IntrospectJWTs, -1, 9)
	if c.oneIn(3) {
		entry.Introspector = kit.Answering(kit.Claims{"active": false})
		entry.OpaquePrefixes = pickOf(c, nil, []string{c.text()}, []string{"a", "a"})
	}
	entry.Claims.Scopes = pickOf(c, nil, nil, []string{c.text()}, []string{"/a/b", "/~"}, []string{"nonce"}, strings.Split(strings.Repeat("/x/y,", 3), ","))
	entry.Claims.Roles = pickOf(c, nil, []string{c.text()}, []string{"/roles"})
	entry.Claims.ClientID = pickOf(c, nil, []string{c.text()})
	return entry
}
