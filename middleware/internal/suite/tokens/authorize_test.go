package tokens_test

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
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestGoodToken(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for range 2 { // the second one comes from the cache
		got := kit.Serve(v.Require("read"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
		if got.String() != "200" {
			t.Fatalf("got %v, %v", got, kit.ReasonOf(t, v.Require("read"), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))))
		}
		if got.Token.Subject != "user-1" || !got.Token.Scopes.HasAll("read", "write") {
			t.Errorf("token is %+v", got.Token)
		}
		c, err := middleware.ClaimsFromContext[struct {
			Sub string `json:"sub"`
		}](got.Context)
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
	header  kit.Claims
	claims  kit.Claims
	key     any
	wrap    func(token string) string
}

// faults stand in the order in which they are to be found: the syntax of the request, the form of the token, where it
// comes from and what it is, its signature, its claims, the time, the issuer's own check, and the route's needs.
var faults = []fault{
	{
		name: "a character outside token68", outcome: "400 invalid_request", reason: middleware.ReasonMalformedRequest,
		wrap: func(token string) string { return token + "," },
	},
	{name: "a JWE", outcome: kit.BadToken, reason: middleware.ReasonEncrypted, wrap: func(token string) string { return token + ".AA.AA" }},
	{name: "crit", outcome: kit.BadToken, reason: middleware.ReasonHeader, header: kit.Claims{"crit": []string{"x"}}},
	{name: "a look-alike of a claim", outcome: kit.BadToken, reason: middleware.ReasonMalformed, claims: kit.Claims{"Iss": "x"}},
	{name: "an unknown issuer", outcome: kit.BadToken, reason: middleware.ReasonUnknownIssuer, claims: kit.Claims{"iss": "https://evil.example"}},
	{name: "another kind of token", outcome: kit.BadToken, reason: middleware.ReasonTokenType, header: kit.Claims{"typ": "logout+jwt"}},
	{name: "an algorithm of no list", outcome: kit.BadToken, reason: middleware.ReasonAlgorithm, header: kit.Claims{"alg": "none"}},
	{name: "an unknown key", outcome: kit.BadToken, reason: middleware.ReasonUnknownKey, header: kit.Claims{"kid": "stranger"}},
	{name: "a forged signature", outcome: kit.BadToken, reason: middleware.ReasonSignature, key: testkit.StrangeKey()},
	{name: "a malformed claim", outcome: kit.BadToken, reason: middleware.ReasonMalformedClaim, claims: kit.Claims{"sub": 1}},
	{name: "another audience", outcome: kit.BadToken, reason: middleware.ReasonAudience, claims: kit.Claims{"aud": "other"}},
	{name: "a binding", outcome: kit.BadToken, reason: middleware.ReasonConfirmation, claims: kit.Claims{"cnf": kit.Claims{"jkt": "x"}}},
	{name: "an exp that has passed", outcome: kit.BadToken, reason: middleware.ReasonExpired, claims: kit.Claims{"exp": 1}},
	{name: "a subject that the issuer's Accept refuses", outcome: kit.BadToken, reason: middleware.ReasonNotAccepted, claims: kit.Claims{"hd": "evil.example"}},
	{name: "an acr that does not do", outcome: "401 insufficient_user_authentication", reason: middleware.ReasonACR, claims: kit.Claims{"acr": "loa1"}},
	{name: "a scope too few", outcome: "403 insufficient_scope", reason: middleware.ReasonScope, claims: kit.Claims{"scope": "write"}},
	{name: "a rule that says no", outcome: "403 insufficient_scope", reason: middleware.ReasonRule, claims: kit.Claims{"locked": true}},
}

func (f fault) spoil(header, payload kit.Claims, key *any) {
	maps.Copy(header, f.header)
	maps.Copy(payload, f.claims)
	if f.key != nil {
		*key = f.key
	}
}

// Of two faults the one that comes first is told, so that no refusal says anything that was not known to be true, and
// no key is looked up for what could not pass anyway.
func TestFirstOfTwoFaultsDecides(t *testing.T) {
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) {
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
				header, payload := kit.Claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}, kit.GoodClaims(kit.Claims{"acr": "loa2"})
				var key any = testkit.EdKey()
				pair := []fault{second, first}
				if first.name == second.name {
					pair = pair[1:]
				}
				for _, f := range pair {
					f.spoil(header, payload, &key)
				}
				token := testkit.Sign(string(testkit.JSON(header)), string(testkit.JSON(payload)), key)
				for _, f := range pair {
					if f.wrap != nil {
						token = f.wrap(token)
					}
				}
				for range 2 {
					if got := kit.Serve(guard, kit.Bearer(token)).String(); got != first.outcome {
						t.Errorf("%s and %s: outcome is %q, want %q", first.name, second.name, got, first.outcome)
					}
					if got := kit.ReasonOf(t, guard, kit.Bearer(token)); got != first.reason {
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
	kit.WithAndWithoutCache(t, func(cfg *middleware.Config) { cfg.Observe = kit.ObserveInto(&d) }, func(t *testing.T, v *middleware.Validator) {
		for name, row := range map[string]struct {
			token, issuer, subject string
			outcome                middleware.Outcome
		}{
			"good":            {kit.Mint(kit.GoodClaims(nil)), testkit.Issuer, "user-1", middleware.Allowed},
			"expired":         {kit.Mint(kit.GoodClaims(kit.Claims{"exp": 1})), testkit.Issuer, "user-1", middleware.Refused},
			"a scope too few": {kit.Mint(kit.GoodClaims(kit.Claims{"scope": ""})), testkit.Issuer, "user-1", middleware.Forbidden},
			"forged": {
				testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()), testkit.Issuer, "",
				middleware.Refused,
			},
			"of an unknown issuer": {kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://evil.example"})), "", "", middleware.Refused},
			"for another API":      {kit.Mint(kit.GoodClaims(kit.Claims{"aud": "other"})), testkit.Issuer, "", middleware.Refused},
			"malformed":            {"ey.a.b", "", "", middleware.Refused},
			"opaque, and nobody's": {kit.OpaqueToken, "", "", middleware.Refused},
			"under an unknown kid": {
				testkit.Sign(`{"alg":"EdDSA","kid":"x"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()), testkit.Issuer, "",
				middleware.Refused,
			},
			"longer than can be right": {strings.Repeat("A", 20_000), "", "", middleware.Refused},
		} {
			t.Run(name, func(t *testing.T) {
				for range 2 {
					kit.Serve(v.Require("read"), kit.Bearer(row.token))
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
	v := kit.NewValidator(t, nil)
	var first string
	for _, f := range faults {
		if f.outcome != kit.BadToken || f.reason == middleware.ReasonNotAccepted {
			continue
		}
		header, payload := kit.Claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}, kit.GoodClaims(kit.Claims{"canary": "CANARY", "acr": "loa2"})
		var key any = testkit.EdKey()
		f.spoil(header, payload, &key)
		token := testkit.Sign(string(testkit.JSON(header)), string(testkit.JSON(payload)), key)
		if f.wrap != nil {
			token = f.wrap(token)
		}
		got := kit.Serve(v.Require(), kit.Bearer(token))
		body := testkit.Must(io.ReadAll(got.Body))
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
	v := kit.NewValidator(t, nil)
	for _, token := range []string{kit.Mint(kit.GoodClaims(nil)), kit.Mint(kit.GoodClaims(kit.Claims{"exp": 1})), kit.OpaqueToken, "a b", ""} {
		header := http.Header{"Authorization": {"Bearer " + token}}
		_, want := v.Require().Check(kit.Request(http.MethodGet, header))
		ctx, got := v.Require().Authorize(t.Context(), middleware.Credentials{Header: header, Method: http.MethodGet})
		if fmt.Sprint(got) != fmt.Sprint(want) || (ctx == nil) != (got != nil) {
			t.Errorf("%q: Authorize says %v, Check says %v", token, got, want)
		}
	}
}

// CVE-2024-45809, CVE-2021-21378: optional means that there may be no token, never that there may be a bad one.
func TestOptionalGuardRefusesBadTokens(t *testing.T) {
	v := kit.NewValidator(t, nil)
	for _, f := range faults {
		if f.outcome != kit.BadToken || f.reason == middleware.ReasonNotAccepted {
			continue
		}
		header, payload := kit.Claims{"alg": "EdDSA", "kid": "ed", "typ": "at+jwt"}, kit.GoodClaims(nil)
		var key any = testkit.EdKey()
		f.spoil(header, payload, &key)
		token := testkit.Sign(string(testkit.JSON(header)), string(testkit.JSON(payload)), key)
		if f.wrap != nil {
			token = f.wrap(token)
		}
		if got := kit.Serve(v.Optional(), kit.Bearer(token)).String(); got != kit.BadToken {
			t.Errorf("%s: outcome is %q", f.name, got)
		}
	}
	if got := kit.Serve(v.Optional(), kit.Request(http.MethodGet, nil)); got.String() != "200" || got.Token != nil {
		t.Errorf("without a token: %q, %v", got, got.Token)
	}
}
