package bindings_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// noncing is a Validator that wants nonces made with these secrets, at a time that the test moves.
func noncing(t testing.TB, at *time.Time, secrets ...[]byte) *middleware.Guard {
	t.Helper()
	return kit.NewValidator(t, func(cfg *middleware.Config) {
		kit.SetClock(at)(cfg)
		cfg.DPoP.NonceSecrets = secrets
	}).Require("read")
}

// withNonce is a good call at this time whose proof has this nonce.
func withNonce(at time.Time, nonce any) *http.Request {
	token := kit.Mint(
		kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"jkt": kit.Thumbprint(testkit.EdKey().Public())}, "exp": at.Add(time.Hour).Unix(), "iat": at.Unix()}),
	)
	return kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: kit.Claims{"nonce": nonce, "iat": at.Unix()}}.String())
}

// nonceFrom gets a nonce as a client does: by a request without one.
func nonceFrom(t testing.TB, g *middleware.Guard, at time.Time) string {
	t.Helper()
	got := kit.WantServed(t, g, withNonce(at, nil), "401 use_dpop_nonce", middleware.ReasonProofNonce)
	nonce := got.Header["Dpop-Nonce"]
	if len(nonce) != 1 || nonce[0] == "" || got.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("DPoP-Nonce is %q, Cache-Control %q", nonce, got.Header.Get("Cache-Control"))
	}
	return nonce[0]
}

// RFC 9449 section 9: asked for one, the client comes back with it.
func TestANonceIsWantedGivenAndTaken(t *testing.T) {
	at := testkit.Now
	g := noncing(t, &at, kit.NonceSecret(1))
	nonce := nonceFrom(t, g, at)
	for i := range len(nonce) { // RFC 9449 section 8.1: 1*NQCHAR
		if c := nonce[i]; c <= 0x20 || c == '"' || c == '\\' || c > 0x7e {
			t.Errorf("the nonce %q has %q in it", nonce, c)
		}
	}
	for range 3 {
		got := kit.WantServed(t, g, withNonce(at, nonce), "200", "")
		if got.Header["Dpop-Nonce"] != nil || got.Header["Cache-Control"] != nil {
			t.Errorf("a young nonce is replaced: %v", got.Header)
		}
	}
	challenges := kit.ChallengesOf(t, kit.Serve(g, withNonce(at, nil)).Header)
	if challenges["DPoP"]["error"] != "use_dpop_nonce" || challenges["Bearer"]["error"] != "" {
		t.Errorf("the challenges are %v", challenges)
	}
}

// RFC 9449 section 11.3.
func TestNoncesThatAreNotTaken(t *testing.T) {
	at := testkit.Now
	g := noncing(t, &at, kit.NonceSecret(1))
	nonce := nonceFrom(t, g, at)
	raw := testkit.Must(base64.RawURLEncoding.DecodeString(nonce))
	raw[7]-- // a second earlier
	for _, row := range []struct {
		name    string
		nonce   any
		outcome string
		reason  middleware.Reason
	}{
		{"none", nil, "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"an empty one", "", "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"one of an authorization server", "eyJ7S_zG.eyJH0-Z.HX4w-7v", "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"one of another secret", nonceFrom(t, noncing(t, &at, kit.NonceSecret(2)), at), "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"another time under the same seal", testkit.B64(raw), "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"a longer one", nonce + "AAAA", "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"a shorter one", nonce[:len(nonce)-4], "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"one with a line break", nonce[:8] + "\n" + nonce[8:], "401 use_dpop_nonce", middleware.ReasonProofNonce},
		{"a number", 1, kit.BadProof, middleware.ReasonProof},
	} {
		t.Run(row.name, func(t *testing.T) {
			kit.WantServed(t, g, withNonce(at, row.nonce), row.outcome, row.reason)
		})
	}
}

func TestANonceAges(t *testing.T) {
	at := testkit.Now
	g := noncing(t, &at, kit.NonceSecret(1))
	nonce := nonceFrom(t, g, at)
	at = testkit.Now.Add(2*time.Minute + 29*time.Second)
	if got := kit.WantServed(t, g, withNonce(at, nonce), "200", ""); got.Header["Dpop-Nonce"] != nil {
		t.Error("the next one is handed out before half of the life")
	}
	at = testkit.Now.Add(2*time.Minute + 30*time.Second)
	got := kit.WantServed(t, g, withNonce(at, nonce), "200", "")
	next := got.Header.Get("DPoP-Nonce")
	if next == "" || next == nonce || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("at half of the life: DPoP-Nonce %q, Cache-Control %q", next, got.Header.Get("Cache-Control"))
	}
	at = testkit.Now.Add(5*time.Minute - time.Second)
	kit.WantServed(t, g, withNonce(at, nonce), "200", "")
	at = testkit.Now.Add(5 * time.Minute)
	if got := kit.WantServed(t, g, withNonce(at, nonce), "401 use_dpop_nonce", middleware.ReasonProofNonce); got.Header.Get("DPoP-Nonce") == "" {
		t.Error("an old nonce is refused without a new one")
	}
	kit.WantServed(t, g, withNonce(at, next), "200", "")
	at = testkit.Now.Add(-31 * time.Second)
	kit.WantServed(t, g, withNonce(at, nonce), "401 use_dpop_nonce", middleware.ReasonProofNonce) // of a clock that runs far ahead
}

