package jwks_test

import (
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/jwks"
)

// The encodings of small order, with and without the sign bit, canonical and not: the list that libsodium refuses.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
}

func TestEd25519KeysThatProveNothing(t *testing.T) {
	t.Parallel()
	for _, text := range smallOrder {
		key := ed25519.PublicKey(must(hex.DecodeString(text)))
		for range 2 {
			for _, alg := range []string{"EdDSA", "Ed25519"} {
				_, err := jwks.NewKey("k", alg, key)
				if err == nil || !strings.Contains(err.Error(), "small order") && !strings.Contains(err.Error(), "canonical") {
					t.Errorf("%s, a key under which one signature fits many messages, %x: %v", alg, key, err)
				}
			}
			key = slices.Clone(key)
			key[31] ^= 0x80
		}
	}
}

func TestEd25519PointsAgainstTheStandardLibrary(t *testing.T) {
	t.Parallel()
	// Half of all values of y have a point. With y = 2 there is none, with y = 3 there is one.
	for y, point := range map[byte]bool{2: false, 3: true} {
		key := make(ed25519.PublicKey, 32)
		key[0] = y
		if _, err := jwks.NewKey("k", "EdDSA", key); (err == nil) != point {
			t.Errorf("y = %d: %v", y, err)
		}
	}
	for range 50 {
		public, _, _ := ed25519.GenerateKey(nil)
		if _, err := jwks.NewKey("k", "Ed25519", public); err != nil {
			t.Errorf("a key of the standard library, %x: %v", public, err)
		}
	}
}

func TestExponentsThatAreAllowed(t *testing.T) {
	t.Parallel()
	for _, e := range []int{3, 17, 65537, 1<<31 - 1} {
		if _, err := jwks.NewKey("k", "RS256", &rsa.PublicKey{N: rsaA().N, E: e}); err != nil {
			t.Errorf("e = %d: %v", e, err)
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
	k := must(jwks.NewKey("k", "RS256", rsaA().Public()))
	if err := k.Verify(signingInput, sign("RS256", rsaA(), signingInput)); err != nil {
		t.Errorf("a good signature: %v", err)
	}
	if k.Verify(signingInput, nil) == nil {
		t.Error("the method none verifies")
	}
}
