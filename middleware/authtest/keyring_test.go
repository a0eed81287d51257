package authtest_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

var (
	quick = []string{"ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	slow  = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
)

func TestTokensOfEveryAlgorithmAreAccepted(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	for _, alg := range slices.Concat(quick, slow) {
		if w := call(issuer.Mint(authtest.Header{"alg": alg}, nil)); w.Code != http.StatusOK {
			t.Errorf("%s: status %d, %s", alg, w.Code, w.Body)
		}
	}
	if n := issuer.Requests(authtest.EndpointJWKS); n != 2 { // the second time for all RSA keys together
		t.Errorf("the keys were fetched %d times, want 2", n)
	}
	keys := publishedKeys(t, issuer)
	if len(keys) != 11 {
		t.Errorf("%d keys are published, want one for each of 11 algorithms", len(keys))
	}
	var ids []string
	for _, key := range keys {
		ids = append(ids, key["kid"])
		if key["use"] != "sig" || !strings.HasPrefix(key["kid"], key["alg"]+"-") {
			t.Errorf("a published key is %v", key)
		}
		for _, secret := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if key[secret] != "" {
				t.Errorf("the published key %s has %s", key["kid"], secret)
			}
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 11 {
		t.Errorf("the kids are not distinct: %v", ids)
	}
}

func publishedKeys(t *testing.T, issuer *authtest.Issuer) []map[string]string {
	t.Helper()
	var set struct{ Keys []map[string]string }
	get(t, issuer.URL()+string(authtest.EndpointJWKS)).decode(t, &set)
	return set.Keys
}

func TestNoRSAKeyIsMadeBeforeOneIsNeeded(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	want(t, call(issuer.Token(nil)), http.StatusOK)
	issuer.RotateKeys()
	var algorithms []string
	for _, key := range publishedKeys(t, issuer) {
		algorithms = append(algorithms, key["alg"])
	}
	if !slices.Equal(algorithms, slices.Concat(quick, quick)) {
		t.Errorf("published are %v", algorithms)
	}
}

func TestRotationKeepsOldTokensGoodUntilOldKeysAreDropped(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	auth, call := newAPI(t, issuer.Config(api))
	old := issuer.Token(nil)
	want(t, call(old), http.StatusOK)

	issuer.RotateKeys()
	rotated := issuer.Token(nil)
	want(t, call(rotated), http.StatusOK) // found without waiting for a refresh
	want(t, call(old), http.StatusOK)

	issuer.DropOldKeys()
	if err := auth.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, call(old), http.StatusUnauthorized) // although it had been verified, and is in the cache
	want(t, call(rotated), http.StatusOK)
}

func TestASecondRotationWithdrawsTheKeysBeforeTheFirst(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	first := issuer.Token(nil)
	issuer.RotateKeys()
	second := issuer.Token(nil)
	issuer.RotateKeys()
	want(t, call(issuer.Token(nil)), http.StatusOK)
	want(t, call(second), http.StatusOK)
	want(t, call(first), http.StatusUnauthorized)
	if n := len(publishedKeys(t, issuer)); n != 10 {
		t.Errorf("%d keys are published, want two of 5", n)
	}
}
