package reports_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// firstAfternoon are the mistakes that were made on a first afternoon with Cardea.
var firstAfternoon = []mistake{
	{
		"another audience", nil, nil, token(kit.Claims{"aud": "https://my-api/"}),
		[]string{`got="aud 'https://my-api/'"`, `expected="aud 'https://api.example.com'"`},
	},
	{"no audience in the token", nil, nil, token(kit.Claims{"aud": nil}), []string{`got="no aud"`, "Auth0: the parameter audience", "AllowedClients"}},
	{
		"a blank behind the audience", func(cfg *middleware.Config) { cfg.Audiences = []string{"my-api "} }, nil,
		token(kit.Claims{"aud": "my-api"}), []string{"my-api "},
	},
	{
		"an audience from a variable that is not set", func(cfg *middleware.Config) { cfg.Audiences = []string{""} }, nil, nil,
		[]string{"Audiences[0] is empty: is an environment variable missing?"},
	},
	{"no audience configured", func(cfg *middleware.Config) { cfg.Audiences = nil }, nil, nil, []string{"Config.Audiences are empty: name this API"}},
	{"a slash behind the issuer", nil, nil, token(kit.Claims{"iss": testkit.Issuer + "/"}), []string{
		`got="iss 'https://login.example.com/'"`, `expected="iss 'https://login.example.com'"`, "they differ only by a slash at the end", "verified=false"}},
	{"a line break behind the issuer", issuer(func(i *middleware.Issuer) { i.URL += "\n" }), nil, token(nil), []string{`\n`}},
	{"a slash found through metadata", fetching(pages(published(strings.Replace(goodMetadata, `com",`, `com/",`, 1), oneKey("ed")))), nil, token(nil), []string{
		"a slash at the end counts", "https://login.example.com/", "is configured"}},
	{"metadata without an issuer", fetching(pages(published(`{"jwks_uri":"x"}`, ""))), nil, token(nil), []string{"it names no issuer"}},
	{
		"plain http in a network of containers",
		issuer(func(i *middleware.Issuer) { i.URL, i.Keys = "http://keycloak:8080/realms/x", nil }), nil, nil,
		[]string{"it must begin with https://", "DangerouslyAllowHTTP"},
	},
	{"an issuer that nothing answers for", fetching(kit.TransportFunc(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("dial tcp: connection refused")
	})), nil, token(nil), []string{
		"reason=keys_unavailable", "GET https://login.example.com/.well-known/openid-configuration", "connection refused", "level=WARN",
	}},
	{"no metadata", fetching(pages(nil)), nil, token(nil), []string{"it answered 404"}},
	{"HTML in place of the keys", fetching(pages(published(goodMetadata, "<html>"))), nil, token(nil), []string{"/keys", "no JSON object"}},
	{"the address of the metadata as issuer", fetching(pages(nil), func(i *middleware.Issuer) { i.URL += metadataPath }), nil, token(nil), []string{metadataPath}},
	{
		"HS256 without keys", issuer(func(i *middleware.Issuer) { i.Keys, i.Algorithms = nil, []string{"HS256"} }), nil, nil,
		[]string{"set Keys to jwks.HMAC(…), a secret is never fetched"},
	},
	{"HS256 with public keys", issuer(func(i *middleware.Issuer) { i.Algorithms = []string{"HS256"} }), nil,
		kit.Bearer(testkit.Sign(`{"alg":"HS256"}`, string(testkit.JSON(kit.GoodClaims(nil))), make([]byte, 32))), []string{"HS256"}},
	{"an HS256 token where public keys are", nil, nil, kit.Bearer(
		testkit.Sign(`{"alg":"HS256"}`, string(testkit.JSON(kit.GoodClaims(nil))), make([]byte, 32)),
	), []string{
		`got="alg 'HS256'"`, "RS256", "signed with a shared secret", "jwks.HMAC"}},
	{"RS256 where ES256 alone is accepted", issuer(
		func(i *middleware.Issuer) { i.Algorithms = []string{"ES256"} },
	), nil, headed(`{"alg":"RS256","kid":"rsa"}`, nil), []string{
		`got="alg 'RS256'"`, `expected="alg ES256"`, "add it to Issuer.Algorithms"}},
	{"another kid", nil, nil, headed(`{"alg":"EdDSA","kid":"other"}`, nil), []string{
		`got="kid 'other', alg 'EdDSA'"`, "one of the keys held: 'ed' (EdDSA), 'rsa' (RS256), 'p256' (ES256)", "another server, realm or environment"}},
	{"another kid, of keys that are fetched", fetching(pages(published(goodMetadata, oneKey("k1")))), nil, headed(`{"alg":"EdDSA","kid":"k2"}`, nil), []string{
		"kid 'k2'", "'k1' (EdDSA), fetched 0s ago"}},
	{
		"the kid of a key for another algorithm", nil, nil, headed(`{"alg":"ES256","kid":"rsa"}`, nil),
		[]string{"kid 'rsa', alg 'ES256'", "the key of this kid is for RS256 only"},
	},
	{"another secret", issuer(func(i *middleware.Issuer) {
		i.Keys, i.Algorithms = testkit.Must(jwks.HMAC("HS256", []byte("0123456789abcdef0123456789abcdef"))), []string{"HS256"}
	}), nil, kit.Bearer(
		testkit.Sign(`{"alg":"HS256"}`, string(testkit.JSON(kit.GoodClaims(nil))), []byte("another secret of thirty-two bytes")),
	), []string{"no key of the issuer verifies the signature", "no kid, alg 'HS256'", "the server signs with another secret"}},
	{"a key of the same name", nil, nil, kit.Bearer(testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())), []string{
		"kid 'ed', alg 'EdDSA'", "a signature of a key that fits", "key of the same name", "verified=false"}},
	{
		"expired an hour ago", nil, nil, token(kit.Claims{"exp": now - hour, "iat": now - 2*hour}),
		[]string{"exp 2100-11-22T11:00:00Z, 1h0m0s ago, iat 2h0m0s ago", "exp after 2100-11-22T12:00:00Z, the time here", "compare the clocks"},
	},
	{"nbf ahead", nil, nil, token(kit.Claims{"nbf": now + 300}), []string{"nbf 2100-11-22T12:05:00Z, 5m0s ahead", "leeway of 30s"}},
	{"iat ahead", nil, nil, token(kit.Claims{"iat": now + 300}), []string{"iat 2100-11-22T12:05:00Z, 5m0s ahead"}},
	{"no exp", nil, nil, token(kit.Claims{"exp": nil}), []string{"claim exp is absent", "a token that never ends is not taken"}},
	{"no iss", nil, nil, token(kit.Claims{"iss": nil}), []string{"the token names no issuer (iss)", "Issuer.DangerouslyNoIssuer"}},
	{
		"a scope is missing", nil, scope("items:read"), token(nil),
		[]string{`got="scopes 'read', 'write' in claim 'scope'"`, `expected="scope 'items:read'"`, "needs=items:read", "the client has to ask for the scope"},
	},
	{"scopes in a claim that is not read", nil, scope("items:read"), token(kit.Claims{"scope": nil, "scopes": []string{"items:read"}}), []string{
		"none of the claims 'scope', 'scp' is there", "set Issuer.Claims.Scopes to 'scopes', which has it and is not read"}},
	{
		"scopes separated by commas", nil, scope("items:read"), token(kit.Claims{"scope": "items:read,items:write"}),
		[]string{"'items:read,items:write'", "separated by spaces (RFC 6749 section 3.3), not by commas"},
	},
	{
		"a role is missing", rolesFrom("roles"), role("admin"), token(kit.Claims{"roles": []string{"user"}}),
		[]string{`got="roles 'user' in claim 'roles'"`, `expected="role 'admin'"`, "needs=role:admin", "the server has to grant it, and to write it into this claim"},
	},
	{"no issuer maps roles", nil, role("admin"), token(kit.Claims{"realm_access": kit.Claims{"roles": []string{"admin"}}}), []string{
		"the issuer maps none", "set Issuer.Claims.Roles to '/realm_access/roles', which has it and is not read"}},
	{
		"a path with dots", rolesFrom("realm_access.roles"), role("admin"),
		token(kit.Claims{"realm_access": kit.Claims{"roles": []string{"admin"}}}),
		[]string{"set Issuer.Claims.Roles to '/realm_access/roles', which has it"},
	},
	{"an ID token", nil, nil, typed("JWT", kit.Claims{"at_hash": "x", "scope": nil}), []string{"claim 'at_hash'", "this is an ID token", "send the access token"}},
	{"a plain JWT where RFC 9068 is demanded", issuer(func(i *middleware.Issuer) { i.Profile = middleware.RFC9068 }), nil, typed("JWT", nil), []string{
		"typ 'jwt'", "typ 'at+jwt'", "leave Issuer.Profile at AnyAccessToken"}},
	{
		"no scheme", nil, nil, kit.Request("GET", kit.Fields("Authorization", kit.Mint(kit.GoodClaims(nil)))),
		[]string{"a JWT without a scheme", "write Bearer and a space"},
	},
	{
		"an opaque token that nobody introspects", nil, nil, opaque,
		[]string{"the token is opaque and no issuer introspects it: set Issuer.Introspector", "or a part of one"},
	},
	{"a wrong secret for introspection", endpoint(401, ""), nil, opaque, []string{"reason=introspection_unavailable", "refuses our own credentials (401)"}},
	{
		"a preflight", nil, nil,
		kit.Request("OPTIONS", kit.Fields("Origin", "https://shop.example", "Access-Control-Request-Method", "POST")),
		[]string{"put the CORS middleware outside the Guard"},
	},
	{"a leeway of ten minutes, an algorithm in small letters, an issuer twice", func(cfg *middleware.Config) {
		cfg.Issuers[0].Leeway, cfg.Issuers[0].Algorithms = 10*time.Minute, []string{"rs256"}
		cfg.Issuers = append(cfg.Issuers, cfg.Issuers[0])
	}, nil, nil, []string{"Leeway is 10m0s", `holds "rs256"`, "named twice"}},
}

