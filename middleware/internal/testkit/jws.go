package testkit

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync/atomic"
)

// Sign makes a compact JWS of raw header and payload text. A key that is none of those of the tests leaves the signature empty.
func Sign(header, payload string, key any) string {
	input := B64([]byte(header)) + "." + B64([]byte(payload))
	return input + "." + B64(Signature(input, header, key))
}

// Signature is that of Sign for the signing input; of header only whether it names PS256 counts.
func Signature(input, header string, key any) []byte {
	digest := sha256.Sum256([]byte(input))
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(k, []byte(input))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			panic(err)
		}
		sig := make([]byte, 64)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return sig
	case *rsa.PrivateKey:
		if strings.Contains(header, "PS256") {
			return Must(rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return Must(rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:]))
	case []byte:
		mac := hmac.New(sha256.New, MACKey(k))
		mac.Write([]byte(input))
		return mac.Sum(nil)
	default:
		return nil
	}
}

// MACKey is a key of HMAC that makes the same codes. A short one is filled up with zeros, as HMAC itself does (RFC 2104 section 2), because
// crypto/hmac takes no short one in every mode.
func MACKey(key []byte) []byte { return append(bytes.Clone(key), make([]byte, max(0, 32-len(key)))...) }

// SignatureOf decodes the third segment of a token.
func SignatureOf(token string) []byte { return Decoded(token[strings.LastIndexByte(token, '.')+1:]) }

// Proof is a DPoP proof to be made, for a GET of /orders at Audience and at Now; changes override members, nil removes them.
type Proof struct {
	Key    crypto.Signer
	Token  string
	Header Claims
	Claims Claims
}

var proofs atomic.Int64

// String signs the proof. Each has a jti of its own.
func (p Proof) String() string {
	alg := "EdDSA"
	switch p.Key.(type) {
	case *ecdsa.PrivateKey:
		alg = "ES256"
	case *rsa.PrivateKey:
		alg = "RS256"
	}
	header := Claims{"typ": "dpop+jwt", "alg": alg, "jwk": JWK(p.Key.Public())}.With(p.Header)
	return Sign(string(JSON(header)), p.Payload(), any(p.Key))
}

// Payload is the claims of the proof alone.
func (p Proof) Payload() string {
	payload := Claims{
		"jti": fmt.Sprintf("proof-%d", proofs.Add(1)), "htm": "GET", "htu": Audience + "/orders", "iat": Now.Unix(), "ath": Hash(p.Token),
	}
	return string(JSON(payload.With(p.Claims)))
}
