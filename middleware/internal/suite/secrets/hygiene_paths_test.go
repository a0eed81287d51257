package secrets_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const (
	canaryPerson = "canary-person-8d1f6c2e9b7a4053@example.com"
	canaryOpaque = "canary-opaque-5b0e7d94c1f2a683"
	canaryClient = "canary-client-secret-93c7a1e5f0"
	canaryNonce  = "canary-nonce-secret-2f8b6d4e1a7c9053"
)

// way is one way through the decision.
type way struct {
	name   string
	reason middleware.Reason // empty: the handler runs
	send   *http.Request
	change func(*middleware.Config)
	guard  func(*middleware.Validator) *middleware.Guard
}

// person are good claims that say something of a person, and changes.
func person(changes kit.Claims) kit.Claims {
	c := kit.GoodClaims(changes)
	c["email"] = canaryPerson
	return c
}

func allow(err error) func(*middleware.Validator) *middleware.Guard {
	return func(v *middleware.Validator) *middleware.Guard {
		return v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return err })
	}
}

// ways are all ways that end in a decision: every Reason has one at least.
func ways(t *testing.T) []way {
	t.Helper()
	token := func(changes kit.Claims) *http.Request { return kit.Bearer(kit.Mint(person(changes))) }
	header := func(header string) *http.Request {
		return kit.Bearer(testkit.Sign(header, string(testkit.JSON(person(nil))), testkit.EdKey()))
	}
	field := func(value string) *http.Request { return kit.Request("GET", kit.Fields("Authorization", value)) }
	good := kit.Mint(person(nil))
	bound := kit.Mint(person(kit.BoundTo(testkit.EdKey())))
	dpop := func(change testkit.Proof) *http.Request {
		change.Key, change.Token = testkit.EdKey(), bound
		return kit.DPoPRequest(bound, change.String())
	}
	used := dpop(testkit.Proof{})
	cookie := kit.Request("POST", kit.Fields("Cookie", "token="+good, "Sec-Fetch-Site", "cross-site"))
	preflight := kit.Request("OPTIONS", kit.Fields("Origin", "https://shop.example", "Access-Control-Request-Method", "POST", "X-Other", good))
	issuers := func(change func(*middleware.Issuer)) func(*middleware.Config) {
		return func(cfg *middleware.Config) { change(&cfg.Issuers[0]) }
	}
	introspects := func(answer kit.Claims, err error) func(*middleware.Config) {
		return issuers(func(i *middleware.Issuer) {
			i.Introspector = kit.IntrospectFunc(kit.FixedAnswer{Answer: string(testkit.JSON(answer)), Err: err}.Introspect)
		})
	}
	inactive := kit.Claims{"active": false, "email": canaryPerson}
	require := func(narrow func(*middleware.Guard) *middleware.Guard) func(*middleware.Validator) *middleware.Guard {
		return func(v *middleware.Validator) *middleware.Guard { return narrow(v.Require()) }
	}
	return []way{
		{"a JWT", "", token(nil), nil, nil},
		{"a JWT on an optional route", "", token(nil), nil, (*middleware.Validator).Optional},
		{"a bound JWT and its proof", "", dpop(testkit.Proof{}), nil, nil},
		{"an opaque token", "", kit.Bearer(canaryOpaque), introspects(kit.ActiveAnswer(kit.Claims{"email": canaryPerson}), nil), nil},
		{"a cookie of the same origin", "", kit.Request("GET", kit.Fields("Cookie", "token="+good, "Sec-Fetch-Site", "same-origin")), nil, nil},
		{"a form", "", formOf(good), nil, nil},

		{"no token, but one in the query", middleware.ReasonNoToken, httptest.NewRequest("GET", "/orders?access_token="+good, nil), nil, nil},
		{"no token, but one in another field", middleware.ReasonNoToken, kit.Request("GET", kit.Fields("X-Access-Token", good)), nil, nil},
		{"a preflight", middleware.ReasonPreflight, preflight, nil, nil},
		{"another scheme", middleware.ReasonOtherScheme, field("Token " + good), nil, nil},
		{"no scheme", middleware.ReasonOtherScheme, field(good), nil, nil},
		{"two tokens in one field", middleware.ReasonMalformedRequest, field("Bearer " + good + ", Bearer " + bound), nil, nil},
		{"a token in quotes", middleware.ReasonMalformedRequest, field(`Bearer "` + good + `"`), nil, nil},
		{"two places", middleware.ReasonSeveralTokens, kit.Request("GET", kit.Fields("Authorization", "Bearer "+good, "X-Token", bound)), nil, nil},
		{"two lines", middleware.ReasonSeveralTokens, kit.Request("GET", kit.Fields("Authorization", "Bearer "+good, "Authorization", "Bearer "+bound)), nil, nil},
		{"a token that is too long", middleware.ReasonTokenTooLong, token(nil), func(cfg *middleware.Config) { cfg.MaxTokenBytes = 10 }, nil},
		{"a cookie from another origin", middleware.ReasonCrossOrigin, cookie, nil, nil},

		{"a payload that is no JSON", middleware.ReasonMalformed, kit.Bearer(kit.MintText(canaryPerson)), nil, nil},
		{"a doubled claim", middleware.ReasonMalformed, kit.Bearer(kit.MintText(`{"email":"` + canaryPerson + `","email":"x"}`)), nil, nil},
		{"a JWE", middleware.ReasonEncrypted, kit.Bearer(good + "." + testkit.B64([]byte(canaryPerson)) + ".aaaa"), nil, nil},
		{"a header with crit", middleware.ReasonHeader, header(`{"alg":"EdDSA","kid":"ed","crit":["` + canaryPerson + `"]}`), nil, nil},
		{"a strange algorithm", middleware.ReasonAlgorithm, header(`{"alg":"` + canaryPerson + `"}`), nil, nil},
		{"a logout token", middleware.ReasonTokenType, header(`{"alg":"EdDSA","kid":"ed","typ":"` + canaryPerson + `"}`), nil, nil},
		{"another issuer", middleware.ReasonUnknownIssuer, token(kit.Claims{"iss": "https://other.example.com"}), nil, nil},
		{"another issuer, with a person in its address", middleware.ReasonUnknownIssuer, token(kit.Claims{"iss": "https://" + canaryPerson + "/"}), nil, nil},
		{"a token in the path as well", middleware.ReasonAudience, inPath(kit.Mint(person(kit.Claims{"aud": "https://other.example.com"}))), nil, nil},
		{"a JWT in the path, and none elsewhere", middleware.ReasonNoToken, httptest.NewRequest("GET", "/reset/"+good+"/now?access_token="+good, nil), nil, nil},
		{"an opaque token in the path", middleware.ReasonNotIntrospected, inPath(canaryOpaque), nil, nil},
		{"a token as the name of a scheme", middleware.ReasonOtherScheme, field(canaryOpaque + " " + good), nil, nil},
		{"another tenant", middleware.ReasonTenant, token(kit.Claims{"iss": "https://login/tenant-1", "tid": canaryPerson}), issuers(func(i *middleware.Issuer) {
			i.URL, i.AllowTenant = "https://login/{tenantid}", func(context.Context, string) bool { return false }
		}), nil},
		{"an unknown key", middleware.ReasonUnknownKey, header(`{"alg":"EdDSA","kid":"` + canaryPerson + `"}`), nil, nil},
		{
			"a forged signature", middleware.ReasonSignature,
			kit.Bearer(testkit.Sign(kit.Ed25519Header, string(testkit.JSON(person(nil))), testkit.StrangeKey())), nil, nil,
		},
		{"a malformed claim", middleware.ReasonMalformedClaim, token(kit.Claims{"sub": []any{canaryPerson}}), nil, nil},
		{"a missing claim", middleware.ReasonMissingClaim, token(kit.Claims{"exp": nil}), nil, nil},
		{"an expired token", middleware.ReasonExpired, token(kit.Claims{"exp": testkit.Now.Unix() - 60}), nil, nil},
		{"a token for later", middleware.ReasonNotYetValid, token(kit.Claims{"nbf": testkit.Now.Unix() + 60}), nil, nil},
		{"a token from the future", middleware.ReasonIssuedInFuture, token(kit.Claims{"iat": testkit.Now.Unix() + 60}), nil, nil},
		{"another audience", middleware.ReasonAudience, token(kit.Claims{"aud": "https://other.example.com"}), nil, nil},
		{"another client", middleware.ReasonClient, token(nil), issuers(func(i *middleware.Issuer) { i.AllowedClients = []string{"other"} }), nil},
		{"a bound token as Bearer", middleware.ReasonConfirmation, kit.Bearer(bound), nil, nil},
		{"a binding of an unknown kind", middleware.ReasonConfirmation, token(kit.Claims{"cnf": kit.Claims{"x": canaryPerson}}), nil, nil},
		{"a proof by another key", middleware.ReasonConfirmation, kit.DPoPRequest(bound, testkit.Proof{Key: testkit.StrangeKey(), Token: bound}.String()), nil, nil},
		{"Accept says no", middleware.ReasonNotAccepted, token(nil), issuers(func(i *middleware.Issuer) {
			i.Accept = func(*middleware.Token) error { return errors.New("no") }
		}), nil},
		{"nobody introspects", middleware.ReasonNotIntrospected, kit.Bearer(canaryOpaque), nil, nil},
		{"an inactive token", middleware.ReasonInactive, kit.Bearer(canaryOpaque), introspects(inactive, nil), nil},
		{"a revoked token", middleware.ReasonRevoked, token(nil), kit.SetRevocations(kit.Verdicts(func(middleware.TokenFacts) middleware.Verdict {
			return middleware.Verdict{Kind: "subject"}
		})), nil},
		{"nothing known of revocations", middleware.ReasonRevocationsStale, token(nil), kit.SetRevocations(kit.Verdicts(
			func(middleware.TokenFacts) middleware.Verdict { return middleware.Verdict{} })), nil},
		{"an inactive JWT", middleware.ReasonInactive, token(nil), func(cfg *middleware.Config) {
			introspects(inactive, nil)(cfg)
			cfg.Issuers[0].JWTs = middleware.VerifyAndIntrospectJWTs
		}, nil},

		{"no proof", middleware.ReasonProof, kit.DPoPRequest(bound), nil, nil},
		{"a proof for another address", middleware.ReasonProof, dpop(testkit.Proof{Claims: kit.Claims{"htu": "https://" + canaryPerson}}), nil, nil},
		{"a proof with a private key", middleware.ReasonProof, dpop(testkit.Proof{Header: kit.Claims{"jwk": kit.Claims{"kty": "OKP", "d": canaryPerson}}}), nil, nil},
		{
			"two proofs", middleware.ReasonProof,
			kit.DPoPRequest(bound, testkit.Proof{Key: testkit.EdKey(), Token: bound}.String(), testkit.Proof{Key: testkit.EdKey(), Token: bound}.String()),
			nil, nil,
		},
		{
			"a proof whose signature is broken", middleware.ReasonProof,
			kit.DPoPRequest(bound, testkit.Proof{Key: testkit.EdKey(), Token: bound}.String()+"AAAA"), nil, nil,
		},
		{"a proof without a nonce of ours", middleware.ReasonProofNonce, dpop(
			testkit.Proof{Claims: kit.Claims{"nonce": canaryPerson}},
		), func(cfg *middleware.Config) {
			cfg.DPoP.NonceSecrets = [][]byte{[]byte(canaryNonce)}
		}, nil},
		{"a used proof", middleware.ReasonProofReplay, used, func(cfg *middleware.Config) {
			cfg.DPoP.Replays = kit.ReplayStoreFunc(func(context.Context, string, time.Time) (bool, error) { return false, nil })
		}, nil},

		{"a missing scope", middleware.ReasonScope, token(nil), nil, require(func(g *middleware.Guard) *middleware.Guard { return g.Require("admin") })},
		{"a missing role", middleware.ReasonRole, token(nil), nil, require(func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("admin") })},
		{
			"a delegated token", middleware.ReasonActor, token(kit.Claims{"act": kit.Claims{"sub": "actor-1", "email": canaryPerson}}),
			nil, require((*middleware.Guard).Undelegated),
		},
		{"a rule says no", middleware.ReasonRule, token(nil), nil, allow(errors.New("no"))},
		{
			"another login", middleware.ReasonACR, token(kit.Claims{"acr": canaryPerson}), nil,
			require(func(g *middleware.Guard) *middleware.Guard { return g.ACR("gold") }),
		},
		{
			"an old login", middleware.ReasonAuthTime, token(kit.Claims{"auth_time": 1}), nil,
			require(func(g *middleware.Guard) *middleware.Guard { return g.MaxAge(time.Minute) }),
		},

		{"keys out of reach", middleware.ReasonKeysUnavailable, token(nil), issuers(func(i *middleware.Issuer) { i.Keys = nil }), nil},
		{"an introspector out of reach", middleware.ReasonIntrospectionUnavailable, kit.Bearer(canaryOpaque), introspects(nil, errors.New("down")), nil},
		{
			"an introspector that talks nonsense", middleware.ReasonIntrospectionUnavailable, kit.Bearer(canaryOpaque),
			introspects(kit.Claims{"active": canaryPerson}, nil), nil,
		},
		{"a store out of reach", middleware.ReasonReplaysUnavailable, dpop(testkit.Proof{}), func(cfg *middleware.Config) {
			cfg.DPoP.Replays = kit.ReplayStoreFunc(func(context.Context, string, time.Time) (bool, error) { return false, kit.ErrStore })
		}, nil},
		{"a rule that cannot tell", middleware.ReasonRuleUnavailable, token(nil), nil, allow(middleware.ErrUnavailable)},
		{"closed", middleware.ReasonClosed, token(nil), nil, func(v *middleware.Validator) *middleware.Guard { _ = v.Close(); return v.Require() }},
		{"a Guard that nobody made", middleware.ReasonInternal, token(nil), nil, func(*middleware.Validator) *middleware.Guard { return new(middleware.Guard) }},
	}
}

