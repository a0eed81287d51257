package kit

import (
	"context"
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Refusal is the shortest way to a Reason.
type Refusal struct {
	Reason middleware.Reason
	Want   string
	Token  string
	Change func(*middleware.Config)
	Guard  func(*middleware.Validator) *middleware.Guard
}

// Refusals are one for each Reason. Together they show that the set is whole.
func Refusals() []Refusal {
	ed := func(header string, c Claims) string {
		return testkit.Sign(header, string(testkit.JSON(c)), testkit.EdKey())
	}
	require := func(v *middleware.Validator) *middleware.Guard { return v.Require() }
	return []Refusal{
		{middleware.ReasonMalformedRequest, "400 invalid_request", "a b", nil, require},
		{middleware.ReasonTokenTooLong, "400 invalid_request", "abc", func(cfg *middleware.Config) { cfg.MaxTokenBytes = 2 }, require},
		{middleware.ReasonMalformed, "401 invalid_token", "a..b", nil, require},
		{middleware.ReasonEncrypted, "401 invalid_token", "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", nil, require},
		{middleware.ReasonHeader, "401 invalid_token", ed(`{"alg":"EdDSA","crit":["x"]}`, GoodClaims(nil)), nil, require},
		{middleware.ReasonAlgorithm, "401 invalid_token", ed(`{"alg":"none"}`, GoodClaims(nil)), nil, require},
		{middleware.ReasonTokenType, "401 invalid_token", ed(`{"alg":"EdDSA","typ":"logout+jwt"}`, GoodClaims(nil)), nil, require},
		{middleware.ReasonUnknownIssuer, "401 invalid_token", Mint(GoodClaims(Claims{"iss": "https://evil.example"})), nil, require},
		{middleware.ReasonTenant, "401 invalid_token", Mint(GoodClaims(Claims{"iss": "https://login/t1", "tid": "t2"})), func(cfg *middleware.Config) {
			cfg.Issuers[0].URL = "https://login/{tenantid}"
			cfg.Issuers[0].AllowTenant = func(context.Context, string) bool { return true }
		}, require},
		{middleware.ReasonUnknownKey, "401 invalid_token", ed(`{"alg":"EdDSA","kid":"other"}`, GoodClaims(nil)), nil, require},
		{middleware.ReasonSignature, "401 invalid_token", testkit.Sign(Ed25519Header, string(testkit.JSON(GoodClaims(nil))), testkit.StrangeKey()), nil, require},
		{middleware.ReasonMalformedClaim, "401 invalid_token", Mint(GoodClaims(Claims{"sub": 7})), nil, require},
		{middleware.ReasonMissingClaim, "401 invalid_token", Mint(GoodClaims(Claims{"exp": nil})), nil, require},
		{middleware.ReasonExpired, "401 invalid_token", Mint(GoodClaims(Claims{"exp": testkit.Now.Unix() - 60})), nil, require},
		{middleware.ReasonNotYetValid, "401 invalid_token", Mint(GoodClaims(Claims{"nbf": testkit.Now.Unix() + 60})), nil, require},
		{middleware.ReasonIssuedInFuture, "401 invalid_token", Mint(GoodClaims(Claims{"iat": testkit.Now.Unix() + 60})), nil, require},
		{middleware.ReasonAudience, "401 invalid_token", Mint(GoodClaims(Claims{"aud": "other"})), nil, require},
		{
			middleware.ReasonClient, "401 invalid_token", Mint(GoodClaims(nil)),
			func(cfg *middleware.Config) { cfg.Issuers[0].AllowedClients = []string{"client-2"} }, require,
		},
		{middleware.ReasonConfirmation, "401 invalid_token", Mint(GoodClaims(Claims{"cnf": Claims{"jkt": "x"}})), nil, require},
		{middleware.ReasonNotAccepted, "401 invalid_token", Mint(GoodClaims(nil)), func(cfg *middleware.Config) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { return errors.New("no") }
		}, require},
		{middleware.ReasonNotIntrospected, "401 invalid_token", "opaque", nil, require},
		{
			middleware.ReasonInactive, "401 invalid_token", "opaque",
			func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = FixedAnswer{Answer: `{"active":false}`} }, require,
		},
		{
			middleware.ReasonIntrospectionUnavailable, "503", "opaque",
			func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = FixedAnswer{Err: errors.New("down")} }, require,
		},
		{middleware.ReasonRuleUnavailable, "503", Mint(GoodClaims(nil)), func(cfg *middleware.Config) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { return fmt.Errorf("down: %w", middleware.ErrUnavailable) }
		}, require},
		{middleware.ReasonScope, "403 insufficient_scope", Mint(GoodClaims(nil)), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require("admin") }},
		{
			middleware.ReasonRole, "403 insufficient_scope", Mint(GoodClaims(nil)), nil,
			func(v *middleware.Validator) *middleware.Guard { return v.Require().AnyRole("admin") },
		},
		{
			middleware.ReasonACR, "401 insufficient_user_authentication", Mint(GoodClaims(nil)), nil,
			func(v *middleware.Validator) *middleware.Guard { return v.Require().ACR("gold") },
		},
		{
			middleware.ReasonAuthTime, "401 insufficient_user_authentication", Mint(GoodClaims(nil)), nil,
			func(v *middleware.Validator) *middleware.Guard { return v.Require().MaxAge(60e9) },
		},
		{middleware.ReasonRule, "403 insufficient_scope", Mint(GoodClaims(nil)), nil, func(v *middleware.Validator) *middleware.Guard {
			return v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return errors.New("no") })
		}},
		{middleware.ReasonClosed, "503", Mint(GoodClaims(nil)), nil, func(v *middleware.Validator) *middleware.Guard { _ = v.Close(); return v.Require() }},
		{middleware.ReasonInternal, "500", Mint(GoodClaims(nil)), nil, func(*middleware.Validator) *middleware.Guard { return nil }},
	}
}
