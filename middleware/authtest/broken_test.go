package authtest_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// flaws are the broken tokens and the check that must find each: were another check to refuse it, a second thing would be
// wrong with the token, and it would prove nothing about the first.
var flaws = map[string]middleware.Reason{
	"a lone dot":                              middleware.ReasonMalformed,
	"two segments":                            middleware.ReasonMalformed,
	"four segments":                           middleware.ReasonMalformed,
	"an empty header":                         middleware.ReasonMalformed,
	"an empty payload":                        middleware.ReasonMalformed,
	"an encrypted token (JWE)":                middleware.ReasonEncrypted,
	"padding after the signature":             middleware.ReasonMalformed,
	"the signature in a second spelling":      middleware.ReasonMalformed,
	"standard base64 in place of base64url":   middleware.ReasonMalformed,
	"longer than any token":                   middleware.ReasonTokenTooLong,
	"alg none":                                middleware.ReasonMalformed, // its third segment is empty
	"alg none with the kid of a key":          middleware.ReasonMalformed,
	"alg nOnE":                                middleware.ReasonMalformed,
	"alg NONE":                                middleware.ReasonMalformed,
	"alg none with a signature":               middleware.ReasonAlgorithm,
	"no alg":                                  middleware.ReasonAlgorithm,
	"an alg that is no text":                  middleware.ReasonAlgorithm,
	"alg in lower case":                       middleware.ReasonAlgorithm,
	"the key of another algorithm":            middleware.ReasonUnknownKey,
	"a critical extension (crit)":             middleware.ReasonHeader,
	"an unencoded payload (b64)":              middleware.ReasonHeader,
	"b64 that is not critical":                middleware.ReasonHeader,
	"a compressed payload (zip)":              middleware.ReasonMalformed,
	"a token inside the token (cty)":          middleware.ReasonHeader,
	"alg twice in the header":                 middleware.ReasonMalformed,
	"alg in two spellings":                    middleware.ReasonMalformed,
	"a header that is an array":               middleware.ReasonInactive, // no JOSE object, so taken for opaque
	"text after the header":                   middleware.ReasonMalformed,
	"an unknown kid":                          middleware.ReasonUnknownKey,
	"a kid that is a path":                    middleware.ReasonUnknownKey,
	"a kid that is no text":                   middleware.ReasonMalformed,
	"somebody else's key under a known kid":   middleware.ReasonSignature,
	"somebody else's key and no kid":          middleware.ReasonSignature,
	"its own key in the header (jwk)":         middleware.ReasonUnknownKey,
	"no signature":                            middleware.ReasonMalformed,
	"an altered signature":                    middleware.ReasonSignature,
	"half a signature":                        middleware.ReasonSignature,
	"a signature of zeros":                    middleware.ReasonSignature,
	"a signature in ASN.1":                    middleware.ReasonSignature,
	"claims changed after signing":            middleware.ReasonSignature,
	"an ID token":                             middleware.ReasonTokenType,
	"a logout token":                          middleware.ReasonTokenType,
	"a DPoP proof":                            middleware.ReasonTokenType,
	"an introspection answer":                 middleware.ReasonTokenType,
	"a refresh token that says so":            middleware.ReasonTokenType,
	"a payload that is no JSON":               middleware.ReasonMalformed,
	"a payload that is null":                  middleware.ReasonMalformed,
	"a payload that is an array":              middleware.ReasonMalformed,
	"text after the payload":                  middleware.ReasonMalformed,
	"a claim twice":                           middleware.ReasonMalformed,
	"a claim in two spellings":                middleware.ReasonMalformed,
	"bytes that are no text":                  middleware.ReasonMalformed,
	"JSON deeper than any claim":              middleware.ReasonMalformed,
	"no issuer":                               middleware.ReasonMissingClaim,
	"another issuer":                          middleware.ReasonUnknownIssuer,
	"the issuer with a slash at its end":      middleware.ReasonUnknownIssuer,
	"a list of issuers":                       middleware.ReasonMalformedClaim,
	"no audience":                             middleware.ReasonAudience,
	"another audience":                        middleware.ReasonAudience,
	"an empty audience":                       middleware.ReasonAudience,
	"the audience with a slash at its end":    middleware.ReasonAudience,
	"the beginning of the audience":           middleware.ReasonAudience,
	"the audience inside a longer text":       middleware.ReasonAudience,
	"an audience that is an object":           middleware.ReasonMalformedClaim,
	"expired":                                 middleware.ReasonExpired,
	"no expiry":                               middleware.ReasonMissingClaim,
	"an expiry that is text":                  middleware.ReasonMalformedClaim,
	"an expiry beyond all time":               middleware.ReasonMalformedClaim,
	"an expiry of zero":                       middleware.ReasonExpired,
	"not yet valid":                           middleware.ReasonNotYetValid,
	"not valid before the end of all time":    middleware.ReasonMalformedClaim,
	"issued in the future":                    middleware.ReasonIssuedInFuture,
	"a subject that is no text":               middleware.ReasonMalformedClaim,
	"bound to a key, without a proof":         middleware.ReasonConfirmation,
	"bound to nothing":                        middleware.ReasonConfirmation,
	"an opaque token that nobody made":        middleware.ReasonInactive,
	"an opaque token for another audience":    middleware.ReasonAudience,
	"an opaque token that is a refresh token": middleware.ReasonTokenType,
	"a revoked opaque token":                  middleware.ReasonInactive,

	"HS256 with the public key as PEM for its secret": middleware.ReasonAlgorithm,
	"HS256 with the public key as DER for its secret": middleware.ReasonAlgorithm,
	"HS256 with the JWK for its secret":               middleware.ReasonAlgorithm,
	"HS256 with an empty secret":                      middleware.ReasonAlgorithm,
	"an algorithm and the key of a larger curve":      middleware.ReasonUnknownKey,
	"the address of its own key in the header (jku)":  middleware.ReasonSignature,
}