// inPath is a request that carries a token in Authorization and, by some mistake, in its path.
func inPath(token string) *http.Request {
	r := httptest.NewRequest("GET", "/orders/"+token+"/items", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

// formOf is a request that can be sent again.
func formOf(token string) *http.Request {
	r := kit.FormRequest("POST", kit.URLEncoded, "", nil)
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("access_token=" + token)), nil }
	return r
}

// sent is a request that nobody has read yet.
func sent(r *http.Request) *http.Request {
	again := r.Clone(r.Context())
	if r.GetBody != nil {
		again.Body = testkit.Must(r.GetBody())
	}
	return again
}

// secretsOf names what a request carries that must not be shown. The personal claim stands for what a token says beside its subject, its
// client, its id, and the iss and aud that were not ours: those are for the log.
func secretsOf(r *http.Request) map[string]string {
	secrets := map[string]string{"claims": canaryPerson, "opaque token": canaryOpaque, "client's secret": canaryClient, "nonce's secret": canaryNonce}
	add := func(name string, values ...string) {
		for i, value := range values {
			_, token, found := strings.Cut(value, " ")
			if !found || name != "Authorization" {
				token = value
			}
			secrets[fmt.Sprint(name, " ", i)] = token
		}
	}
	for _, name := range []string{"Authorization", "Dpop", "X-Token", "X-Access-Token", "X-Other"} {
		add(name, r.Header.Values(name)...)
	}
	for _, cookie := range r.Cookies() {
		add("cookie", cookie.Value)
	}
	add("query", r.URL.Query()["access_token"]...)
	if r.GetBody != nil {
		body, _ := io.ReadAll(testkit.Must(r.GetBody()))
		add("form", strings.TrimPrefix(string(body), "access_token="))
	}
	return secrets
}