// Whoever makes one of these mistakes learns from the error of New, or else from the one line about the refusal, what is wrong and on which
// side: there is nothing to look up, to decode or to switch on.
func TestEveryMistakeIsAnsweredByOneLine(t *testing.T) {
	if len(ofTheSameKinds) < 40 {
		t.Errorf("there are only %d mistakes of the same kinds", len(ofTheSameKinds))
	}
	for _, m := range append(firstAfternoon, ofTheSameKinds...) {
		t.Run(m.name, func(t *testing.T) {
			var b kit.Log
			cfg := kit.Config()
			cfg.Logger = textInto(&b)
			if m.change != nil {
				m.change(&cfg)
			}
			v, err := middleware.New(cfg)
			if err != nil {
				wantSaid(t, err.Error(), m.says)
				return
			}
			defer func() { _ = v.Close() }()
			if m.send == nil {
				t.Fatal("New accepts it")
			}
			guard := v.Require()
			if m.guard != nil {
				guard = m.guard(v)
			}
			b.Reset() // what New warns of is not about the request
			if got := kit.Serve(guard, m.send); got.Token != nil {
				t.Fatal("the request is admitted")
			}
			var lines []string
			for _, line := range linesOf(&b) {
				if strings.Contains(line, "access token not accepted") {
					lines = append(lines, line)
				}
			}
			if len(lines) != 1 {
				t.Fatalf("the refusal makes %d lines:\n%s", len(lines), &b)
			}
			wantSaid(t, lines[0], append(m.says, "method=", "path=/orders"))
		})
	}
}

