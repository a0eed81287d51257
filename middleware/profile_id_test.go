package middleware_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// Some servers give an API nothing but ID tokens. With the profile for it, they are the credential and nothing else is.
func TestIDTokenProfile(t *testing.T) {
	base := claims{"aud": "web", "client_id": nil, "scope": nil, "nonce": "n", "at_hash": "h"}
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Audiences = nil
		cfg.Issuers[0].Profile, cfg.Issuers[0].Audiences = middleware.IDToken, []string{"web", "app"}
	}, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			typ     string
			changes claims
			reason  middleware.Reason
		}{
			"an ID token":                             {"JWT", claims{}, ""},
			"without typ":                             {"", claims{}, ""},
			"without nonce and hashes":                {"JWT", claims{"nonce": nil, "at_hash": nil}, ""},
			"with c_hash and s_hash":                  {"JWT", claims{"c_hash": "h", "s_hash": "h"}, ""},
			"token_use id (Cognito)":                  {"JWT", claims{"token_use": "id"}, ""},
			"payload typ ID (Keycloak)":               {"JWT", claims{"typ": "ID"}, ""},
			"its azp is its client":                   {"JWT", claims{"azp": "web"}, ""},
			"its azp is another client of ours":       {"JWT", claims{"azp": "app"}, ""},
			"several aud and an azp":                  {"JWT", claims{"aud": []string{"web", "other"}, "azp": "web"}, ""},
			"one aud in an array":                     {"JWT", claims{"aud": []string{"app"}}, ""},
			"an empty scope":                          {"JWT", claims{"scope": ""}, ""},
			"an access token by its typ":              {"at+jwt", claims{}, middleware.ReasonTokenType},
			"the same with application/":              {"application/at+jwt", claims{}, middleware.ReasonTokenType},
			"a logout token":                          {"logout+jwt", claims{}, middleware.ReasonTokenType},
			"a logout token without typ":              {"JWT", claims{"events": claims{"x": claims{}}, "nonce": nil}, middleware.ReasonTokenType},
			"a DPoP proof's claims":                   {"JWT", claims{"htm": "GET"}, middleware.ReasonTokenType},
			"token_use access":                        {"JWT", claims{"token_use": "access"}, middleware.ReasonTokenType},
			"token_use refresh":                       {"JWT", claims{"token_use": "refresh"}, middleware.ReasonTokenType},
			"token_use of the wrong type":             {"JWT", claims{"token_use": 1}, middleware.ReasonTokenType},
			"payload typ Bearer (Keycloak)":           {"JWT", claims{"typ": "Bearer"}, middleware.ReasonTokenType},
			"payload typ DPoP":                        {"JWT", claims{"typ": "DPoP"}, middleware.ReasonTokenType},
			"payload typ Refresh":                     {"JWT", claims{"typ": "Refresh"}, middleware.ReasonTokenType},
			"payload typ Logout":                      {"JWT", claims{"typ": "Logout"}, middleware.ReasonTokenType},
			"payload typ of an unknown kind":          {"JWT", claims{"typ": "anything"}, middleware.ReasonTokenType},
			"an access token by its scopes":           {"JWT", claims{"scope": "orders:read"}, middleware.ReasonTokenType},
			"the scopes of a login are granted too":   {"JWT", claims{"scope": "openid email"}, middleware.ReasonTokenType},
			"scopes in an array":                      {"JWT", claims{"scp": []string{"read"}}, middleware.ReasonTokenType},
			"for the API and not for a client":        {"JWT", claims{"aud": audience}, middleware.ReasonAudience},
			"for another client":                      {"JWT", claims{"aud": "stranger"}, middleware.ReasonAudience},
			"for nobody":                              {"JWT", claims{"aud": nil}, middleware.ReasonAudience},
			"several aud and no azp":                  {"JWT", claims{"aud": []string{"web", "other"}}, middleware.ReasonAudience},
			"its azp is a stranger":                   {"JWT", claims{"azp": "stranger"}, middleware.ReasonAudience},
			"its azp is a stranger among several aud": {"JWT", claims{"aud": []string{"web", "stranger"}, "azp": "stranger"}, middleware.ReasonAudience},
			"its azp is no text":                      {"JWT", claims{"azp": []string{"web"}}, middleware.ReasonAudience},
			"its azp is empty":                        {"JWT", claims{"azp": ""}, middleware.ReasonAudience},
			"no subject":                              {"JWT", claims{"sub": nil}, middleware.ReasonMissingClaim},
			"an empty subject":                        {"JWT", claims{"sub": ""}, middleware.ReasonMissingClaim},
			"no iat":                                  {"JWT", claims{"iat": nil}, middleware.ReasonMissingClaim},
			"no exp":                                  {"JWT", claims{"exp": nil}, middleware.ReasonMissingClaim},
			"expired":                                 {"JWT", claims{"exp": now.Unix() - 60}, middleware.ReasonExpired},
			"bound, and nothing can be proven":        {"JWT", claims{"cnf": claims{"jkt": "x"}}, middleware.ReasonConfirmation},
		} {
			t.Run(name, func(t *testing.T) {
				c := changed(claims{}, base)
				for claim, value := range row.changes {
					c[claim] = value
				}
				full := good(nil)
				for claim, value := range base {
					full[claim] = value
				}
				for claim, value := range row.changes {
					full[claim] = value
				}
				wantOutcome(t, v, mintAs(row.typ, changed(full, nil)), row.reason)
			})
		}
		wantRefused(t, v, "opaque", badToken, middleware.ReasonNotIntrospected)
	})
}