// A token is a credential, and so are a proof, a cookie and the secrets of the program. Whichever way a request goes, no log of any level,
// metric, error, header, body, printed context, address or store shows any of them: not whole, not in part, not decoded.
func TestNoWayShowsASecret(t *testing.T) {
	for _, way := range ways(t) {
		t.Run(way.name, func(t *testing.T) {
			secrets := canariesOf(secretsOf(way.send))
			var s shown
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				kit.SetPublicURL(cfg)
				s.watch(cfg)
				cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token"), middleware.FromCookie("token"), middleware.FromForm()}
				cfg.HTTPClient = &http.Client{Transport: s.transport(func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF })}
				if way.change != nil {
					way.change(cfg)
				}
				if store := cfg.DPoP.Replays; store == nil && cfg.PublicURL != "" {
					cfg.DPoP.Replays = kit.ReplayStoreFunc(func(_ context.Context, key string, _ time.Time) (bool, error) {
						s.add("the store", key)
						if !isReplayKey(key) {
							t.Errorf("the store is given %q, which is no digest", key)
						}
						return true, nil
					})
				}
				s.add("the configuration", printed(*cfg), printed(cfg), printed(cfg.DPoP))
			})
			guard := v.Require()
			if way.guard != nil {
				guard = way.guard(v)
			}
			ran := false
			handler := guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ran = true
				token, _ := middleware.TokenFromContext(r.Context())
				s.add("the handler's context", printed(r.Context()))
				s.add("the handler's token", printed(token), printed(*token))
				ctx, cancel := middleware.ContextWithExpiry(r.Context())
				defer cancel()
				s.add("a context that expires", printed(ctx))
			})
			for range 2 { // the second time from the caches
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, sent(way.send))
				s.answered(w)
				ctx, err := guard.Check(sent(way.send))
				if err == nil {
					s.add("Check's context", printed(ctx))
				}
				s.add("Check's error", printedError(err))
				if got := kit.ReasonIn(err); got != way.reason || ran != (way.reason == "") {
					t.Errorf("reason is %q, want %q; the handler ran: %t", got, way.reason, ran)
				}
			}
			s.add("what a program holds", printed(v), printed(guard), printed(*guard), printed(v.Health()))
			s.check(t, secrets)
		})
	}
}

