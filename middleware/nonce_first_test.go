package middleware_test

import (
	"net/http"
	"testing"
)

// Whoever is sent away to come again learns the nonce at once, which spares the use_dpop_nonce answer.
func TestEveryUnauthorizedAnswerHandsOutANonce(t *testing.T) {
	at := now
	for name, r := range map[string]*http.Request{
		"no credentials":   request(http.MethodGet, nil),
		"an expired token": bearer(mint(good(claims{"exp": now.Unix() - 3600}))),
	} {
		got := serve(noncing(t, &at, secret(1)), r)
		nonce := got.Header.Get("DPoP-Nonce")
		if got.StatusCode != http.StatusUnauthorized || nonce == "" {
			t.Fatalf("%s: got %v with nonce %q", name, got, nonce)
		}
		if got := serve(noncing(t, &at, secret(1)), withNonce(at, nonce)); got.String() != "200" {
			t.Errorf("%s: the nonce given is not taken: %v", name, got)
		}
	}
	if got := serve(noncing(t, &at, secret(1)), bearer("a,b")); got.Header.Get("DPoP-Nonce") != "" {
		t.Error("a malformed request is given a nonce")
	}
}
