package jwa_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

// Names are compared by bytes (RFC 7515 section 4.1.1).
func TestAlgorithmsAreFoundByTheirName(t *testing.T) {
	t.Parallel()
	for a := range jwa.All() {
		if jwa.Named(a.Name()) != a {
			t.Errorf("%s is not found, or another one is", a.Name())
		}
		if symmetric := a.Name()[:2] == "HS"; a.Symmetric() != symmetric {
			t.Errorf("%s: symmetric %t", a.Name(), a.Symmetric())
		}
	}
	for _, name := range []string{"", "none", "rs256", "RS256 ", "ＲＳ256", "ES256K", "RS1", "Ed448"} {
		if a := jwa.Named(name); a != nil {
			t.Errorf("%q is %s", name, a.Name())
		}
	}
}

// Any package can put another method into golang-jwt's registry or its variables. Not parallel: it does just that.
func TestNobodyCanReplaceTheMathematics(t *testing.T) {
	original := jwt.SigningMethodRS256
	jwt.SigningMethodRS256 = &jwt.SigningMethodRSA{Name: "RS256"}
	jwt.RegisterSigningMethod("RS256", func() jwt.SigningMethod { return jwt.SigningMethodNone })
	defer func() {
		jwt.SigningMethodRS256 = original
		jwt.RegisterSigningMethod("RS256", func() jwt.SigningMethod { return original })
	}()
	const input = "eyJhbGciOiJub25lIn0.e30"
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if !jwa.Named("RS256").Verifies(input, signature, &key.PublicKey) {
		t.Error("a good signature is refused")
	}
	if jwa.Named("RS256").Verifies(input, nil, &key.PublicKey) {
		t.Error("the method none verifies")
	}
}