func TestMistakesOfTheIDTokenProfile(t *testing.T) {
	client := must(introspection.New(introspection.Config{URL: "https://login.example.com/introspect", ClientAuth: introspection.NoClientAuth()}))
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
		cfg := config()
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
		eachWay(t, func(cfg *middleware.Config) {
			i := &cfg.Issuers[0]
			i.Keys, i.Algorithms, i.DangerouslyNoIssuer = must(jwks.HMAC("HS256", hmacKey)), []string{"HS256"}, dangerously
		}, func(t *testing.T, v *middleware.Validator) {
			absent := middleware.ReasonMissingClaim
			if dangerously {
				absent = ""
			}
			wantOutcome(t, v, sign(header, string(toJSON(good(claims{"iss": nil}))), hmacKey), absent)
			wantOutcome(t, v, sign(header, withText(good(claims{"iss": nil}), "iss", "null"), hmacKey), absent)
			wantOutcome(t, v, sign(header, string(toJSON(good(nil))), hmacKey), "")
			wantOutcome(t, v, sign(header, string(toJSON(good(claims{"iss": ""}))), hmacKey), middleware.ReasonMalformedClaim)
			wantOutcome(t, v, sign(header, string(toJSON(good(claims{"iss": 1}))), hmacKey), middleware.ReasonMalformedClaim)
			wantOutcome(t, v, sign(header, string(toJSON(good(claims{"iss": "https://evil.example"}))), hmacKey), middleware.ReasonUnknownIssuer)
			if dangerously {
				wantOutcome(t, v, sign(header, withText(good(claims{"iss": nil}), "ISS", `"x"`), hmacKey), malformed)
				token := wantAdmitted(t, v, sign(header, string(toJSON(good(claims{"iss": nil}))), hmacKey))
				if token.Issuer != issuer {
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
			cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: "https://b.example", Keys: must(jwks.HMAC("HS256", []byte("another-secret-0123456789-of-32b")))})
		}, "is set beside other Issuers"},
		"fetched keys": {func(cfg *middleware.Config) { cfg.Issuers[0].Keys = nil }, "is set without Keys"},
		"RFC9068":      {func(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }, "is set, but RFC9068 and FAPI2 require iss"},
	} {
		cfg := config()
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
		eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].NumericSubjects = allowed }, func(t *testing.T, v *middleware.Validator) {
			for text, want := range map[string]string{
				"4711": "4711", "0": "0", "9007199254740992": "9007199254740992",
				"9007199254740993": "", "-1": "", "1.0": "", "1e3": "", "1E0": "", "18446744073709551616": "", "true": "", "[1]": "", "{}": "",
			} {
				token := mintText(withText(good(claims{"sub": nil}), "sub", text))
				if !allowed || want == "" {
					wantRefused(t, v, token, badToken, middleware.ReasonMalformedClaim)
				} else if got := wantAdmitted(t, v, token).Subject; got != want {
					t.Errorf("sub %s gives the subject %q", text, got)
				}
			}
			if got := wantAdmitted(t, v, mint(good(claims{"sub": "4711"}))).Subject; got != "4711" {
				t.Errorf("a subject that is text is %q", got)
			}
		})
	}
}

// Cloudflare Access writes an empty sub for every machine. It is no subject, and no rule meets it.
func TestEmptySubjectIsNone(t *testing.T) {
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		if got := wantAdmitted(t, v, mint(good(claims{"sub": ""}))).Subject; got != "" {
			t.Errorf("the subject is %q", got)
		}
	})
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].ClaimRules = []middleware.ClaimRule{{Claims: []string{"sub"}, NoneOf: []string{"root"}, Optional: true}}
	}, func(t *testing.T, v *middleware.Validator) {
		wantRefused(t, v, mint(good(claims{"sub": ""})), badToken, middleware.ReasonNotAccepted)
	})
}

// A lightweight token names no audience; its server's answer does.
func TestAudienceOfALightweightToken(t *testing.T) {
	for name, row := range map[string]struct {
		jwt, answer claims
		want        middleware.Reason
	}{
		"the answer names us":             {claims{"aud": nil}, claims{"aud": []string{"account", audience}}, ""},
		"the answer names others":         {claims{"aud": nil}, claims{"aud": "account"}, middleware.ReasonAudience},
		"the answer names nobody":         {claims{"aud": nil}, claims{"aud": nil}, middleware.ReasonAudience},
		"the JWT names others":            {claims{"aud": "account"}, claims{"aud": audience}, middleware.ReasonAudience},
		"the JWT names us, the answer no": {claims{}, claims{"aud": "account"}, middleware.ReasonAudience},
		"an aud that is empty":            {claims{"aud": []string{}}, claims{"aud": audience}, middleware.ReasonAudience},
	} {
		eachWay(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = middleware.VerifyAndIntrospectJWTs, answering(active(row.answer))
		}, func(t *testing.T, v *middleware.Validator) {
			t.Run(name, func(t *testing.T) { wantOutcome(t, v, mint(good(row.jwt)), row.want) })
		})
	}
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		wantRefused(t, v, mint(good(claims{"aud": nil})), badToken, middleware.ReasonAudience)
	})
}
