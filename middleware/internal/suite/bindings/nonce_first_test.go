package bindings_test

import (
	"net/http"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// Whoever is sent away to come again learns the nonce at once, which spares the use_dpop_nonce answer.
func TestEveryUnauthorizedAnswerHandsOutANonce(t *testing.T) {
	at := testkit.Now
	for name, r := range map[string]*http.Request{
		"no credentials":   kit.Request(http.MethodGet, nil),
		"an expired token": kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 3600}))),
	} {
		got := kit.Serve(noncing(t, &at, kit.NonceSecret(1)), r)
		nonce := got.Header.Get("DPoP-Nonce")
		if got.StatusCode != http.StatusUnauthorized || nonce == "" {
			t.Fatalf("%s: got %v with nonce %q", name, got, nonce)
		}
		if got := kit.Serve(noncing(t, &at, kit.NonceSecret(1)), withNonce(at, nonce)); got.String() != "200" {
			t.Errorf("%s: the nonce given is not taken: %v", name, got)
		}
	}
	if got := kit.Serve(noncing(t, &at, kit.NonceSecret(1)), kit.Bearer("a,b")); got.Header.Get("DPoP-Nonce") != "" {
		t.Error("a malformed request is given a nonce")
	}
}
