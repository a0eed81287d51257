package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// A Reason without a code decides the status by itself; what a Guard could not judge must never look like a fault of
// the caller, nor the reverse.
func TestReasonStatus(t *testing.T) {
	for reason, want := range map[middleware.Reason]int{
		middleware.ReasonNoToken:                  401,
		middleware.ReasonPreflight:                401,
		middleware.ReasonOtherScheme:              401,
		middleware.ReasonCrossOrigin:              403,
		middleware.ReasonKeysUnavailable:          503,
		middleware.ReasonIntrospectionUnavailable: 503,
		middleware.ReasonRuleUnavailable:          503,
		middleware.ReasonClosed:                   503,
		middleware.ReasonInternal:                 500,
		"":                                        500,
	} {
		if got := (&middleware.Error{Reason: reason}).Status(); got != want {
			t.Errorf("%q: got %d, want %d", reason, got, want)
		}
	}
}

// refusal is the shortest way to a Reason.
type refusal struct {
	reason middleware.Reason
	want   string
	token  string
	change func(*middleware.Config)
	guard  func(*middleware.Validator) *middleware.Guard
}

// refusals are one for each Reason. Together they show that the set is whole.
func refusals() []refusal {
	ed := func(header string, c claims) string { return sign(header, string(toJSON(c)), edKey()) }
	require := func(v *middleware.Validator) *middleware.Guard { return v.Require() }
	return []refusal{
		{middleware.ReasonMalformedRequest, "400 invalid_request", "a b", nil, require},
		{middleware.ReasonTokenTooLong, "400 invalid_request", "abc", func(cfg *middleware.Config) { cfg.MaxTokenBytes = 2 }, require},
		{middleware.ReasonMalformed, "401 invalid_token", "a..b", nil, require},
		{middleware.ReasonEncrypted, "401 invalid_token", "eyJhbGciOiJSU0EtT0FFUCJ9.a.b.c.d", nil, require},
		{middleware.ReasonHeader, "401 invalid_token", ed(`{"alg":"EdDSA","crit":["x"]}`, good(nil)), nil, require},
		{middleware.ReasonAlgorithm, "401 invalid_token", ed(`{"alg":"none"}`, good(nil)), nil, require},
		{middleware.ReasonTokenType, "401 invalid_token", ed(`{"alg":"EdDSA","typ":"logout+jwt"}`, good(nil)), nil, require},
		{middleware.ReasonUnknownIssuer, "401 invalid_token", mint(good(claims{"iss": "https://evil.example"})), nil, require},
		{middleware.ReasonTenant, "401 invalid_token", mint(good(claims{"iss": "https://login/t1", "tid": "t2"})), func(cfg *middleware.Config) {
			cfg.Issuers[0].URL = "https://login/{tenantid}"
			cfg.Issuers[0].AllowTenant = func(context.Context, string) bool { return true }
		}, require},
		{middleware.ReasonUnknownKey, "401 invalid_token", ed(`{"alg":"EdDSA","kid":"other"}`, good(nil)), nil, require},
		{middleware.ReasonSignature, "401 invalid_token", sign(edHeader, string(toJSON(good(nil))), strangeKey()), nil, require},
		{middleware.ReasonMalformedClaim, "401 invalid_token", mint(good(claims{"sub": 7})), nil, require},
		{middleware.ReasonMissingClaim, "401 invalid_token", mint(good(claims{"exp": nil})), nil, require},
		{middleware.ReasonExpired, "401 invalid_token", mint(good(claims{"exp": now.Unix() - 60})), nil, require},
		{middleware.ReasonNotYetValid, "401 invalid_token", mint(good(claims{"nbf": now.Unix() + 60})), nil, require},
		{middleware.ReasonIssuedInFuture, "401 invalid_token", mint(good(claims{"iat": now.Unix() + 60})), nil, require},
		{middleware.ReasonAudience, "401 invalid_token", mint(good(claims{"aud": "other"})), nil, require},
		{middleware.ReasonClient, "401 invalid_token", mint(good(nil)), func(cfg *middleware.Config) { cfg.Issuers[0].AllowedClients = []string{"client-2"} }, require},
		{middleware.ReasonConfirmation, "401 invalid_token", mint(good(claims{"cnf": claims{"jkt": "x"}})), nil, require},
		{middleware.ReasonNotAccepted, "401 invalid_token", mint(good(nil)), func(cfg *middleware.Config) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { return errors.New("no") }
		}, require},
		{middleware.ReasonNotIntrospected, "401 invalid_token", "opaque", nil, require},
		{middleware.ReasonInactive, "401 invalid_token", "opaque", func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = fixedAnswer{answer: `{"active":false}`} }, require},
		{middleware.ReasonIntrospectionUnavailable, "503", "opaque", func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = fixedAnswer{err: errors.New("down")} }, require},
		{middleware.ReasonRuleUnavailable, "503", mint(good(nil)), func(cfg *middleware.Config) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { return fmt.Errorf("down: %w", middleware.ErrUnavailable) }
		}, require},
		{middleware.ReasonScope, "403 insufficient_scope", mint(good(nil)), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require("admin") }},
		{middleware.ReasonRole, "403 insufficient_scope", mint(good(nil)), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require().AnyRole("admin") }},
		{middleware.ReasonACR, "401 insufficient_user_authentication", mint(good(nil)), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require().ACR("gold") }},
		{middleware.ReasonAuthTime, "401 insufficient_user_authentication", mint(good(nil)), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require().MaxAge(60e9) }},
		{middleware.ReasonRule, "403 insufficient_scope", mint(good(nil)), nil, func(v *middleware.Validator) *middleware.Guard {
			return v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return errors.New("no") })
		}},
		{middleware.ReasonClosed, "503", mint(good(nil)), nil, func(v *middleware.Validator) *middleware.Guard { _ = v.Close(); return v.Require() }},
		{middleware.ReasonInternal, "500", mint(good(nil)), nil, func(*middleware.Validator) *middleware.Guard { return nil }},
	}
}

func TestReasons(t *testing.T) {
	for _, row := range refusals() {
		t.Run(string(row.reason), func(t *testing.T) {
			g := row.guard(validator(t, row.change))
			if got := serve(g, bearer(row.token)); got.String() != row.want {
				t.Errorf("got %v, want %s", got, row.want)
			}
			if got := reasonOf(t, g, bearer(row.token)); got != row.reason {
				t.Errorf("reason is %q, want %q", got, row.reason)
			}
		})
	}
}
