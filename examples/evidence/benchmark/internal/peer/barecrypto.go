package peer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

var errSignature = errors.New("the signature is wrong")

// Crypto is the floor under every library: the standard library's signature check of a token that is split and decoded
// already, and nothing else.
func Crypto(i *issuer.Issuer) func(signingInput, signature []byte) error {
	return CryptoOf(i.PublicKey(), i.Algorithm)
}

// CryptoOf is Crypto under another key.
func CryptoOf(public crypto.PublicKey, algorithm string) func(signingInput, signature []byte) error {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return rsaVerifier(key, algorithm)
	case *ecdsa.PublicKey:
		return func(signingInput, signature []byte) error {
			digest := sha256.Sum256(signingInput)
			if !ecdsa.VerifyASN1(key, digest[:], signature) {
				return errSignature
			}
			return nil
		}
	case ed25519.PublicKey:
		return func(signingInput, signature []byte) error {
			if !ed25519.Verify(key, signingInput, signature) {
				return errSignature
			}
			return nil
		}
	default:
		panic(fmt.Sprintf("no verifier for %T", key)) // the issuer makes no other
	}
}

func rsaVerifier(key *rsa.PublicKey, algorithm string) func(signingInput, signature []byte) error {
	if algorithm == "PS256" {
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return func(signingInput, signature []byte) error {
			digest := sha256.Sum256(signingInput)
			return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, options)
		}
	}
	return func(signingInput, signature []byte) error {
		digest := sha256.Sum256(signingInput)
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature)
	}
}

// Halves splits and decodes a token for Crypto. The standard library wants ECDSA signatures in ASN.1.
func Halves(algorithm, token string) (signingInput, signature []byte, err error) {
	at := strings.LastIndexByte(token, '.')
	if at < 0 {
		return nil, nil, errSignature
	}
	signature, err = base64.RawURLEncoding.DecodeString(token[at+1:])
	if err == nil && algorithm == "ES256" {
		half := len(signature) / 2
		signature, err = asn1.Marshal(struct{ R, S *big.Int }{
			new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:]),
		})
	}
	return []byte(token[:at]), signature, err
}

// BareCrypto is the least that a server without a cache can do: it checks the signature and believes the rest. It is no
// library and no advice, but a bound.
func BareCrypto(i *issuer.Issuer) *Peer {
	check := Crypto(i)
	verify := func(r *http.Request) (any, error) {
		token, err := bearer(r)
		if err != nil {
			return nil, err
		}
		signingInput, signature, err := Halves(i.Algorithm, token)
		if err != nil {
			return nil, err
		}
		return nil, check(signingInput, signature)
	}
	return &Peer{Name: "bare crypto", Verify: verify, Handler: minimal(verify), Close: func() {}}
}

// The names of the servers that no token holds up.
const (
	NoAuthenticationName = "no authentication"
	ContextOnlyName      = "context only"
)

// NoAuthentication lets everybody in.
func NoAuthentication() *Peer {
	return &Peer{Name: NoAuthenticationName, Handler: func(next http.Handler) http.Handler { return next }, Close: func() {}}
}

// ContextOnly does what every middleware must: it passes a value to the handler, and judges nothing.
func ContextOnly() *Peer {
	value := new(golangClaims)
	verify := func(*http.Request) (any, error) { return value, nil }
	return &Peer{Name: ContextOnlyName, Verify: verify, Handler: minimal(verify), Close: func() {}}
}
