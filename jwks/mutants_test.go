package jwks_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/jwks"
)

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

func TestNilAndZeroKeys(t *testing.T) {
	real := must(jwks.NewKey("a", "ES256", p256A().Public()))
	for name, k := range map[string]*jwks.Key{"nil": nil, "zero": {}} {
		if k.Equal(real) || real.Equal(k) || k.Equal(k) {
			t.Errorf("a %s Key equals something", name)
		}
		if err := k.Bind(); err != nil {
			t.Errorf("a %s Key cannot be bound: %v", name, err)
		}
	}
}

func TestEqualSecrets(t *testing.T) {
	key := func(secret []byte) *jwks.Key { return must(jwks.NewSecret("a", "HS256", secret)) }
	other := slices.Clone(secret)
	other[0]++
	if !key(secret).Equal(key(slices.Clone(secret))) {
		t.Error("two Keys of one secret differ: a token that was verified would be refused after a reload")
	}
	if key(secret).Equal(key(other)) || key(secret).Equal(key(secret[:32])) {
		t.Error("Keys of two secrets are equal: a token would outlive its secret")
	}
}

// A struct filled in by hand may lack its numbers; that is an error and no panic.
func TestHalfFilledPublicKeys(t *testing.T) {
	good := p256A().PublicKey
	for name, row := range map[string]struct {
		alg string
		key crypto.PublicKey
	}{
		"RSA without a modulus":      {"RS256", &rsa.PublicKey{E: 65537}},
		"RSA without anything":       {"RS256", (*rsa.PublicKey)(nil)},
		"ECDSA without a curve":      {"ES256", &ecdsa.PublicKey{X: good.X, Y: good.Y}},
		"ECDSA without x":            {"ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), Y: good.Y}},
		"ECDSA without y":            {"ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: good.X}},
		"ECDSA of a point elsewhere": {"ES256", &ecdsa.PublicKey{Curve: elliptic.P256(), X: good.X, Y: new(big.Int).Add(good.Y, big.NewInt(1))}},
		"ECDSA without anything":     {"ES256", (*ecdsa.PublicKey)(nil)},
	} {
		if k, err := jwks.NewKey("a", row.alg, row.key); err == nil || k != nil {
			t.Errorf("%s makes %v, error %v", name, k, err)
		}
	}
}

// One key listed under one kid for two algorithms, as some servers do, is good for both: the issuer has said so.
func TestOneKeyForTwoAlgorithms(t *testing.T) {
	set := must(jwks.Static(document(publicJWK("a", "RS256", rsaA()), publicJWK("a", "PS256", rsaA()))))
	for _, alg := range []string{"RS256", "PS256"} {
		keys, err := set.VerificationKeys(t.Context(), "a", alg)
		if err != nil || !slices.Equal(names(keys), []string{"a/" + alg}) {
			t.Errorf("for %s there is %v, error %v", alg, names(keys), err)
		}
	}
}

// What one key is bound to says nothing about another.
func TestTwoKeysAreBoundApart(t *testing.T) {
	set := must(jwks.Static(document(publicJWK("a", "", rsaA()), publicJWK("b", "", rsaB()))))
	for kid, alg := range map[string]string{"a": "RS256", "b": "PS256"} {
		if err := must(set.VerificationKeys(t.Context(), kid, alg))[0].Bind(); err != nil {
			t.Errorf("key %s cannot be bound to %s: %v", kid, alg, err)
		}
	}
	if must(set.VerificationKeys(t.Context(), "a", "PS256"))[0].Bind() == nil {
		t.Error("key a is bound to two algorithms")
	}
}

// An issuer that stops naming the algorithm of a key must not thereby make it good for six at once.
func TestKeyThatLosesItsAlgorithm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &issuer{answer: serving(publicJWK("a", "RS256", rsaA()))}
		cache := newCache(t, server)
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		server.set(serving(publicJWK("a", "", rsaA())))
		if err := cache.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		bound := 0
		for _, alg := range []string{"PS256", "RS256", "RS512"} {
			if keys := must(cache.VerificationKeys(t.Context(), "a", alg)); keys[0].Bind() == nil {
				bound++
			}
		}
		if bound != 1 {
			t.Errorf("the key is bound to %d algorithms, want one", bound)
		}
	})
}
