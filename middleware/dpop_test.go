package middleware_test

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

func TestABoundTokenPassesWithItsProof(t *testing.T) {
	for name, key := range map[string]crypto.Signer{"Ed25519": edKey(), "P-256": p256Key(), "RSA": rsaKey()} {
		t.Run(name, func(t *testing.T) {
			guard := withDPoP(t, nil).Require("read")
			for range 3 { // the second time token and key are known
				wantServed(t, guard, proven(key), "200", "")
			}
		})
	}
}

// RFC 9110 section 11.1: schemes have no case.
func TestTheSchemeHasNoCase(t *testing.T) {
	for _, scheme := range []string{"DPoP", "dpop", "DPOP", "dPoP"} {
		r := proven(edKey())
		r.Header.Set("Authorization", scheme+r.Header.Get("Authorization")[len("DPoP"):])
		wantServed(t, withDPoP(t, nil).Require(), r, "200", "")
	}
}

// RFC 9449 sections 7.1 and 7.2: neither kind of token passes as the other.
func TestDowngrades(t *testing.T) {
	bound, plain := mint(good(boundTo(edKey()))), mint(good(nil))
	proofOf := func(token string) string { return proof{key: edKey(), token: token}.String() }
	asBearer := func(token string, proofs ...string) *http.Request {
		r := dpopRequest(token, proofs...)
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	for _, row := range []struct {
		name    string
		request *http.Request
		outcome string
		reason  middleware.Reason
	}{
		{"a bound token as Bearer without a proof", asBearer(bound), badToken, middleware.ReasonConfirmation},
		{"a bound token as Bearer with a good proof", asBearer(bound, proofOf(bound)), badToken, middleware.ReasonConfirmation},
		{"a plain token with the DPoP scheme and the attacker's proof", dpopRequest(plain, proofOf(plain)), badToken, middleware.ReasonConfirmation},
		{"a plain token with the DPoP scheme alone", dpopRequest(plain), badToken, middleware.ReasonConfirmation},
		{"a plain token as Bearer", asBearer(plain), "200", ""},
		{"a plain token as Bearer beside a proof that nobody needs", asBearer(plain, "x"), "200", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			eachWay(t, public, func(t *testing.T, v *middleware.Validator) {
				guard := v.Require()
				for range 2 {
					wantServed(t, guard, row.request, row.outcome, row.reason)
				}
			})
		})
	}
}

// A downgrade with the token elsewhere: a cookie is no DPoP scheme.
func TestABoundTokenInACookieIsADowngrade(t *testing.T) {
	v := withDPoP(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("session")}
	})
	token := mint(good(boundTo(edKey())))
	r := request(http.MethodGet, fields("Cookie", "session="+token, "DPoP", proof{key: edKey(), token: token}.String()))
	wantServed(t, v.Require(), r, badToken, middleware.ReasonConfirmation)
}

func TestWithoutPublicURL(t *testing.T) {
	v := validator(t, nil)
	token := mint(good(boundTo(edKey())))
	t.Run("a bound token as Bearer is refused", func(t *testing.T) {
		wantServed(t, v.Require(), bearer(token), badToken, middleware.ReasonConfirmation)
	})
	t.Run("the DPoP scheme is not accepted, nor offered", func(t *testing.T) {
		got := wantServed(t, v.Require(), proven(edKey()), "401", middleware.ReasonOtherScheme)
		if offered := got.Header.Values("WWW-Authenticate"); len(offered) != 1 || offered[0] != `Bearer realm="api"` {
			t.Errorf("the challenges are %q", offered)
		}
	})
}

// Required, and per Guard.
func TestDPoPRequired(t *testing.T) {
	v := withDPoP(t, func(cfg *middleware.Config) { cfg.DPoP.Required = true })
	wantServed(t, v.Require(), proven(edKey()), "200", "")
	got := wantServed(t, v.Require(), bearer(mint(good(nil))), badToken, middleware.ReasonConfirmation)
	challenges := challengesOf(t, got.Header)
	if challenges["Bearer"] != nil || challenges["DPoP"]["error"] != "invalid_token" {
		t.Errorf("the challenges are %v, want DPoP alone, with the error", challenges)
	}
	none := wantServed(t, v.Require(), request(http.MethodGet, nil), "401", middleware.ReasonNoToken)
	if c := challengesOf(t, none.Header); len(c) != 1 || c["DPoP"]["algs"] == "" || c["DPoP"]["error"] != "" {
		t.Errorf("without credentials the challenges are %v", c)
	}
}

