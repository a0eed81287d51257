package tokens_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// kinds are the statements that an authorization server, or a client of it, signs beside access tokens. Each is as bad
// as it can be: made by the issuer's own key and, where its claims do not give it away, otherwise good. own is its typ.
var kinds = map[string]struct {
	own    string
	claims kit.Claims
}{
	"ID token with nonce":           {"JWT", kit.Claims{"nonce": "n", "scope": nil}},
	"ID token with at_hash":         {"JWT", kit.Claims{"at_hash": "h"}},
	"ID token with c_hash":          {"JWT", kit.Claims{"c_hash": "h", "s_hash": "h"}},
	"ID token with nothing but aud": {"JWT", kit.Claims{"aud": "client-1", "azp": "client-1"}},
	"ID token by token_use":         {"JWT", kit.Claims{"token_use": "id"}},
	"ID token by typ (Keycloak)":    {"JWT", kit.Claims{"typ": "ID"}},
	"refresh token by typ":          {"rt+jwt", kit.Claims{"typ": "Refresh"}},
	"offline token by typ":          {"JWT", kit.Claims{"typ": "Offline"}},
	"refresh token by token_use":    {"rt+jwt", kit.Claims{"token_use": "refresh"}},
	"refresh token for the server":  {"rt+jwt", kit.Claims{"aud": testkit.Issuer}},
	"logout token": {
		"logout+jwt", kit.Claims{"events": kit.Claims{"http://schemas.openid.net/event/backchannel-logout": kit.Claims{}}, "sid": "s"},
	},
	"logout token by typ (Keycloak)": {"JWT", kit.Claims{"typ": "Logout"}},
	"security event token":           {"secevent+jwt", kit.Claims{"events": kit.Claims{"urn:e": kit.Claims{}}, "toe": 1}},
	"DPoP proof":                     {"dpop+jwt", kit.Claims{"htm": "GET", "htu": testkit.Audience, "ath": "h"}},
	"client assertion":               {"client-authentication+jwt", kit.Claims{"iss": "client-1", "sub": "client-1", "aud": testkit.Issuer}},
	"client assertion for us":        {"client-authentication+jwt", kit.Claims{"iss": "client-1", "sub": "client-1"}},
	"request object":                 {"oauth-authz-req+jwt", kit.Claims{"response_type": "code", "code_challenge": "c"}},
	"transaction token":              {"txntoken+jwt", kit.Claims{"rctx": kit.Claims{}, "tctx": kit.Claims{}, "txn": "1"}},
	"ID-JAG":                         {"oauth-id-jag+jwt", kit.Claims{"aud": "https://other-as.example.com"}},
	"introspection answer":           {"token-introspection+jwt", kit.Claims{"token_introspection": kit.Claims{"active": true}}},
	"status list":                    {"statuslist+jwt", kit.Claims{"status_list": kit.Claims{"bits": 1, "lst": "eA"}}},
	"SD-JWT credential":              {"dc+sd-jwt", kit.Claims{"vct": "urn:v", "_sd": []string{"d"}, "_sd_alg": "sha-256"}},
	"key binding":                    {"kb+jwt", kit.Claims{"sd_hash": "h", "nonce": "n", "scope": nil}},
	"software statement":             {"JWT", kit.Claims{"software_statement": "x"}},
}

// GO-2026-5291: rules for different kinds of JWT exclude each other, whatever the typ says.
func TestOnlyAccessTokensPass(t *testing.T) {
	allowedToFail := []middleware.Reason{middleware.ReasonTokenType, middleware.ReasonAudience, middleware.ReasonUnknownIssuer}
	for name, profile := range map[string]middleware.Profile{"AnyAccessToken": middleware.AnyAccessToken, "RFC9068": middleware.RFC9068} {
		kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Profile = profile }, func(t *testing.T, v *middleware.Validator) {
			kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(nil)))
			for kind, k := range kinds {
				for _, typ := range []string{"", "JWT", "jwt", "application/jwt", k.own, strings.ToUpper(k.own), "application/" + k.own} {
					t.Run(name+": "+kind+" under typ "+typ, func(t *testing.T) {
						token := kit.MintTyped(typ, kit.GoodClaims(k.claims))
						if got := kit.Serve(v.Require(), kit.Bearer(token)).String(); got != kit.BadToken {
							t.Errorf("outcome is %q", got)
						}
						reason := kit.ReasonOf(t, v.Require(), kit.Bearer(token))
						for _, fine := range allowedToFail {
							if reason == fine {
								return
							}
						}
						t.Errorf("reason is %q", reason)
					})
				}
			}
		})
	}
}

