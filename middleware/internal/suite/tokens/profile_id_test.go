package tokens_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Some servers give an API nothing but ID tokens. With the profile for it, they are the credential and nothing else is.
func TestIDTokenProfile(t *testing.T) {
	base := kit.Claims{"aud": "web", "client_id": nil, "scope": nil, "nonce": "n", "at_hash": "h"}
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Audiences = nil
		cfg.Issuers[0].Profile, cfg.Issuers[0].Audiences = middleware.IDToken, []string{"web", "app"}
	}, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			typ     string
			changes kit.Claims
			reason  middleware.Reason
		}{
			"an ID token":                             {"JWT", kit.Claims{}, ""},
			"without typ":                             {"", kit.Claims{}, ""},
			"without nonce and hashes":                {"JWT", kit.Claims{"nonce": nil, "at_hash": nil}, ""},
			"with c_hash and s_hash":                  {"JWT", kit.Claims{"c_hash": "h", "s_hash": "h"}, ""},
			"token_use id (Cognito)":                  {"JWT", kit.Claims{"token_use": "id"}, ""},
			"payload typ ID (Keycloak)":               {"JWT", kit.Claims{"typ": "ID"}, ""},
			"its azp is its client":                   {"JWT", kit.Claims{"azp": "web"}, ""},
			"its azp is another client of ours":       {"JWT", kit.Claims{"azp": "app"}, ""},
			"several aud and an azp":                  {"JWT", kit.Claims{"aud": []string{"web", "other"}, "azp": "web"}, ""},
			"one aud in an array":                     {"JWT", kit.Claims{"aud": []string{"app"}}, ""},
			"an empty scope":                          {"JWT", kit.Claims{"scope": ""}, ""},
			"an access token by its typ":              {"at+jwt", kit.Claims{}, middleware.ReasonTokenType},
			"the same with application/":              {"application/at+jwt", kit.Claims{}, middleware.ReasonTokenType},
			"a logout token":                          {"logout+jwt", kit.Claims{}, middleware.ReasonTokenType},
			"a logout token without typ":              {"JWT", kit.Claims{"events": kit.Claims{"x": kit.Claims{}}, "nonce": nil}, middleware.ReasonTokenType},
			"a DPoP proof's claims":                   {"JWT", kit.Claims{"htm": "GET"}, middleware.ReasonTokenType},
			"token_use access":                        {"JWT", kit.Claims{"token_use": "access"}, middleware.ReasonTokenType},
			"token_use refresh":                       {"JWT", kit.Claims{"token_use": "refresh"}, middleware.ReasonTokenType},
			"token_use of the wrong type":             {"JWT", kit.Claims{"token_use": 1}, middleware.ReasonTokenType},
			"payload typ Bearer (Keycloak)":           {"JWT", kit.Claims{"typ": "Bearer"}, middleware.ReasonTokenType},
			"payload typ DPoP":                        {"JWT", kit.Claims{"typ": "DPoP"}, middleware.ReasonTokenType},
			"payload typ Refresh":                     {"JWT", kit.Claims{"typ": "Refresh"}, middleware.ReasonTokenType},
			"payload typ Logout":                      {"JWT", kit.Claims{"typ": "Logout"}, middleware.ReasonTokenType},
			"payload typ of an unknown kind":          {"JWT", kit.Claims{"typ": "anything"}, middleware.ReasonTokenType},
			"an access token by its scopes":           {"JWT", kit.Claims{"scope": "orders:read"}, middleware.ReasonTokenType},
			"the scopes of a login are granted too":   {"JWT", kit.Claims{"scope": "openid email"}, middleware.ReasonTokenType},
			"scopes in an array":                      {"JWT", kit.Claims{"scp": []string{"read"}}, middleware.ReasonTokenType},
			"for the API and not for a client":        {"JWT", kit.Claims{"aud": testkit.Audience}, middleware.ReasonAudience},
			"for another client":                      {"JWT", kit.Claims{"aud": "stranger"}, middleware.ReasonAudience},
			"for nobody":                              {"JWT", kit.Claims{"aud": nil}, middleware.ReasonAudience},
			"several aud and no azp":                  {"JWT", kit.Claims{"aud": []string{"web", "other"}}, middleware.ReasonAudience},
			"its azp is a stranger":                   {"JWT", kit.Claims{"azp": "stranger"}, middleware.ReasonAudience},
			"its azp is a stranger among several aud": {"JWT", kit.Claims{"aud": []string{"web", "stranger"}, "azp": "stranger"}, middleware.ReasonAudience},
			"its azp is no text":                      {"JWT", kit.Claims{"azp": []string{"web"}}, middleware.ReasonAudience},
			"its azp is empty":                        {"JWT", kit.Claims{"azp": ""}, middleware.ReasonAudience},
			"no subject":                              {"JWT", kit.Claims{"sub": nil}, middleware.ReasonMissingClaim},
			"an empty subject":                        {"JWT", kit.Claims{"sub": ""}, middleware.ReasonMissingClaim},
			"no iat":                                  {"JWT", kit.Claims{"iat": nil}, middleware.ReasonMissingClaim},
			"no exp":                                  {"JWT", kit.Claims{"exp": nil}, middleware.ReasonMissingClaim},
			"expired":                                 {"JWT", kit.Claims{"exp": testkit.Now.Unix() - 60}, middleware.ReasonExpired},
			"bound, and nothing can be proven":        {"JWT", kit.Claims{"cnf": kit.Claims{"jkt": "x"}}, middleware.ReasonConfirmation},
		} {
			t.Run(name, func(t *testing.T) {
				c := kit.Claims{}.With(base)
				for claim, value := range row.changes {
					c[claim] = value
				}
				full := kit.GoodClaims(nil)
				for claim, value := range base {
					full[claim] = value
				}
				for claim, value := range row.changes {
					full[claim] = value
				}
				kit.WantOutcome(t, v, kit.MintTyped(row.typ, full.With(nil)), row.reason)
			})
		}
		kit.WantRefused(t, v, "opaque", kit.BadToken, middleware.ReasonNotIntrospected)
	})
}