// The next nonce is not lost when a later check refuses.
func TestTheNextNonceComesWithARefusal(t *testing.T) {
	at := testkit.Now
	g := noncing(t, &at, kit.NonceSecret(1))
	nonce := nonceFrom(t, g, at)
	at = testkit.Now.Add(3 * time.Minute)
	replayed := withNonce(at, nonce)
	kit.WantServed(t, g, replayed, "200", "")
	for name, answer := range map[string]kit.Served{
		"a replay":        kit.WantServed(t, g, replayed, kit.BadProof, middleware.ReasonProofReplay),
		"a missing scope": kit.WantServed(t, g.Require("admin"), withNonce(at, nonce), "403 insufficient_scope", ""),
		"a step-up":       kit.WantServed(t, g.ACR("gold"), withNonce(at, nonce), "401 insufficient_user_authentication", ""),
	} {
		if answer.Header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: no DPoP-Nonce", name)
		}
	}
	ctx, err := g.Authorize(context.Background(), credentials(withNonce(at, nonce)))
	if err != nil || middleware.ResponseHeader(ctx).Get("DPoP-Nonce") == "" {
		t.Fatalf("%v, %v", err, middleware.ResponseHeader(ctx))
	}
	var refused *middleware.Error
	_, err = g.Require("admin").Authorize(ctx, credentials(withNonce(at, nonce)))
	if !errors.As(err, &refused) || refused.Header().Get("DPoP-Nonce") == "" {
		t.Errorf("a Guard inside refuses without it: %v", err)
	}
}

func credentials(r *http.Request) middleware.Credentials {
	return middleware.Credentials{Header: r.Header, Method: r.Method, Target: r.RequestURI, RemoteAddr: r.RemoteAddr}
}

// Replicas share secrets and nothing else, and rotate them one after the other.
func TestNoncesAcrossReplicas(t *testing.T) {
	at := testkit.Now
	one, two := noncing(t, &at, kit.NonceSecret(1)), noncing(t, &at, kit.NonceSecret(1))
	kit.WantServed(t, two, withNonce(at, nonceFrom(t, one, at)), "200", "")

	rotated, done := noncing(t, &at, kit.NonceSecret(2), kit.NonceSecret(1)), noncing(t, &at, kit.NonceSecret(2))
	kit.WantServed(t, rotated, withNonce(at, nonceFrom(t, one, at)), "200", "")
	kit.WantServed(t, done, withNonce(at, nonceFrom(t, rotated, at)), "200", "") // it seals with the newest
	kit.WantServed(t, one, withNonce(at, nonceFrom(t, rotated, at)), "401 use_dpop_nonce", "")
	kit.WantServed(t, done, withNonce(at, nonceFrom(t, one, at)), "401 use_dpop_nonce", "")

	ahead := testkit.Now.Add(20 * time.Second) // a replica whose clock runs ahead
	kit.WantServed(t, one, withNonce(at, nonceFrom(t, noncing(t, &ahead, kit.NonceSecret(1)), ahead)), "200", "")
}

// New keeps its own copy of the secrets.
func TestNonceSecretsAreCopied(t *testing.T) {
	at, shared := testkit.Now, kit.NonceSecret(1)
	g := noncing(t, &at, shared)
	clear(shared)
	kit.WantServed(t, g, withNonce(at, nonceFrom(t, noncing(t, &at, kit.NonceSecret(1)), at)), "200", "")
}

func TestABearerTokenNeedsNoNonce(t *testing.T) {
	at := testkit.Now
	got := kit.WantServed(t, noncing(t, &at, kit.NonceSecret(1)), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), "200", "")
	if strings.Join(got.Header["Dpop-Nonce"], "") != "" {
		t.Errorf("a bearer token is given a nonce: %v", got.Header)
	}
}
