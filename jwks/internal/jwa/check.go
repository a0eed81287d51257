package jwa

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/jwks/internal/roca"
)

// errKeyType: the material belongs to another family than the algorithm. The remedy depends on who handed it in.
var errKeyType = errors.New("the key is of another type than the algorithm needs")

// errROCA is told whoever handed the key in: the owner alone can help it.
var errROCA = errors.New(
	"the RSA modulus bears the mark of CVE-2017-15361 (ROCA), so its private key can be computed from it; let the owner make a new key pair with other software, and take this key out of use",
)

const (
	minRSABits = 2048 // RFC 7518 section 3.3
	maxRSABits = 8192 // beyond this one forged token costs milliseconds
)

func checkRSA(material any) error {
	key, ok := material.(*rsa.PublicKey)
	if !ok || key == nil || key.N == nil {
		return errKeyType
	}
	if bits := key.N.BitLen(); key.N.Sign() <= 0 || bits < minRSABits || bits > maxRSABits {
		return fmt.Errorf("the RSA modulus has %d bits, use %d to %d", key.N.BitLen(), minRSABits, maxRSABits)
	}
	if key.N.Bit(0) == 0 {
		return errors.New("the RSA modulus is even, so it is no product of two odd primes")
	}
	// With e = 1 every message is its own signature, and an even e has no inverse. crypto/rsa refuses exponents above
	// 2^31-1; nobody needs one, and it would only make verification slow.
	if e := int64(key.E); e < 3 || e > 1<<31-1 || e%2 == 0 {
		return errors.New("the RSA exponent must be odd and from 3 to 2^31-1; 65537 is customary")
	}
	if roca.Marks(key.N) {
		return errROCA
	}
	return nil
}

// checkEC ties the curve to the algorithm (RFC 7518 section 3.4), which golang-jwt does not do when it verifies.
func checkEC(curve elliptic.Curve) func(any) error {
	return func(material any) error {
		key, ok := material.(*ecdsa.PublicKey)
		if !ok || key == nil || key.Curve == nil || key.X == nil || key.Y == nil {
			return errKeyType
		}
		if key.Curve != curve {
			return fmt.Errorf("the key is on %s, the algorithm needs %s", key.Params().Name, curve.Params().Name)
		}
		if _, err := key.Bytes(); err != nil {
			return fmt.Errorf("the key is no point on %s", curve.Params().Name)
		}
		return nil
	}
}

func checkSecret(hash crypto.Hash) func(any) error {
	return func(material any) error {
		secret, ok := material.([]byte)
		if !ok {
			return errKeyType
		}
		// RFC 7518 section 3.2: a key of the hash's size or larger.
		if len(secret) < hash.Size() {
			return fmt.Errorf("the secret has %d bytes, use at least %d random ones", len(secret), hash.Size())
		}
		return nil
	}
}

// Broken says why a public key is to be taken out of use whatever it is for: its private key can be computed from it. Nil: nothing of that
// kind is known.
func Broken(public any) error {
	if err := checkRSA(public); errors.Is(err, errROCA) {
		return err
	}
	return nil
}