func TestMistakesOfTheIDTokenProfile(t *testing.T) {
	client := testkit.Must(introspection.New(introspection.Config{URL: "https://login.example.com/introspect", ClientAuth: introspection.NoClientAuth()}))
	for name, row := range map[string]struct {
		change func(*middleware.Config)
		want   string
	}{
		"AllowedClients":        {func(cfg *middleware.Config) { cfg.Issuers[0].AllowedClients = []string{"web"} }, "Issuers[0].Profile is IDToken"},
		"DangerouslyNoAudience": {func(cfg *middleware.Config) { cfg.Issuers[0].DangerouslyNoAudience = true }, "Issuers[0].Profile is IDToken"},
		"an Introspector":       {func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = client }, "Issuers[0].Introspector is set"},
		"introspected JWTs": {func(cfg *middleware.Config) {
			cfg.Issuers[0].Introspector, cfg.Issuers[0].JWTs = client, middleware.VerifyAndIntrospectJWTs
		}, "Issuers[0].JWTs wants ID tokens introspected"},
		"FAPI2": {func(cfg *middleware.Config) { cfg.FAPI2 = true }, "Issuers[0].Profile is IDToken, but FAPI2"},
	} {
		cfg := kit.Config()
		cfg.Issuers[0].Profile = middleware.IDToken
		row.change(&cfg)
		if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: New says %v, want %q", name, err, row.want)
		}
	}
}

