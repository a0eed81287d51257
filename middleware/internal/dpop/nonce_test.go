package dpop_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A refusal for want of a nonce brings one, a young one is not replaced, and one of half its life is, whether the proof is good or not.
func TestTheNonceThatGoesWithTheAnswer(t *testing.T) {
	const token = "the access token"
	base, _ := targeturi.Parse(testkit.Audience)
	v := dpop.New(dpop.Config{Bases: []targeturi.URI{base}, Algorithms: []string{"EdDSA"}, NonceSecrets: [][]byte{bytes.Repeat([]byte{1}, 32)}})
	verify := func(at time.Time, changes testkit.Claims) (nonce string, refusal dpop.Refusal) {
		proof := testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: testkit.Claims{"iat": at.Unix()}.With(changes)}
		call := dpop.Call{
			Proofs: []string{proof.String()}, Method: "GET", Target: "/orders", Now: at,
			Thumbprint: testkit.Thumbprint(testkit.JWK(testkit.EdKey().Public())),
		}
		return v.Verify(t.Context(), &call, func() shards.Key { return shards.KeyOf(token) })
	}
	nonce, refusal := verify(testkit.Now, nil)
	if refusal.Reason != dpop.BadNonce || nonce == "" || nonce != v.FirstNonce(testkit.Now) {
		t.Fatalf("without a nonce: reason %d, nonce %q", refusal.Reason, nonce)
	}
	if next, refusal := verify(testkit.Now.Add(149*time.Second), testkit.Claims{"nonce": nonce}); refusal.Refused() || next != "" {
		t.Errorf("a young nonce: %v, and the next is %q", refusal.Err, next)
	}
	half := testkit.Now.Add(150 * time.Second)
	if next, refusal := verify(half, testkit.Claims{"nonce": nonce}); refusal.Refused() || next != v.FirstNonce(half) {
		t.Errorf("a nonce of half its life: %v, and the next is %q", refusal.Err, next)
	}
	if next, refusal := verify(half, testkit.Claims{"nonce": nonce, "htm": "PUT"}); refusal.Reason != dpop.BadProof || next != "" {
		t.Errorf("a proof for another call: %v, and the next nonce is %q", refusal.Err, next)
	}
}
