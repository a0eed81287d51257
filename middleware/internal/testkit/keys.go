// Package testkit makes keys, JWKs, tokens and proofs for the tests of package middleware and of its rooms. It imports nothing of ours but
// jwks, so that every room can use it.
package testkit

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"sync"

	"github.com/cardea-auth/cardea/jwks"
)

// rsaKey is the key testRSA2048 of RFC 9500 section 2.1, which is for tests: to make one takes a fifth of a second in every package.
//
//go:embed rsa2048.pem
var rsaKey []byte

// The keys of the tests. Each is made once in a program.
var (
	RSAKey     = sync.OnceValue(readRSAKey)
	EdKey      = sync.OnceValue(newEdKey)
	P256Key    = sync.OnceValue(func() *ecdsa.PrivateKey { return Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	StrangeKey = sync.OnceValue(newEdKey) // of nobody that is trusted
)

func readRSAKey() *rsa.PrivateKey {
	block, _ := pem.Decode(rsaKey)
	return Must(x509.ParsePKCS1PrivateKey(block.Bytes))
}

func newEdKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return Must(key, err)
}

// EdKeyOf is the Ed25519 key of a seed of 32 bytes.
func EdKeyOf(seed []byte) ed25519.PrivateKey { return ed25519.NewKeyFromSeed(seed) }

// OneKey is a set of one Ed25519 key.
func OneKey(kid string, key ed25519.PrivateKey) *jwks.Set {
	return jwks.NewSet(Must(jwks.NewKey(kid, "EdDSA", key.Public())))
}

// KeySet is what the issuer of the tests publishes.
func KeySet() *jwks.Set {
	return jwks.NewSet(
		Must(jwks.NewKey("ed", "EdDSA", EdKey().Public())),
		Must(jwks.NewKey("rsa", "RS256", &RSAKey().PublicKey)),
		Must(jwks.NewKey("p256", "ES256", &P256Key().PublicKey)),
	)
}

// Must returns v, and panics with err.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