// Each marker alone gives a token away, whatever its value, unless typ says at+jwt.
func TestMarkersOfOtherKinds(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, marker := range []string{
			"at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash", "events", "toe", "htm", "htu", "ath", "token_introspection", "status_list",
			"req_wl", "rctx", "tctx", "response_type", "code_challenge", "vct", "_sd", "_sd_alg", "sd_hash", "logout_token", "software_statement",
		} {
			for _, value := range []string{`"x"`, `""`, "false", "{}", "[]", "0"} {
				text := kit.WithJSON(kit.GoodClaims(nil), marker, value)
				kit.WantRefused(t, v, testkit.Sign(`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`, text, testkit.EdKey()), kit.BadToken, middleware.ReasonTokenType)
				kit.WantRefused(t, v, testkit.Sign(`{"alg":"EdDSA","kid":"ed"}`, text, testkit.EdKey()), kit.BadToken, middleware.ReasonTokenType)
				kit.WantAdmitted(t, v, kit.MintText(text))
			}
			kit.WantRefused(
				t, v,
				testkit.Sign(`{"alg":"EdDSA","kid":"ed"}`, kit.WithJSON(kit.GoodClaims(nil), strings.ToUpper(marker), "1"), testkit.EdKey()),
				kit.BadToken, malformed,
			)
			kit.WantAdmitted(t, v, testkit.Sign(`{"alg":"EdDSA","kid":"ed"}`, kit.WithJSON(kit.GoodClaims(nil), marker, "null"), testkit.EdKey())) // null is absent
			kit.WantRefused(t, v, kit.MintTyped("JWT", kit.GoodClaims(kit.Claims{"aaa": 1, marker: "x"})), kit.BadToken, middleware.ReasonTokenType)
			kit.WantAdmitted(t, v, kit.MintTyped("JWT", kit.GoodClaims(kit.Claims{"inside": kit.Claims{marker: "not at the top"}})))
		}
	})
}

func TestKindAmongTheClaims(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			claim, value string
			reason       middleware.Reason
		}{
			{"token_use", `"access"`, ""}, {"token_use", `"ACCESS"`, ""}, {"token_use", `"access_token"`, ""}, {
				"token_use", `"access_to\u212aen"`, middleware.ReasonTokenType,
			},
			{"typ", `"refresh_to\u212aen"`, middleware.ReasonTokenType},
			{"token_use", `"id"`, middleware.ReasonTokenType}, {"token_use", `"refresh"`, middleware.ReasonTokenType}, {"token_use", `""`, middleware.ReasonTokenType},
			{"token_use", `null`, middleware.ReasonTokenType}, {
				"token_use", `["access"]`, middleware.ReasonTokenType,
			}, {"token_use", `true`, middleware.ReasonTokenType},
			{"token_use", `"access "`, middleware.ReasonTokenType}, {"token_use", `{"access":1}`, middleware.ReasonTokenType},
			{"typ", `"Bearer"`, ""}, {"typ", `"at+jwt"`, ""}, {"typ", `"anything"`, ""}, {
				"typ", `"ID"`, middleware.ReasonTokenType,
			}, {"typ", `"id"`, middleware.ReasonTokenType},
			{"typ", `"id_token"`, middleware.ReasonTokenType}, {"typ", `"Refresh"`, middleware.ReasonTokenType}, {"typ", `"refresh_token"`, middleware.ReasonTokenType},
			{"typ", `"Offline"`, middleware.ReasonTokenType}, {"typ", `"Logout"`, middleware.ReasonTokenType}, {"typ", `"I\u0044"`, middleware.ReasonTokenType},
		} {
			t.Run(row.claim+" "+row.value, func(t *testing.T) {
				kit.WantOutcome(
					t, v,
					testkit.Sign(`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`, kit.WithJSON(kit.GoodClaims(nil), row.claim, row.value), testkit.EdKey()),
					row.reason,
				)
			})
		}
	})
}

