package middleware_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// kinds are the statements that an authorization server, or a client of it, signs beside access tokens. Each is as bad
// as it can be: made by the issuer's own key and, where its claims do not give it away, otherwise good. own is its typ.
var kinds = map[string]struct {
	own    string
	claims claims
}{
	"ID token with nonce":            {"JWT", claims{"nonce": "n", "scope": nil}},
	"ID token with at_hash":          {"JWT", claims{"at_hash": "h"}},
	"ID token with c_hash":           {"JWT", claims{"c_hash": "h", "s_hash": "h"}},
	"ID token with nothing but aud":  {"JWT", claims{"aud": "client-1", "azp": "client-1"}},
	"ID token by token_use":          {"JWT", claims{"token_use": "id"}},
	"ID token by typ (Keycloak)":     {"JWT", claims{"typ": "ID"}},
	"refresh token by typ":           {"rt+jwt", claims{"typ": "Refresh"}},
	"offline token by typ":           {"JWT", claims{"typ": "Offline"}},
	"refresh token by token_use":     {"rt+jwt", claims{"token_use": "refresh"}},
	"refresh token for the server":   {"rt+jwt", claims{"aud": issuer}},
	"logout token":                   {"logout+jwt", claims{"events": claims{"http://schemas.openid.net/event/backchannel-logout": claims{}}, "sid": "s"}},
	"logout token by typ (Keycloak)": {"JWT", claims{"typ": "Logout"}},
	"security event token":           {"secevent+jwt", claims{"events": claims{"urn:e": claims{}}, "toe": 1}},
	"DPoP proof":                     {"dpop+jwt", claims{"htm": "GET", "htu": audience, "ath": "h"}},
	"client assertion":               {"client-authentication+jwt", claims{"iss": "client-1", "sub": "client-1", "aud": issuer}},
	"client assertion for us":        {"client-authentication+jwt", claims{"iss": "client-1", "sub": "client-1"}},
	"request object":                 {"oauth-authz-req+jwt", claims{"response_type": "code", "code_challenge": "c"}},
	"transaction token":              {"txntoken+jwt", claims{"rctx": claims{}, "tctx": claims{}, "txn": "1"}},
	"ID-JAG":                         {"oauth-id-jag+jwt", claims{"aud": "https://other-as.example.com"}},
	"introspection answer":           {"token-introspection+jwt", claims{"token_introspection": claims{"active": true}}},
	"status list":                    {"statuslist+jwt", claims{"status_list": claims{"bits": 1, "lst": "eA"}}},
	"SD-JWT credential":              {"dc+sd-jwt", claims{"vct": "urn:v", "_sd": []string{"d"}, "_sd_alg": "sha-256"}},
	"key binding":                    {"kb+jwt", claims{"sd_hash": "h", "nonce": "n", "scope": nil}},
	"software statement":             {"JWT", claims{"software_statement": "x"}},
}