// A Reason without a way would be a way that nobody has watched.
func TestEveryReasonHasAWay(t *testing.T) {
	seen := make(map[string]bool)
	for _, way := range ways(t) {
		seen[string(way.reason)] = true
	}
	file, err := parser.ParseFile(token.NewFileSet(), "../../../reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	reasons := 0
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			literal, isLiteral := spec.Values[i].(*ast.BasicLit)
			if !strings.HasPrefix(name.Name, "Reason") || !isLiteral {
				continue
			}
			reasons++
			if value, _ := strconv.Unquote(literal.Value); !seen[value] {
				t.Errorf("%s has no way in this file", name.Name)
			}
		}
		return true
	})
	if reasons < 35 {
		t.Errorf("only %d reasons were found", reasons)
	}
}

// The canaries themselves: what they must find, they find.
func TestCanariesAreFound(t *testing.T) {
	secret := kit.Mint(person(nil))
	c := canariesOf(map[string]string{"token": secret, "claims": canaryPerson})
	signature := testkit.SignatureOf(secret)
	for name, text := range map[string]string{
		"whole":                      "x" + secret + "x",
		"a piece of the payload":     secret[len(secret)/2 : len(secret)/2+canaryPiece],
		"the end of the signature":   secret[len(secret)-canaryPiece:],
		"in hex":                     fmt.Sprintf("%x", secret),
		"as numbers":                 fmt.Sprint([]byte(secret)),
		"the claims":                 canaryPerson[3 : 3+canaryPiece],
		"the claims in a URL":        url.QueryEscape(canaryPerson),
		"the signature, decoded":     string(signature),
		"the signature, as numbers":  fmt.Sprint(signature),
		"printed within a structure": printed(struct{ Header http.Header }{kit.Fields("Authorization", secret)}),
	} {
		if len(c.in(text)) == 0 {
			t.Errorf("%s is not found in %q", name, text)
		}
	}
	if found := c.in(strings.Repeat("nothing of that kind is here ", 9) + secret[:canaryPiece-1]); len(found) != 0 {
		t.Errorf("found %q in harmless text", found)
	}
}
