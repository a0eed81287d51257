package testkit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
)

// JWK writes a public key as RFC 7518 section 6 and RFC 8037 want it.
func JWK(public crypto.PublicKey) Claims {
	switch k := public.(type) {
	case ed25519.PublicKey:
		return Claims{"kty": "OKP", "crv": "Ed25519", "x": B64(k)}
	case *ecdsa.PublicKey:
		point := Must(k.Bytes())
		half := len(point)/2 + 1
		return Claims{"kty": "EC", "crv": k.Params().Name, "x": B64(point[1:half]), "y": B64(point[half:])}
	case *rsa.PublicKey:
		return Claims{"kty": "RSA", "e": B64(big.NewInt(int64(k.E)).Bytes()), "n": B64(k.N.Bytes())}
	}
	panic(fmt.Sprintf("no JWK for a %T", public))
}

// Thumbprint is RFC 7638 for the members of a key, which need not be one. Its canonical form is what encoding/json happens to write for a
// map of strings without characters to escape.
func Thumbprint(jwk Claims) string {
	digest := sha256.Sum256(JSON(jwk))
	return B64(digest[:])
}

// Hash is the SHA-256 of a token as ath has it (RFC 9449 section 4.2).
func Hash(token string) string {
	digest := sha256.Sum256([]byte(token))
	return B64(digest[:])
}