// GO-2026-5291: rules for different kinds of JWT exclude each other, whatever the typ says.
func TestOnlyAccessTokensPass(t *testing.T) {
	allowedToFail := []middleware.Reason{middleware.ReasonTokenType, middleware.ReasonAudience, middleware.ReasonUnknownIssuer}
	for name, profile := range map[string]middleware.Profile{"AnyAccessToken": middleware.AnyAccessToken, "RFC9068": middleware.RFC9068} {
		eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Profile = profile }, func(t *testing.T, v *middleware.Validator) {
			wantAdmitted(t, v, mint(good(nil)))
			for kind, k := range kinds {
				for _, typ := range []string{"", "JWT", "jwt", "application/jwt", k.own, strings.ToUpper(k.own), "application/" + k.own} {
					t.Run(name+": "+kind+" under typ "+typ, func(t *testing.T) {
						token := mintAs(typ, good(k.claims))
						if got := serve(v.Require(), bearer(token)).String(); got != badToken {
							t.Errorf("outcome is %q", got)
						}
						reason := reasonOf(t, v.Require(), bearer(token))
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
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, marker := range []string{
			"at_hash", "c_hash", "s_hash", "urn:openid:params:jwt:claim:rt_hash", "events", "toe", "htm", "htu", "ath", "token_introspection", "status_list",
			"req_wl", "rctx", "tctx", "response_type", "code_challenge", "vct", "_sd", "_sd_alg", "sd_hash", "logout_token", "software_statement",
		} {
			for _, value := range []string{`"x"`, `""`, "false", "{}", "[]", "0"} {
				text := withText(good(nil), marker, value)
				wantRefused(t, v, sign(`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`, text, edKey()), badToken, middleware.ReasonTokenType)
				wantRefused(t, v, sign(`{"alg":"EdDSA","kid":"ed"}`, text, edKey()), badToken, middleware.ReasonTokenType)
				wantAdmitted(t, v, mintText(text))
			}
			wantRefused(t, v, sign(`{"alg":"EdDSA","kid":"ed"}`, withText(good(nil), strings.ToUpper(marker), "1"), edKey()), badToken, malformed)
			wantAdmitted(t, v, sign(`{"alg":"EdDSA","kid":"ed"}`, withText(good(nil), marker, "null"), edKey())) // null is absent
			wantRefused(t, v, mintAs("JWT", good(claims{"aaa": 1, marker: "x"})), badToken, middleware.ReasonTokenType)
			wantAdmitted(t, v, mintAs("JWT", good(claims{"inside": claims{marker: "not at the top"}})))
		}
	})
}

func TestKindAmongTheClaims(t *testing.T) {
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			claim, value string
			reason       middleware.Reason
		}{
			{"token_use", `"access"`, ""}, {"token_use", `"ACCESS"`, ""}, {"token_use", `"access_token"`, ""},
			{"token_use", `"id"`, middleware.ReasonTokenType}, {"token_use", `"refresh"`, middleware.ReasonTokenType}, {"token_use", `""`, middleware.ReasonTokenType},
			{"token_use", `null`, middleware.ReasonTokenType}, {"token_use", `["access"]`, middleware.ReasonTokenType}, {"token_use", `true`, middleware.ReasonTokenType},
			{"token_use", `"access "`, middleware.ReasonTokenType}, {"token_use", `{"access":1}`, middleware.ReasonTokenType},
			{"typ", `"Bearer"`, ""}, {"typ", `"at+jwt"`, ""}, {"typ", `"anything"`, ""}, {"typ", `"ID"`, middleware.ReasonTokenType}, {"typ", `"id"`, middleware.ReasonTokenType},
			{"typ", `"id_token"`, middleware.ReasonTokenType}, {"typ", `"Refresh"`, middleware.ReasonTokenType}, {"typ", `"refresh_token"`, middleware.ReasonTokenType},
			{"typ", `"Offline"`, middleware.ReasonTokenType}, {"typ", `"Logout"`, middleware.ReasonTokenType}, {"typ", `"I\u0044"`, middleware.ReasonTokenType},
		} {
			t.Run(row.claim+" "+row.value, func(t *testing.T) {
				wantOutcome(t, v, sign(`{"alg":"EdDSA","kid":"ed","typ":"JWT"}`, withText(good(nil), row.claim, row.value), edKey()), row.reason)
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
		{`"at+jwt"`, "", ""}, {`"AT+JWT"`, "", ""}, {`"at+JWT"`, "", ""}, {`"application/at+jwt"`, "", ""}, {`"Application/AT+jwt"`, "", ""}, {`"at\u002bjwt"`, "", ""}, {`"application\/at+jwt"`, "", ""},
		{``, "", wrong}, {`"JWT"`, "", wrong}, {`"jwt"`, "", wrong}, {`"Jwt"`, "", wrong}, {`"application/jwt"`, "", wrong}, {`"APPLICATION/JWT"`, "", wrong},
		{`""`, wrong, wrong}, {`" "`, wrong, wrong}, {`"\t"`, wrong, wrong}, {`"\u0000"`, wrong, wrong}, {`"/"`, wrong, wrong}, {`"APPLICATION/"`, wrong, wrong}, {`"application/ "`, wrong, wrong},
		{`"application/"`, wrong, wrong}, {`"application/application/at+jwt"`, wrong, wrong}, {`"text/at+jwt"`, wrong, wrong}, {`"/at+jwt"`, wrong, wrong}, {`"application/at+jwt/"`, wrong, wrong},
		{`"at+jwt "`, wrong, wrong}, {`" at+jwt"`, wrong, wrong}, {`"at+jwt;x=1"`, wrong, wrong}, {`"at+jwt\u0000"`, wrong, wrong}, {`"at jwt"`, wrong, wrong}, {`"atjwt"`, wrong, wrong}, {`"at"`, wrong, wrong},
		{`"at+jwt,JWT"`, wrong, wrong}, {`"JWT "`, wrong, wrong}, {`"JWS"`, wrong, wrong}, {`"JOSE"`, wrong, wrong}, {`"JOSE+JSON"`, wrong, wrong}, {`"JWE"`, wrong, wrong}, {`"at+jwt+x"`, wrong, wrong},
		{`"ａt+jwt"`, wrong, wrong}, {`"at+\u212awt"`, wrong, wrong}, {`"id+jwt"`, wrong, wrong}, {`"access_token"`, wrong, wrong}, {`"at-jwt"`, wrong, wrong}, {`"*"`, wrong, wrong},
		{`null`, malformed, malformed}, {`true`, malformed, malformed}, {`1`, malformed, malformed}, {`["at+jwt"]`, malformed, malformed}, {`{"at+jwt":1}`, malformed, malformed},
	}
	for _, row := range rows {
		header := `{"alg":"EdDSA","kid":"ed"}`
		if row.typ != "" {
			header = `{"alg":"EdDSA","kid":"ed","typ":` + row.typ + `}`
		}
		token := sign(header, string(toJSON(good(nil))), edKey())
		t.Run(row.typ, func(t *testing.T) {
			eachWay(t, nil, func(t *testing.T, v *middleware.Validator) { wantOutcome(t, v, token, row.any) })
			eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }, func(t *testing.T, v *middleware.Validator) {
				wantOutcome(t, v, token, row.rfc9068)
			})
		})
	}
}

// RFC 9068 section 2.2, each required claim dropped and emptied.
func TestRFC9068WantsEveryClaim(t *testing.T) {
	eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Profile = middleware.RFC9068 }, func(t *testing.T, v *middleware.Validator) {
		for _, claim := range []string{"iss", "exp", "aud", "sub", "client_id", "iat", "jti"} {
			t.Run("without "+claim, func(t *testing.T) {
				want := middleware.ReasonMissingClaim
				if claim == "aud" {
					want = middleware.ReasonAudience
				}
				wantRefused(t, v, mint(good(claims{claim: nil})), badToken, want)
			})
			t.Run("null as "+claim, func(t *testing.T) {
				want := middleware.ReasonMissingClaim // null is absent
				if claim == "aud" {
					want = middleware.ReasonAudience
				}
				wantRefused(t, v, mintText(withText(good(claims{claim: nil}), claim, "null")), badToken, want)
			})
		}
		for _, claim := range []string{"sub", "client_id", "jti"} {
			wantRefused(t, v, mint(good(claims{claim: ""})), badToken, middleware.ReasonMissingClaim) // an empty one says nothing
		}
		wantAdmitted(t, v, mint(good(claims{"nbf": nil, "scope": nil, "acr": nil})))
	})
	// An audience may be replaced in AnyAccessToken; the profile requires aud all the same.
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Profile, cfg.Issuers[0].AllowedClients = middleware.RFC9068, []string{"client-1"}
	}, func(t *testing.T, v *middleware.Validator) {
		wantRefused(t, v, mint(good(claims{"aud": nil})), badToken, middleware.ReasonMissingClaim)
		wantAdmitted(t, v, mint(good(claims{"aud": "whatever"})))
	})
}

// The type is judged before any key is looked up: a forged or unverifiable token of another kind costs nothing.
func TestTypeIsJudgedBeforeKeys(t *testing.T) {
	keys := &countedKeys{Set: keySet()}
	eachWay(t, func(cfg *middleware.Config) { cfg.Issuers[0].Keys = keys }, func(t *testing.T, v *middleware.Validator) {
		for _, typ := range []string{"logout+jwt", "dpop+jwt", "x"} {
			wantRefused(t, v, mintAs(typ, good(nil)), badToken, middleware.ReasonTokenType)
		}
		wantRefused(t, v, sign(`{"alg":"EdDSA","kid":"ed","typ":""}`, string(toJSON(good(nil))), edKey()), badToken, middleware.ReasonTokenType)
		wantRefused(t, v, mintAs("JWT", good(claims{"nonce": "n", "scope": nil})), badToken, middleware.ReasonTokenType)
		if n := keys.asked.Load(); n != 0 {
			t.Errorf("the key source was asked %d times", n)
		}
	})
}