func TestGuardBound(t *testing.T) {
	v := withDPoP(t, nil)
	open, strict := v.Require("read"), v.Require("read").Bound()
	plain := bearer(mint(good(nil)))
	wantServed(t, open, plain, "200", "")
	wantServed(t, strict, plain, badToken, middleware.ReasonConfirmation)
	wantServed(t, strict, proven(edKey()), "200", "")
	wantServed(t, v.Optional().Bound(), request(http.MethodGet, nil), "401", middleware.ReasonNoToken)

	nested := open.Handler(strict.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a bearer token has passed Bound") }))
	w := newRecorder()
	nested.ServeHTTP(w, plain)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("nested: status %d, want 401", w.Code)
	}
}

// RFC 9449 section 7.2 and its figures: whose error it is.
func TestChallengesOfBothSchemes(t *testing.T) {
	const algs = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"
	guard := withDPoP(t, nil).Require("read")
	token := mint(good(boundTo(edKey())))
	for _, row := range []struct {
		name               string
		header             http.Header
		status             int
		bearerErr, dpopErr string
	}{
		{"no credentials: both, no error", nil, 401, "", ""},
		{"another scheme: both, no error", fields("Authorization", "Basic YTpi"), 401, "", ""},
		{"Bearer used: the error is its own", fields("Authorization", "Bearer "+token), 401, "invalid_token", ""},
		{"DPoP used: the error is its own", fields("Authorization", "DPoP "+token), 401, "", "invalid_dpop_proof"},
		{"both used: the error is in both", fields("Authorization", "Bearer "+token, "Authorization", "DPoP "+token), 400, "invalid_request", "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := serve(guard, request(http.MethodGet, row.header))
			c := challengesOf(t, got.Header)
			if got.StatusCode != row.status || c["Bearer"]["error"] != row.bearerErr || c["DPoP"]["error"] != row.dpopErr {
				t.Errorf("got %d, %v", got.StatusCode, c)
			}
			if c["Bearer"] == nil || c["DPoP"]["algs"] != algs || c["Bearer"]["algs"] != "" {
				t.Errorf("want both schemes, and algs with DPoP: %v", c)
			}
		})
	}
}

// The step-up challenge goes to the scheme that was used.
func TestStepUpUnderDPoP(t *testing.T) {
	got := serve(withDPoP(t, nil).Require().ACR("gold").MaxAge(time.Minute), proven(edKey()))
	c := challengesOf(t, got.Header)["DPoP"]
	if got.StatusCode != 401 || c["error"] != "insufficient_user_authentication" || c["acr_values"] != "gold" || c["max_age"] != "60" {
		t.Errorf("got %d, %v", got.StatusCode, c)
	}
}

// What is refused never reaches the store, so nobody can fill it with junk.
func TestJunkNeverReachesTheStore(t *testing.T) {
	asked := 0
	guard := withDPoP(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = replayFunc(func(context.Context, string, time.Time) (bool, error) { asked++; return true, nil })
	}).Require()
	token := mint(good(boundTo(edKey())))
	for _, bad := range proofAttacks(token) {
		_ = serve(guard, dpopRequest(token, bad.proofs...))
	}
	if asked != 0 {
		t.Errorf("the store was asked %d times about bad proofs", asked)
	}
	wantServed(t, guard, proven(edKey()), "200", "")
	if asked != 1 {
		t.Errorf("the store was asked %d times about one good proof", asked)
	}
}

// KeepProof judges and does not spend; whoever serves the request judges it again.
func TestKeepProof(t *testing.T) {
	guard := withDPoP(t, nil).Require("read")
	token := mint(good(boundTo(edKey())))
	c := middleware.Credentials{
		Header: dpopRequest(token, proof{key: edKey(), token: token}.String()).Header, Method: "GET", Target: "/orders", KeepProof: true,
	}
	var ahead context.Context
	for range 3 {
		var err error
		if ahead, err = guard.Authorize(t.Context(), c); err != nil {
			t.Fatalf("in front: %v", err)
		}
	}
	c.KeepProof = false
	if _, err := guard.Authorize(ahead, c); err != nil {
		t.Fatalf("the server itself, under the context of the check in front: %v", err)
	}
	var refused *middleware.Error
	if _, err := guard.Authorize(ahead, c); !errors.As(err, &refused) || refused.Reason != middleware.ReasonProofReplay {
		t.Errorf("the proof was to be spent, and got %v", err)
	}
	c.KeepProof = true
	c.Header = dpopRequest(token, proof{key: edKey(), token: token, claims: claims{"htm": "POST"}}.String()).Header
	if _, err := guard.Authorize(t.Context(), c); !errors.As(err, &refused) || refused.Code != middleware.InvalidDPoPProof {
		t.Errorf("a bad proof that is to be kept: %v", err)
	}
}

func TestNestedGuardsSpendAProofOnce(t *testing.T) {
	v := withDPoP(t, nil)
	r, ran := proven(edKey()), false
	w := newRecorder()
	v.Require("read").Handler(v.Require("write").HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(w, r)
	if w.Code != http.StatusOK || !ran {
		t.Errorf("status %d, ran %t", w.Code, ran)
	}
}