// RFC 7519 section 4.1.1 lets iss be absent. One issuer with keys of its own loses nothing by it.
func TestTokensWithoutIss(t *testing.T) {
	hmacKey := []byte("0123456789-random-enough-for-32b")
	header := `{"alg":"HS256","typ":"JWT"}`
	for _, dangerously := range []bool{true, false} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			i := &cfg.Issuers[0]
			i.Keys, i.Algorithms, i.DangerouslyNoIssuer = testkit.Must(jwks.HMAC("HS256", hmacKey)), []string{"HS256"}, dangerously
		}, func(t *testing.T, v *middleware.Validator) {
			absent := middleware.ReasonMissingClaim
			if dangerously {
				absent = ""
			}
			kit.WantOutcome(t, v, testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": nil}))), hmacKey), absent)
			kit.WantOutcome(t, v, testkit.Sign(header, kit.WithJSON(kit.GoodClaims(kit.Claims{"iss": nil}), "iss", "null"), hmacKey), absent)
			kit.WantOutcome(t, v, testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(nil))), hmacKey), "")
			kit.WantOutcome(t, v, testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": ""}))), hmacKey), middleware.ReasonMalformedClaim)
			kit.WantOutcome(t, v, testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": 1}))), hmacKey), middleware.ReasonMalformedClaim)
			kit.WantOutcome(
				t, v, testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": "https://evil.example"}))), hmacKey),
				middleware.ReasonUnknownIssuer,
			)
			if dangerously {
				kit.WantOutcome(t, v, testkit.Sign(header, kit.WithJSON(kit.GoodClaims(kit.Claims{"iss": nil}), "ISS", `"x"`), hmacKey), malformed)
				token := kit.WantAdmitted(t, v, testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": nil}))), hmacKey))
				if token.Issuer != testkit.Issuer {
					t.Errorf("Token.Issuer is %q, want Issuer.URL", token.Issuer)
				}
			}
		})
	}
}

func TestMistakesOfTokensWithoutIss(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*middleware.Config)
		want   string
	}{
		"two issuers": {func(cfg *middleware.Config) {
			cfg.Issuers = append(
				cfg.Issuers,
				middleware.Issuer{URL: "https://b.example", Keys: testkit.Must(jwks.HMAC("HS256", []byte("another-secret-0123456789-of-32b")))},
			)
		}, "is set beside other Issuers"},
		"fetched keys": {func(cfg *middleware.Config) { cfg.Issuers[0].Keys = nil }, "is set without Keys"},
		"RFC9068":      {func(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }, "is set, but RFC9068 and FAPI2 require iss"},
	} {
		cfg := kit.Config()
		cfg.Issuers[0].DangerouslyNoIssuer = true
		row.change(&cfg)
		if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), "Issuers[0].DangerouslyNoIssuer "+row.want) {
			t.Errorf("%s: New says %v, want %q", name, err, row.want)
		}
	}
}

// RFC 7519 section 4.1.2 wants a string; some servers number their users.
func TestNumericSubjects(t *testing.T) {
	for _, allowed := range []bool{false, true} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].NumericSubjects = allowed }, func(t *testing.T, v *middleware.Validator) {
			for text, want := range map[string]string{
				"4711": "4711", "0": "0", "9007199254740992": "9007199254740992",
				"9007199254740993": "", "-1": "", "1.0": "", "1e3": "", "1E0": "", "18446744073709551616": "", "true": "", "[1]": "", "{}": "",
			} {
				token := kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{"sub": nil}), "sub", text))
				if !allowed || want == "" {
					kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonMalformedClaim)
				} else if got := kit.WantAdmitted(t, v, token).Subject; got != want {
					t.Errorf("sub %s gives the subject %q", text, got)
				}
			}
			if got := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"sub": "4711"}))).Subject; got != "4711" {
				t.Errorf("a subject that is text is %q", got)
			}
		})
	}
}

// Cloudflare Access writes an empty sub for every machine. It is no subject, and no rule meets it.
func TestEmptySubjectIsNone(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		if got := kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"sub": ""}))).Subject; got != "" {
			t.Errorf("the subject is %q", got)
		}
	})
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].ClaimRules = []middleware.ClaimRule{{Claims: []string{"sub"}, NoneOf: []string{"root"}, Optional: true}}
	}, func(t *testing.T, v *middleware.Validator) {
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"sub": ""})), kit.BadToken, middleware.ReasonNotAccepted)
	})
}

