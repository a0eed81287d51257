package bindings_test

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestABoundTokenPassesWithItsProof(t *testing.T) {
	for name, key := range map[string]crypto.Signer{"Ed25519": testkit.EdKey(), "P-256": testkit.P256Key(), "RSA": testkit.RSAKey()} {
		t.Run(name, func(t *testing.T) {
			guard := kit.DPoPValidator(t, nil).Require("read")
			for range 3 { // the second time token and key are known
				kit.WantServed(t, guard, kit.ProvenRequest(key), "200", "")
			}
		})
	}
}

// RFC 9110 section 11.1: schemes have no case.
func TestTheSchemeHasNoCase(t *testing.T) {
	for _, scheme := range []string{"DPoP", "dpop", "DPOP", "dPoP"} {
		r := kit.ProvenRequest(testkit.EdKey())
		r.Header.Set("Authorization", scheme+r.Header.Get("Authorization")[len("DPoP"):])
		kit.WantServed(t, kit.DPoPValidator(t, nil).Require(), r, "200", "")
	}
}

// RFC 9449 sections 7.1 and 7.2: neither kind of token passes as the other.
func TestDowngrades(t *testing.T) {
	bound, plain := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey()))), kit.Mint(kit.GoodClaims(nil))
	proofOf := func(token string) string { return testkit.Proof{Key: testkit.EdKey(), Token: token}.String() }
	asBearer := func(token string, proofs ...string) *http.Request {
		r := kit.DPoPRequest(token, proofs...)
		r.Header.Set("Authorization", "Bearer "+token)
		return r
	}
	for _, row := range []struct {
		name    string
		request *http.Request
		outcome string
		reason  middleware.Reason
	}{
		{"a bound token as Bearer without a proof", asBearer(bound), kit.BadToken, middleware.ReasonConfirmation},
		{"a bound token as Bearer with a good proof", asBearer(bound, proofOf(bound)), kit.BadToken, middleware.ReasonConfirmation},
		{"a plain token with the DPoP scheme and the attacker's proof", kit.DPoPRequest(plain, proofOf(plain)), kit.BadToken, middleware.ReasonConfirmation},
		{"a plain token with the DPoP scheme alone", kit.DPoPRequest(plain), kit.BadToken, middleware.ReasonConfirmation},
		{"a plain token as Bearer", asBearer(plain), "200", ""},
		{"a plain token as Bearer beside a proof that nobody needs", asBearer(plain, "x"), "200", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, kit.SetPublicURL, func(t *testing.T, v *middleware.Validator) {
				guard := v.Require()
				for range 2 {
					kit.WantServed(t, guard, row.request, row.outcome, row.reason)
				}
			})
		})
	}
}

// A downgrade with the token elsewhere: a cookie is no DPoP scheme.
func TestABoundTokenInACookieIsADowngrade(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromCookie("session")}
	})
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	r := kit.Request(http.MethodGet, kit.Fields("Cookie", "session="+token, "DPoP", testkit.Proof{Key: testkit.EdKey(), Token: token}.String()))
	kit.WantServed(t, v.Require(), r, kit.BadToken, middleware.ReasonConfirmation)
}

func TestWithoutPublicURL(t *testing.T) {
	v := kit.NewValidator(t, nil)
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	t.Run("a bound token as Bearer is refused", func(t *testing.T) {
		kit.WantServed(t, v.Require(), kit.Bearer(token), kit.BadToken, middleware.ReasonConfirmation)
	})
	t.Run("the DPoP scheme is not accepted, nor offered", func(t *testing.T) {
		got := kit.WantServed(t, v.Require(), kit.ProvenRequest(testkit.EdKey()), "401", middleware.ReasonOtherScheme)
		if offered := got.Header.Values("WWW-Authenticate"); len(offered) != 1 || offered[0] != `Bearer realm="api"` {
			t.Errorf("the challenges are %q", offered)
		}
	})
}

// Required, and per Guard.
func TestDPoPRequired(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) { cfg.DPoP.Required = true })
	kit.WantServed(t, v.Require(), kit.ProvenRequest(testkit.EdKey()), "200", "")
	got := kit.WantServed(t, v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), kit.BadToken, middleware.ReasonConfirmation)
	challenges := kit.ChallengesOf(t, got.Header)
	if challenges["Bearer"] != nil || challenges["DPoP"]["error"] != "invalid_token" {
		t.Errorf("the challenges are %v, want DPoP alone, with the error", challenges)
	}
	none := kit.WantServed(t, v.Require(), kit.Request(http.MethodGet, nil), "401", middleware.ReasonNoToken)
	if c := kit.ChallengesOf(t, none.Header); len(c) != 1 || c["DPoP"]["algs"] == "" || c["DPoP"]["error"] != "" {
		t.Errorf("without credentials the challenges are %v", c)
	}
}

