package jwks

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hashes that the table names
	_ "crypto/sha512"
	"errors"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/jwks/internal/roca"
)

// algorithm is one row of the table: a JWS algorithm and the only keys that may serve it.
type algorithm struct {
	name   string
	method jwt.SigningMethod // the mathematics alone; every rule about keys is ours
	check  func(material any) error
}

// The methods are values of our own and not the library's variables or its registry: any package of the program can replace those.
// golang-jwt's own PS methods, besides, verify with any salt length, where RFC 7518 section 3.5 wants that of the hash.
var algorithms = [...]*algorithm{
	{"RS256", pkcs1(crypto.SHA256), checkRSA},
	{"RS384", pkcs1(crypto.SHA384), checkRSA},
	{"RS512", pkcs1(crypto.SHA512), checkRSA},
	{"PS256", pss(crypto.SHA256), checkRSA},
	{"PS384", pss(crypto.SHA384), checkRSA},
	{"PS512", pss(crypto.SHA512), checkRSA},
	{"ES256", &jwt.SigningMethodECDSA{Hash: crypto.SHA256, KeySize: 32, CurveBits: 256}, checkEC(elliptic.P256())},
	{"ES384", &jwt.SigningMethodECDSA{Hash: crypto.SHA384, KeySize: 48, CurveBits: 384}, checkEC(elliptic.P384())},
	{"ES512", &jwt.SigningMethodECDSA{Hash: crypto.SHA512, KeySize: 66, CurveBits: 521}, checkEC(elliptic.P521())},
	{"EdDSA", &jwt.SigningMethodEd25519{}, checkEd25519},
	{"Ed25519", &jwt.SigningMethodEd25519{}, checkEd25519}, // RFC 9864 section 2.2: the name that says which curve
	{"HS256", &jwt.SigningMethodHMAC{Hash: crypto.SHA256}, checkSecret(crypto.SHA256)},
	{"HS384", &jwt.SigningMethodHMAC{Hash: crypto.SHA384}, checkSecret(crypto.SHA384)},
	{"HS512", &jwt.SigningMethodHMAC{Hash: crypto.SHA512}, checkSecret(crypto.SHA512)},
}

func pkcs1(hash crypto.Hash) *jwt.SigningMethodRSA { return &jwt.SigningMethodRSA{Hash: hash} }

func pss(hash crypto.Hash) *jwt.SigningMethodRSAPSS {
	return &jwt.SigningMethodRSAPSS{
		SigningMethodRSA: pkcs1(hash),
		Options:          &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash},
	}
}

// algorithmNamed compares bytes: names are case-sensitive (RFC 7515 section 4.1.1). Nil: not supported.
func algorithmNamed(name string) *algorithm {
	for _, a := range algorithms {
		if a.name == name {
			return a
		}
	}
	return nil
}

// checkForm is check without what crypto/ed25519 refuses by itself when it verifies.
func (a *algorithm) checkForm(material any) error {
	if _, is := a.method.(*jwt.SigningMethodEd25519); is {
		_, err := edwardsY(material)
		return err
	}
	return a.check(material)
}

func (a *algorithm) symmetric() bool {
	_, ok := a.method.(*jwt.SigningMethodHMAC)
	return ok
}

// algorithmsFor lists what a key that names no algorithm could serve.
func algorithmsFor(public any) []*algorithm {
	var fit []*algorithm
	for _, a := range algorithms {
		if !a.symmetric() && a.check(public) == nil {
			fit = append(fit, a)
		}
	}
	return fit
}

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

func checkEd25519(material any) error {
	y, err := edwardsY(material)
	if err != nil {
		return err
	}
	return checkEdwardsPoint(y)
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

// Field constants of RFC 8032 section 5.1, and the two y of the points of order eight.
var (
	edP  = number("7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed")
	edD  = number("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3")
	edY8 = number("7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7")
	one  = big.NewInt(1)
)

func number(hex string) *big.Int {
	n, _ := new(big.Int).SetString(hex, 16)
	return n
}

// edwardsY refuses what crypto/ed25519 would take: encodings that are not canonical (RFC 8032 section 5.1.3, step 1), and points of
// small order. Under a key of small order a signature exists that fits many messages, so it proves nothing.
func edwardsY(material any) (*big.Int, error) {
	key, ok := material.(ed25519.PublicKey)
	if !ok {
		return nil, errKeyType
	}
	if len(key) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("the Ed25519 key has %d bytes, it must have %d", len(key), ed25519.PublicKeySize)
	}
	reversed := make([]byte, len(key))
	for i, b := range key {
		reversed[len(key)-1-i] = b
	}
	reversed[0] &= 0x7f // the sign of x
	y := new(big.Int).SetBytes(reversed)
	if y.Cmp(edP) >= 0 {
		return nil, errors.New("the Ed25519 key is not in canonical form")
	}
	opposite := new(big.Int).Sub(edP, y)
	for _, small := range []*big.Int{new(big.Int), one, edY8} { // order 4; 1; 8. Their opposites: order 4 again; 2; 8
		if y.Cmp(small) == 0 || opposite.Cmp(small) == 0 {
			return nil, errors.New("the Ed25519 key is a point of small order")
		}
	}
	return y, nil
}

// checkEdwardsPoint refuses a y without an x, on which crypto/ed25519 would only fail later: x² = (y²-1) / (dy²+1), and the quotient is
// a square if and only if the product is.
func checkEdwardsPoint(y *big.Int) error {
	yy := new(big.Int).Mul(y, y)
	u := new(big.Int).Sub(yy, one)
	v := yy.Mul(yy, edD).Add(yy, one)
	if big.Jacobi(u.Mul(u, v).Mod(u, edP), edP) != 1 {
		return errors.New("the Ed25519 key is no point on the curve")
	}
	return nil
}
