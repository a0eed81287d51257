package differential_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha512" // SHA-384 and SHA-512 for crypto.Hash
	"encoding/base64"
	"math/big"
	"strings"

	"encoding/asn1"
)

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// sign makes a compact JWS of any two texts.
func (k key) sign(header, payload string) string {
	input := b64(header) + "." + b64(payload)
	return input + "." + b64(string(k.signature(input, rsa.PSSSaltLengthEqualsHash)))
}

func hashOf(alg string) crypto.Hash {
	switch alg[len(alg)-3:] {
	case "384":
		return crypto.SHA384
	case "512":
		return crypto.SHA512
	default:
		return crypto.SHA256
	}
}

// signature signs by RFC 7518 and RFC 8037, with the standard library alone. ECDSA is deterministic (RFC 6979).
func (k key) signature(input string, salt int) []byte {
	hash := hashOf(k.alg)
	if secret, ok := k.private.([]byte); ok {
		mac := hmac.New(hash.New, secret)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	}
	if private, ok := k.private.(ed25519.PrivateKey); ok {
		return ed25519.Sign(private, []byte(input))
	}
	h := hash.New()
	h.Write([]byte(input))
	digest := h.Sum(nil)
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		r, s := k.integers(must(private.Sign(nil, digest, hash)))
		return k.join(r, s)
	case *rsa.PrivateKey:
		if strings.HasPrefix(k.alg, "PS") {
			return must(rsa.SignPSS(rand.Reader, private, hash, digest, &rsa.PSSOptions{SaltLength: salt}))
		}
		return must(rsa.SignPKCS1v15(nil, private, hash, digest))
	}
	panic("no such key")
}

func (k key) integers(der []byte) (r, s *big.Int) {
	var pair struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &pair); err != nil {
		panic(err)
	}
	return pair.R, pair.S
}

// join writes R||S, each as long as the order of the curve, or one byte longer if it does not fit.
func (k key) join(r, s *big.Int) []byte {
	size := (k.private.(*ecdsa.PrivateKey).Curve.Params().BitSize + 7) / 8
	if r.BitLen() > 8*size || s.BitLen() > 8*size {
		size++
	}
	out := make([]byte, 2*size)
	r.FillBytes(out[:size])
	s.FillBytes(out[size:])
	return out
}