func wantSaid(t *testing.T, said string, want []string) {
	t.Helper()
	for _, part := range want {
		if !strings.Contains(said, part) {
			t.Errorf("%q is not said: %s", part, said)
		}
	}
}

// A breaker that is open says nothing about why. The line names the last true cause.
func TestTheLineOfAnOpenBreakerNamesTheCause(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Logger = textInto(&b)
		endpoint(401, "")(cfg)
	})
	for range 8 {
		kit.Serve(v.Require("x"+strings.Repeat("y", b.Len()%97)), opaque.Clone(t.Context()))
	}
	lines := linesOf(&b)
	if last := lines[len(lines)-1]; !strings.Contains(last, "left alone") || !strings.Contains(last, "(401)") {
		t.Errorf("the last line is %s", last)
	}
}

// Tokens that were accepted say whether the clocks agree; those that were refused say nothing, as anybody can send them.
func TestTheClockHintComesFromAcceptedTokens(t *testing.T) {
	expired := func() *http.Request { return token(kit.Claims{"exp": now - hour, "iat": now - 2*hour}) }
	for name, row := range map[string]struct {
		before *http.Request
		want   string
	}{
		"a fresh token was accepted": {token(kit.Claims{"iat": now}), "so the clocks agree and it is the token"},
		"a fresh token was refused":  {token(kit.Claims{"iat": now, "aud": "other"}), "compare the clocks"},
	} {
		var b kit.Log
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = textInto(&b) })
		kit.Serve(v.Require(), row.before)
		kit.Serve(v.Require(), expired())
		lines := linesOf(&b)
		if last := lines[len(lines)-1]; !strings.Contains(last, row.want) {
			t.Errorf("%s: %s", name, last)
		}
	}
}

// The first of two equal requests is let in, so this mistake has no row above.
func TestAProofThatIsRepeatedIsAnsweredByOneLine(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, public(func(cfg *middleware.Config) { cfg.Logger = textInto(&b) }))
	again := boundRequest("DPoP", testkit.Proof{})
	if got := kit.Serve(v.Require(), again.Clone(t.Context())); got.Token == nil {
		t.Fatal("the first request is refused")
	}
	if got := kit.Serve(v.Require(), again.Clone(t.Context())); got.Token != nil {
		t.Fatal("the proof is good twice")
	}
	wantSaid(t, b.String(), []string{"the proof has been used before", "the client has to make a new one", "a proxy that retries"})
}