func TestGuardBound(t *testing.T) {
	v := kit.DPoPValidator(t, nil)
	open, strict := v.Require("read"), v.Require("read").Bound()
	plain := kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
	kit.WantServed(t, open, plain, "200", "")
	kit.WantServed(t, strict, plain, kit.BadToken, middleware.ReasonConfirmation)
	kit.WantServed(t, strict, kit.ProvenRequest(testkit.EdKey()), "200", "")
	kit.WantServed(t, v.Optional().Bound(), kit.Request(http.MethodGet, nil), "401", middleware.ReasonNoToken)

	nested := open.Handler(strict.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a bearer token has passed Bound") }))
	w := httptest.NewRecorder()
	nested.ServeHTTP(w, plain)
	if w.Code != http.StatusUnauthorized {
		t.Errorf("nested: status %d, want 401", w.Code)
	}
}

// RFC 9449 section 7.2 and its figures: whose error it is.
func TestChallengesOfBothSchemes(t *testing.T) {
	const algs = "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519"
	guard := kit.DPoPValidator(t, nil).Require("read")
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	for _, row := range []struct {
		name               string
		header             http.Header
		status             int
		bearerErr, dpopErr string
	}{
		{"no credentials: both, no error", nil, 401, "", ""},
		{"another scheme: both, no error", kit.Fields("Authorization", "Basic YTpi"), 401, "", ""},
		{"Bearer used: the error is its own", kit.Fields("Authorization", "Bearer "+token), 401, "invalid_token", ""},
		{"DPoP used: the error is its own", kit.Fields("Authorization", "DPoP "+token), 401, "", "invalid_dpop_proof"},
		{"both used: the error is in both", kit.Fields("Authorization", "Bearer "+token, "Authorization", "DPoP "+token), 400, "invalid_request", "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := kit.Serve(guard, kit.Request(http.MethodGet, row.header))
			c := kit.ChallengesOf(t, got.Header)
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
	got := kit.Serve(kit.DPoPValidator(t, nil).Require().ACR("gold").MaxAge(time.Minute), kit.ProvenRequest(testkit.EdKey()))
	c := kit.ChallengesOf(t, got.Header)["DPoP"]
	if got.StatusCode != 401 || c["error"] != "insufficient_user_authentication" || c["acr_values"] != "gold" || c["max_age"] != "60" {
		t.Errorf("got %d, %v", got.StatusCode, c)
	}
}

// What is refused never reaches the store, so nobody can fill it with junk.
func TestJunkNeverReachesTheStore(t *testing.T) {
	asked := 0
	guard := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.DPoP.Replays = kit.ReplayStoreFunc(func(context.Context, string, time.Time) (bool, error) { asked++; return true, nil })
	}).Require()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	for _, bad := range proofAttacks(token) {
		_ = kit.Serve(guard, kit.DPoPRequest(token, bad.proofs...))
	}
	if asked != 0 {
		t.Errorf("the store was asked %d times about bad proofs", asked)
	}
	kit.WantServed(t, guard, kit.ProvenRequest(testkit.EdKey()), "200", "")
	if asked != 1 {
		t.Errorf("the store was asked %d times about one good proof", asked)
	}
}

// KeepProof judges and does not spend; whoever serves the request judges it again.
func TestKeepProof(t *testing.T) {
	guard := kit.DPoPValidator(t, nil).Require("read")
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	c := middleware.Credentials{
		Header: kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String()).Header, Method: "GET", Target: "/orders", KeepProof: true,
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
	c.Header = kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"htm": "POST"}}.String()).Header
	if _, err := guard.Authorize(t.Context(), c); !errors.As(err, &refused) || refused.Code != middleware.InvalidDPoPProof {
		t.Errorf("a bad proof that is to be kept: %v", err)
	}
}

func TestNestedGuardsSpendAProofOnce(t *testing.T) {
	v := kit.DPoPValidator(t, nil)
	r, ran := kit.ProvenRequest(testkit.EdKey()), false
	w := httptest.NewRecorder()
	v.Require("read").Handler(v.Require("write").HandlerFunc(func(http.ResponseWriter, *http.Request) { ran = true })).ServeHTTP(w, r)
	if w.Code != http.StatusOK || !ran {
		t.Errorf("status %d, ran %t", w.Code, ran)
	}
}

// Two checks that both leave the proof unspent may share a verdict: the second computes no signature.
func TestNestedChecksThatKeepTheProof(t *testing.T) {
	var d middleware.Decision
	guard := kit.DPoPValidator(t, func(cfg *middleware.Config) { cfg.Observe = kit.ObserveInto(&d) }).Require()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	c := middleware.Credentials{
		Header: kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String()).Header, Method: "GET",
		Target: "/orders", KeepProof: true,
	}
	ctx := t.Context()
	for _, nested := range []bool{false, true} {
		var err error
		if ctx, err = guard.Authorize(ctx, c); err != nil || d.Nested != nested {
			t.Errorf("error %v, nested %t, want %t", err, d.Nested, nested)
		}
	}
}
