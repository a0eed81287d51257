package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

func TestGoodToken(t *testing.T) {
	v := validator(t, nil)
	for range 2 { // the second one comes from the cache
		got := serve(v.Require("read"), bearer(mint(good(nil))))
		if got.String() != "200" {
			t.Fatalf("got %v, %v", got, reasonOf(t, v.Require("read"), bearer(mint(good(nil)))))
		}
		if got.token.Subject != "user-1" || !got.token.Scopes.HasAll("read", "write") {
			t.Errorf("token is %+v", got.token)
		}
		c, err := middleware.ClaimsFromContext[struct {
			Sub string `json:"sub"`
		}](got.context)
		if err != nil || c.Sub != "user-1" {
			t.Errorf("claims are %+v, %v", c, err)
		}
	}
}

// fault spoils one thing about a token.
type fault struct {
	name    string
	outcome string
	reason  middleware.Reason
	header  claims
	claims  claims
	key     any
	wrap    func(token string) string
}

// faults stand in the order in which they are to be found: the syntax of the request, the form of the token, where it
// comes from and what it is, its signature, its claims, the time, the issuer's own check, and the route's needs.
var faults = []fault{
	{name: "a character outside token68", outcome: "400 invalid_request", reason: middleware.ReasonMalformedRequest, wrap: func(token string) string { return token + "," }},
	{name: "a JWE", outcome: badToken, reason: middleware.ReasonEncrypted, wrap: func(token string) string { return token + ".AA.AA" }},
	{name: "crit", outcome: badToken, reason: middleware.ReasonHeader, header: claims{"crit": []string{"x"}}},
	{name: "a look-alike of a claim", outcome: badToken, reason: middleware.ReasonMalformed, claims: claims{"Iss": "x"}},
	{name: "an unknown issuer", outcome: badToken, reason: middleware.ReasonUnknownIssuer, claims: claims{"iss": "https://evil.example"}},
	{name: "another kind of token", outcome: badToken, reason: middleware.ReasonTokenType, header: claims{"typ": "logout+jwt"}},
	{name: "an algorithm of no list", outcome: badToken, reason: middleware.ReasonAlgorithm, header: claims{"alg": "none"}},
	{name: "an unknown key", outcome: badToken, reason: middleware.ReasonUnknownKey, header: claims{"kid": "stranger"}},
	{name: "a forged signature", outcome: badToken, reason: middleware.ReasonSignature, key: strangeKey()},
	{name: "a malformed claim", outcome: badToken, reason: middleware.ReasonMalformedClaim, claims: claims{"sub": 1}},
	{name: "another audience", outcome: badToken, reason: middleware.ReasonAudience, claims: claims{"aud": "other"}},
	{name: "a binding", outcome: badToken, reason: middleware.ReasonConfirmation, claims: claims{"cnf": claims{"jkt": "x"}}},
	{name: "an exp that has passed", outcome: badToken, reason: middleware.ReasonExpired, claims: claims{"exp": 1}},
	{name: "a subject that the issuer's Accept refuses", outcome: badToken, reason: middleware.ReasonNotAccepted, claims: claims{"hd": "evil.example"}},
	{name: "an acr that does not do", outcome: "401 insufficient_user_authentication", reason: middleware.ReasonACR, claims: claims{"acr": "loa1"}},
	{name: "a scope too few", outcome: "403 insufficient_scope", reason: middleware.ReasonScope, claims: claims{"scope": "write"}},
	{name: "a rule that says no", outcome: "403 insufficient_scope", reason: middleware.ReasonRule, claims: claims{"locked": true}},
}

func (f fault) spoil(header, payload claims, key *any) {
	maps.Copy(header, f.header)
	maps.Copy(payload, f.claims)
	if f.key != nil {
		*key = f.key
	}
}

// Of two faults the one that comes first is told, so that no refusal says anything that was not known to be true, and
// no key is looked up for what could not pass anyway.
func TestFirstOfTwoFaultsDecides(t *testing.T) {
	eachWay(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Accept = func(token *middleware.Token) error {
			var own struct {
				HD string `json:"hd"`
			}
			if err := token.Claims(&own); err != nil || own.HD != "" {
				return errors.New("another domain")
			}
			return nil
		}
	}, func(t *testing.T, v *middleware.Validator) {
		guard := v.Require("read").ACR("loa2").Allow(func(_ context.Context, token *middleware.Token, _ middleware.Credentials) error {
			var own struct {
				Locked bool `json:"locked"`
			}
			if err := token.Claims(&own); err != nil || own.Locked {
				return errors.New("locked")
			}
			return nil
		})
		for i, first := range faults {
			for _, second := range faults[i:] {
				header, payload := claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}, good(claims{"acr": "loa2"})
				var key any = edKey()
				pair := []fault{second, first}
				if first.name == second.name {
					pair = pair[1:]
				}
				for _, f := range pair {
					f.spoil(header, payload, &key)
				}
				token := sign(string(toJSON(header)), string(toJSON(payload)), key)
				for _, f := range pair {
					if f.wrap != nil {
						token = f.wrap(token)
					}
				}
				for range 2 {
					if got := serve(guard, bearer(token)).String(); got != first.outcome {
						t.Errorf("%s and %s: outcome is %q, want %q", first.name, second.name, got, first.outcome)
					}
					if got := reasonOf(t, guard, bearer(token)); got != first.reason {
						t.Errorf("%s and %s: reason is %q, want %q", first.name, second.name, got, first.reason)
					}
				}
			}
		}
	})
}

