// Package jwa says what each signature algorithm demands of a key (RFC 7518, RFC 8037), and verifies with it.
package jwa

import (
	"crypto"
	"crypto/elliptic"
	"crypto/rsa"
	_ "crypto/sha256" // registers the hashes that the table names
	_ "crypto/sha512"
	"iter"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithm is one row of the table: a JWS algorithm and the only keys that may serve it. It is immutable.
type Algorithm struct {
	name   string
	method jwt.SigningMethod // the mathematics alone; every rule about keys is ours
	check  func(material any) error
}

// The methods are values of our own and not the library's variables or its registry: any package of the program can replace those.
// golang-jwt's own PS methods, besides, verify with any salt length, where RFC 7518 section 3.5 wants that of the hash.
var algorithms = [...]*Algorithm{
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

// Named compares bytes: names are case-sensitive (RFC 7515 section 4.1.1). Nil: not supported.
func Named(name string) *Algorithm {
	for _, a := range algorithms {
		if a.name == name {
			return a
		}
	}
	return nil
}

// All yields every algorithm that is supported.
func All() iter.Seq[*Algorithm] { return slices.Values(algorithms[:]) }

// Fitting lists what a public key that names no algorithm could serve.
func Fitting(public any) []*Algorithm {
	var fit []*Algorithm
	for a := range All() {
		if !a.Symmetric() && a.Check(public) == nil {
			fit = append(fit, a)
		}
	}
	return fit
}

// Name is the algorithm's name as tokens and keys write it.
func (a *Algorithm) Name() string { return a.name }

// Symmetric reports whether the key is a secret, with which whoever can verify can also sign.
func (a *Algorithm) Symmetric() bool {
	_, ok := a.method.(*jwt.SigningMethodHMAC)
	return ok
}

// Check judges the key: *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or []byte. The error says which rule it breaks, and nothing of
// the key but its size and curve.
func (a *Algorithm) Check(material any) error { return a.check(material) }

// CheckForm is Check without what crypto/ed25519 refuses by itself when it verifies.
func (a *Algorithm) CheckForm(material any) error {
	if _, is := a.method.(*jwt.SigningMethodEd25519); is {
		_, err := edwardsY(material)
		return err
	}
	return a.check(material)
}

// Verifies reports whether the signature over signingInput is good. The key must have passed Check or CheckForm.
func (a *Algorithm) Verifies(signingInput string, signature []byte, material any) bool {
	return a.method.Verify(signingInput, signature, material) == nil
}