func TestBrokenTokensAreRefusedByTheCheckTheyAreMadeFor(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	cfg := issuer.Config(api)
	var decision middleware.Decision
	cfg.Observe = func(_ context.Context, d middleware.Decision) { decision = d }
	_, call := newAPI(t, cfg)
	want(t, call(issuer.Token(nil)), http.StatusOK)

	seen := make(map[string]bool)
	for name, token := range issuer.Broken() {
		seen[name] = true
		status := http.StatusUnauthorized
		if name == "longer than any token" {
			status = http.StatusBadRequest
		}
		w := call(token)
		if w.Code != status || decision.Reason != flaws[name] {
			t.Errorf("%s: status %d (%s), want %d (%s): %v", name, w.Code, decision.Reason, status, flaws[name], decision.Err)
		}
	}
	for name := range flaws {
		if !seen[name] {
			t.Errorf("%s: there is no such token", name)
		}
	}
	want(t, call(issuer.Token(nil)), http.StatusOK)
}

func TestBrokenTokensAreRefusedWhoeverJudgesJWTs(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	for name, mode := range map[string]middleware.JWTMode{
		"verified and introspected": middleware.VerifyAndIntrospectJWTs,
		"introspected only":         middleware.IntrospectJWTs,
	} {
		cfg := issuer.Config(api)
		cfg.Issuers[0].JWTs = mode
		_, call := newAPI(t, cfg)
		want(t, call(issuer.Token(nil)), http.StatusOK)
		for flaw, token := range issuer.Broken() {
			if w := call(token); w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest {
				t.Errorf("%s, %s: status %d", name, flaw, w.Code)
			}
		}
	}
}

func TestBrokenTokensFollowTheClock(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	issuer.SetClock(func() time.Time { return time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC) })
	for name, token := range issuer.Broken() {
		if w := call(token); w.Code != http.StatusUnauthorized && w.Code != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, w.Code)
		}
	}
}

func TestBrokenMayBeLeftEarly(t *testing.T) {
	t.Parallel()
	for name := range authtest.NewIssuer(t).Broken() {
		if name != "a lone dot" {
			t.Fatalf("it went on to %s", name)
		}
		break
	}
}