// What a Decision tells about a token is known to be true: subjects of forged tokens would make an audit log lie.
func TestDecisionTellsWhatWasVerified(t *testing.T) {
	var d middleware.Decision
	eachWay(t, func(cfg *middleware.Config) { cfg.Observe = observeInto(&d) }, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			token, issuer, subject string
			outcome                middleware.Outcome
		}{
			"good":                     {mint(good(nil)), issuer, "user-1", middleware.Allowed},
			"expired":                  {mint(good(claims{"exp": 1})), issuer, "user-1", middleware.Refused},
			"a scope too few":          {mint(good(claims{"scope": ""})), issuer, "user-1", middleware.Forbidden},
			"forged":                   {sign(edHeader, string(toJSON(good(nil))), strangeKey()), issuer, "", middleware.Refused},
			"of an unknown issuer":     {mint(good(claims{"iss": "https://evil.example"})), "", "", middleware.Refused},
			"for another API":          {mint(good(claims{"aud": "other"})), issuer, "", middleware.Refused},
			"malformed":                {"ey.a.b", "", "", middleware.Refused},
			"opaque, and nobody's":     {opaque, "", "", middleware.Refused},
			"under an unknown kid":     {sign(`{"alg":"EdDSA","kid":"x"}`, string(toJSON(good(nil))), edKey()), issuer, "", middleware.Refused},
			"longer than can be right": {strings.Repeat("A", 20_000), "", "", middleware.Refused},
		} {
			t.Run(name, func(t *testing.T) {
				for range 2 {
					serve(v.Require("read"), bearer(row.token))
					if d.Issuer != row.issuer || d.Subject != row.subject || d.Outcome != row.outcome || (d.Err == nil) != (row.outcome == middleware.Allowed) {
						t.Errorf("decision is %+v", d)
					}
					if d.TokenID != "" != (row.subject != "") || d.ClientID != "" != (row.subject != "") {
						t.Errorf("decision names token %q of client %q", d.TokenID, d.ClientID)
					}
				}
			})
		}
	})
}

// Whoever is refused learns nothing from how, and nothing comes back that was sent.
func TestRefusalsOfTokensAreNoOracle(t *testing.T) {
	v := validator(t, nil)
	var first string
	for _, f := range faults {
		if f.outcome != badToken || f.reason == middleware.ReasonNotAccepted {
			continue
		}
		header, payload := claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}, good(claims{"canary": "CANARY", "acr": "loa2"})
		var key any = edKey()
		f.spoil(header, payload, &key)
		token := sign(string(toJSON(header)), string(toJSON(payload)), key)
		if f.wrap != nil {
			token = f.wrap(token)
		}
		got := serve(v.Require(), bearer(token))
		body := must(io.ReadAll(got.Body))
		answer := fmt.Sprint(got.StatusCode, got.Header, string(body))
		if first == "" {
			first = answer
		}
		if answer != first {
			t.Errorf("%s is answered with %s, others with %s", f.name, answer, first)
		}
	}
}

// Transports without net/http get the same decision.
func TestAuthorizeDecidesAsCheckDoes(t *testing.T) {
	v := validator(t, nil)
	for _, token := range []string{mint(good(nil)), mint(good(claims{"exp": 1})), opaque, "a b", ""} {
		header := http.Header{"Authorization": {"Bearer " + token}}
		_, want := v.Require().Check(request(http.MethodGet, header))
		ctx, got := v.Require().Authorize(t.Context(), middleware.Credentials{Header: header, Method: http.MethodGet})
		if fmt.Sprint(got) != fmt.Sprint(want) || (ctx == nil) != (got != nil) {
			t.Errorf("%q: Authorize says %v, Check says %v", token, got, want)
		}
	}
}

// CVE-2024-45809, CVE-2021-21378: optional means that there may be no token, never that there may be a bad one.
func TestOptionalGuardRefusesBadTokens(t *testing.T) {
	v := validator(t, nil)
	for _, f := range faults {
		if f.outcome != badToken || f.reason == middleware.ReasonNotAccepted {
			continue
		}
		header, payload := claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}, good(nil)
		var key any = edKey()
		f.spoil(header, payload, &key)
		token := sign(string(toJSON(header)), string(toJSON(payload)), key)
		if f.wrap != nil {
			token = f.wrap(token)
		}
		if got := serve(v.Optional(), bearer(token)).String(); got != badToken {
			t.Errorf("%s: outcome is %q", f.name, got)
		}
	}
	if got := serve(v.Optional(), request(http.MethodGet, nil)); got.String() != "200" || got.token != nil {
		t.Errorf("without a token: %q, %v", got, got.token)
	}
}
