package differential_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
)

// The issuers. Rival uses the kids of issuerA for other keys; shared signs with secrets.
const (
	issuerA  = "https://a.example.com"
	rival    = "https://rival.example.com"
	shared   = "https://shared.example.com"
	audience = "https://api.example.com"
)

// key is one key of one issuer, for one algorithm.
type key struct {
	issuer, kid, alg string
	private          any // crypto.Signer or []byte
}

func (k key) public() any {
	if signer, ok := k.private.(crypto.Signer); ok {
		return signer.Public()
	}
	return k.private
}

// keys are fixed, so that a token printed by a failed test is as good the next day. The cheap algorithms come first.
var keys = func() []key {
	a, b := rsaKey("a"), rsaKey("b")
	return []key{
		{issuerA, "ed", "EdDSA", edKey("a")},
		{rival, "ed", "EdDSA", edKey("rival")},
		{shared, "hs256", "HS256", stream("hs256", 32)},
		{shared, "hs384", "HS384", stream("hs384", 48)},
		{shared, "hs512", "HS512", stream("hs512", 64)},
		{issuerA, "es256", "ES256", ecKey("a", elliptic.P256())},
		{rival, "es256", "ES256", ecKey("rival", elliptic.P256())},
		{issuerA, "ed25519", "Ed25519", edKey("fully specified")},
		{issuerA, "rs256", "RS256", a},
		{issuerA, "ps256", "PS256", b},
		{issuerA, "rs384", "RS384", a},
		{issuerA, "rs512", "RS512", a},
		{issuerA, "ps384", "PS384", b},
		{issuerA, "ps512", "PS512", b},
		{issuerA, "es384", "ES384", ecKey("a", elliptic.P384())},
		{issuerA, "es512", "ES512", ecKey("a", elliptic.P521())},
	}
}()

var cheap = keys[:7] // to sign and to verify with

// keysFor is how the libraries find keys; Cardea has its own way. Without a kid, every key of the algorithm may be the one.
func keysFor(issuer, kid, alg string) []key {
	var fit []key
	for _, k := range keys {
		if k.issuer == issuer && k.alg == alg && (kid == "" || k.kid == kid) {
			fit = append(fit, k)
		}
	}
	return fit
}

// stream makes bytes that are always the same for a label. They are no secrets.
func stream(label string, size int) []byte {
	var out []byte
	for block := uint64(0); len(out) < size; block++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("cardea differential "+label), block))
		out = append(out, sum[:]...)
	}
	return out[:size]
}

func edKey(label string) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(stream("ed25519 "+label, ed25519.SeedSize))
}

func ecKey(label string, curve elliptic.Curve) *ecdsa.PrivateKey {
	scalar := stream("ecdsa "+curve.Params().Name+label, (curve.Params().BitSize+7)/8)
	scalar[0] = 0 // below the order
	return must(ecdsa.ParseRawPrivateKey(curve, scalar))
}

// rsaKey builds a key of 2048 bits from a stream, which crypto/rsa would not.
func rsaKey(label string) *rsa.PrivateKey {
	e := big.NewInt(65537)
	p, q := prime("p "+label), prime("q "+label)
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: new(big.Int).ModInverse(e, phi), Primes: []*big.Int{p, q}}
	k.Precompute()
	if err := k.Validate(); err != nil {
		panic(err)
	}
	return k
}

func prime(label string) *big.Int {
	n := new(big.Int).SetBytes(stream("rsa "+label, 128))
	for _, bit := range []int{0, 1022, 1023} { // odd, and the product of two has 2048 bits
		n.SetBit(n, bit, 1)
	}
	for two := big.NewInt(2); !n.ProbablyPrime(20); {
		n.Add(n, two)
	}
	return n
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
