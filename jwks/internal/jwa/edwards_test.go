package jwa_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
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
		bits, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		key := ed25519.PublicKey(bits)
		for range 2 {
			for _, name := range []string{"EdDSA", "Ed25519"} {
				for _, err := range []error{jwa.Named(name).Check(key), jwa.Named(name).CheckForm(key)} {
					if err == nil || !strings.Contains(err.Error(), "small order") && !strings.Contains(err.Error(), "canonical") {
						t.Errorf("%s, a key under which one signature fits many messages, %x: %v", name, key, err)
					}
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
		if err := jwa.Named("EdDSA").Check(key); (err == nil) != point {
			t.Errorf("y = %d: %v", y, err)
		}
		if err := jwa.Named("EdDSA").CheckForm(key); err != nil {
			t.Errorf("y = %d, which verifying finds out: %v", y, err)
		}
	}
	for range 50 {
		public, _, _ := ed25519.GenerateKey(nil)
		if err := jwa.Named("Ed25519").Check(public); err != nil {
			t.Errorf("a key of the standard library, %x: %v", public, err)
		}
	}
}