// A lightweight token names no audience; its server's answer does.
func TestAudienceOfALightweightToken(t *testing.T) {
	for name, row := range map[string]struct {
		jwt, answer kit.Claims
		want        middleware.Reason
	}{
		"the answer names us":             {kit.Claims{"aud": nil}, kit.Claims{"aud": []string{"account", testkit.Audience}}, ""},
		"the answer names others":         {kit.Claims{"aud": nil}, kit.Claims{"aud": "account"}, middleware.ReasonAudience},
		"the answer names nobody":         {kit.Claims{"aud": nil}, kit.Claims{"aud": nil}, middleware.ReasonAudience},
		"the JWT names others":            {kit.Claims{"aud": "account"}, kit.Claims{"aud": testkit.Audience}, middleware.ReasonAudience},
		"the JWT names us, the answer no": {kit.Claims{}, kit.Claims{"aud": "account"}, middleware.ReasonAudience},
		"an aud that is empty":            {kit.Claims{"aud": []string{}}, kit.Claims{"aud": testkit.Audience}, middleware.ReasonAudience},
	} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = middleware.VerifyAndIntrospectJWTs, kit.Answering(kit.ActiveAnswer(row.answer))
		}, func(t *testing.T, v *middleware.Validator) {
			t.Run(name, func(t *testing.T) { kit.WantOutcome(t, v, kit.Mint(kit.GoodClaims(row.jwt)), row.want) })
		})
	}
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"aud": nil})), kit.BadToken, middleware.ReasonAudience)
	})
}

// What is no scope, or what a careless server reads as one of those that come with ID tokens, is no evidence against one; and a claim that
// names no client does not hide another that does.
func TestIDTokensThatLookALittleLikeAccessTokens(t *testing.T) {
	for name, changes := range map[string]kit.Claims{
		"no scope":                          {"scope": nil},
		"an empty scope in an array":        {"scope": nil, "scp": []string{""}},
		"a blank one":                       {"scope": nil, "scp": []string{" "}},
		"two in one element":                {"scope": nil, "scp": []string{"openid email"}},
		"one that ends in a tab":            {"scope": "openid\t"},
		"one in capitals":                   {"scope": "OPENID"},
		"one in quotes":                     {"scope": `"openid"`},
		"no scope, client_id is empty":      {"scope": nil, "client_id": ""},
		"no scope, client_id is a number":   {"scope": nil, "client_id": 7},
		"no scope, client_id is somebody's": {"scope": nil, "client_id": "app"},
	} {
		t.Run(name, func(t *testing.T) {
			login := kit.GoodClaims(kit.Claims{"aud": "web", "azp": "web", "client_id": nil}).With(changes)
			for _, replace := range []func(*middleware.Config){
				func(cfg *middleware.Config) { cfg.Issuers[0].DangerouslyNoAudience = true },
				func(cfg *middleware.Config) { cfg.Issuers[0].AllowedClients = []string{"web", "app"} },
			} {
				v := kit.NewValidator(t, func(cfg *middleware.Config) {
					cfg.Audiences = nil
					replace(cfg)
				})
				if refused := kit.ReasonOf(
					t, v.Require(), kit.Bearer(kit.MintTyped("JWT", login)),
				); refused != middleware.ReasonTokenType && refused != middleware.ReasonClient {
					t.Errorf("refused for %q", refused)
				}
			}
			// Where the client's own id is an audience of the API, nothing but a nonce tells.
			v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Audiences = []string{"web"} })
			kit.WantRefused(t, v, kit.MintTyped("JWT", login.With(kit.Claims{"nonce": "n"})), kit.BadToken, middleware.ReasonTokenType)
		})
	}
	// An id that no claim names as the client's is an audience like any other.
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Audiences = []string{"web"} })
	kit.WantAdmitted(t, v, kit.MintTyped("JWT", kit.GoodClaims(kit.Claims{"aud": "web", "azp": "app", "nonce": "n", "scope": "orders:read"})))
}