// Media types have no case, and "application/" goes without saying where there is no other slash.
func TestSpellingsOfTyp(t *testing.T) {
	const wrong = middleware.ReasonTokenType
	rows := []struct {
		typ          string // as JSON; empty: absent
		any, rfc9068 middleware.Reason
	}{
		{`"at+jwt"`, "", ""}, {`"AT+JWT"`, "", ""}, {`"at+JWT"`, "", ""}, {
			`"application/at+jwt"`, "", "",
		}, {`"Application/AT+jwt"`, "", ""}, {`"at\u002bjwt"`, "", ""}, {
			`"application\/at+jwt"`, "", "",
		},
		{``, "", wrong}, {`"JWT"`, "", wrong}, {`"jwt"`, "", wrong}, {`"Jwt"`, "", wrong}, {`"application/jwt"`, "", wrong}, {`"APPLICATION/JWT"`, "", wrong},
		{`""`, wrong, wrong}, {`" "`, wrong, wrong}, {`"\t"`, wrong, wrong}, {`"\u0000"`, wrong, wrong}, {`"/"`, wrong, wrong}, {`"APPLICATION/"`, wrong, wrong}, {
			`"application/ "`, wrong, wrong,
		},
		{`"application/"`, wrong, wrong}, {
			`"application/application/at+jwt"`, wrong, wrong,
		}, {`"text/at+jwt"`, wrong, wrong}, {`"/at+jwt"`, wrong, wrong}, {`"application/at+jwt/"`, wrong, wrong},
		{`"at+jwt "`, wrong, wrong}, {`" at+jwt"`, wrong, wrong}, {`"at+jwt;x=1"`, wrong, wrong}, {
			`"at+jwt\u0000"`, wrong, wrong,
		}, {`"at jwt"`, wrong, wrong}, {`"atjwt"`, wrong, wrong}, {`"at"`, wrong, wrong},
		{
			`"at+jwt,JWT"`, wrong, wrong,
		}, {`"JWT "`, wrong, wrong}, {`"JWS"`, wrong, wrong}, {`"JOSE"`, wrong, wrong}, {
			`"JOSE+JSON"`, wrong, wrong,
		}, {`"JWE"`, wrong, wrong}, {`"at+jwt+x"`, wrong, wrong},
		{`"ａt+jwt"`, wrong, wrong}, {`"at+\u212awt"`, wrong, wrong}, {`"id+jwt"`, wrong, wrong}, {
			`"access_token"`, wrong, wrong,
		}, {`"at-jwt"`, wrong, wrong}, {`"*"`, wrong, wrong},
		{`null`, malformed, malformed}, {`true`, malformed, malformed}, {`1`, malformed, malformed}, {`["at+jwt"]`, malformed, malformed}, {
			`{"at+jwt":1}`, malformed, malformed,
		},
	}
	for _, row := range rows {
		header := `{"alg":"EdDSA","kid":"ed"}`
		if row.typ != "" {
			header = `{"alg":"EdDSA","kid":"ed","typ":` + row.typ + `}`
		}
		token := testkit.Sign(header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey())
		t.Run(row.typ, func(t *testing.T) {
			kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) { kit.WantOutcome(t, v, token, row.any) })
			kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }, func(t *testing.T, v *middleware.Validator) {
				kit.WantOutcome(t, v, token, row.rfc9068)
			})
		})
	}
}

// RFC 9068 section 2.2, each required claim dropped and emptied.
func TestRFC9068WantsEveryClaim(t *testing.T) {
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }, func(t *testing.T, v *middleware.Validator) {
		for _, claim := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
			t.Run("without "+claim, func(t *testing.T) {
				want := middleware.ReasonMissingClaim
				if claim == "aud" {
					want = middleware.ReasonAudience
				}
				kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{claim: nil})), kit.BadToken, want)
			})
			t.Run("null as "+claim, func(t *testing.T) {
				want := middleware.ReasonMissingClaim // null is absent
				if claim == "aud" {
					want = middleware.ReasonAudience
				}
				kit.WantRefused(t, v, kit.MintText(kit.WithJSON(kit.GoodClaims(kit.Claims{claim: nil}), claim, "null")), kit.BadToken, want)
			})
		}
		for _, claim := range []string{"sub", "client_id", "jti"} {
			kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{claim: ""})), kit.BadToken, middleware.ReasonMissingClaim) // an empty one says nothing
		}
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"nbf": nil, "scope": nil, "acr": nil})))
	})
	// An audience may be replaced in AnyAccessToken; the profile requires aud all the same.
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Profile, cfg.Issuers[0].AllowedClients = middleware.RFC9068, []string{"client-1"}
	}, func(t *testing.T, v *middleware.Validator) {
		kit.WantRefused(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"aud": nil})), kit.BadToken, middleware.ReasonMissingClaim)
		kit.WantAdmitted(t, v, kit.Mint(kit.GoodClaims(kit.Claims{"aud": "whatever"})))
	})
}

// The type is judged before any key is looked up: a forged or unverifiable token of another kind costs nothing.
func TestTypeIsJudgedBeforeKeys(t *testing.T) {
	keys := &kit.CountedKeys{Set: testkit.KeySet()}
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
		for _, typ := range []string{"logout+jwt", "dpop+jwt", "x"} {
			kit.WantRefused(t, v, kit.MintTyped(typ, kit.GoodClaims(nil)), kit.BadToken, middleware.ReasonTokenType)
		}
		kit.WantRefused(
			t, v, testkit.Sign(`{"alg":"EdDSA","kid":"ed","typ":""}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
			kit.BadToken, middleware.ReasonTokenType,
		)
		kit.WantRefused(t, v, kit.MintTyped("JWT", kit.GoodClaims(kit.Claims{"nonce": "n", "scope": nil})), kit.BadToken, middleware.ReasonTokenType)
		if n := keys.Asked.Load(); n != 0 {
			t.Errorf("the key source was asked %d times", n)
		}
	})
}
