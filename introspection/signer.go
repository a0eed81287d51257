package introspection

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // crypto.Hash.New for the algorithms below
	_ "crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"time"
)

const (
	assertionLife = time.Minute
	minRSABits    = 2048
)

// signer makes private_key_jwt assertions (RFC 7523 section 2.2) with a key that only has to be a crypto.Signer.
type signer struct {
	key    crypto.Signer
	scheme scheme
	header string // encoded; the same for every assertion
}

// scheme is how an algorithm of RFC 7518 section 3 or RFC 8037 signs.
type scheme struct {
	hash  crypto.Hash
	pss   bool
	curve elliptic.Curve // ECDSA only
	kind  string         // of key
}

const (
	kindRSA     = "RSA"
	kindECDSA   = "ECDSA"
	kindEd25519 = "Ed25519"
)

func schemeOf(algorithm string) (scheme, bool) {
	switch algorithm {
	case "RS256":
		return scheme{hash: crypto.SHA256, kind: kindRSA}, true
	case "RS384":
		return scheme{hash: crypto.SHA384, kind: kindRSA}, true
	case "RS512":
		return scheme{hash: crypto.SHA512, kind: kindRSA}, true
	case "PS256":
		return scheme{hash: crypto.SHA256, kind: kindRSA, pss: true}, true
	case "PS384":
		return scheme{hash: crypto.SHA384, kind: kindRSA, pss: true}, true
	case "PS512":
		return scheme{hash: crypto.SHA512, kind: kindRSA, pss: true}, true
	case "ES256":
		return scheme{hash: crypto.SHA256, kind: kindECDSA, curve: elliptic.P256()}, true
	case "ES384":
		return scheme{hash: crypto.SHA384, kind: kindECDSA, curve: elliptic.P384()}, true
	case "ES512":
		return scheme{hash: crypto.SHA512, kind: kindECDSA, curve: elliptic.P521()}, true
	case "EdDSA", "Ed25519":
		return scheme{kind: kindEd25519}, true // signs the message itself
	}
	return scheme{}, false
}

func newSigner(kid, algorithm string, key crypto.Signer) (*signer, error) {
	chosen, known := schemeOf(algorithm)
	if !known {
		return nil, fmt.Errorf("the algorithm %q is unknown: take RS256, PS256, ES256, EdDSA or one of their kind", algorithm)
	}
	if key == nil || reflect.ValueOf(key).Kind() == reflect.Pointer && reflect.ValueOf(key).IsNil() {
		return nil, errors.New("the key is nil: pass the private key")
	}
	if !chosen.fits(key.Public()) {
		return nil, fmt.Errorf("a key of type %T does not sign with %s: RSA needs 2048 bits, ECDSA the curve of the algorithm", key.Public(), algorithm)
	}
	header, err := json.Marshal(struct {
		Algorithm string `json:"alg"`
		Type      string `json:"typ"`
		KeyID     string `json:"kid,omitempty"`
	}{algorithm, "JWT", kid})
	if err != nil {
		return nil, err
	}
	return &signer{key: key, scheme: chosen, header: base64.RawURLEncoding.EncodeToString(header)}, nil
}

func (s scheme) fits(public crypto.PublicKey) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return s.kind == kindRSA && public.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		return s.kind == kindECDSA && public.Curve == s.curve
	case ed25519.PublicKey:
		return s.kind == kindEd25519
	}
	return false
}

// assertion is fresh for every request: servers refuse a jti that they have seen (RFC 7523 section 3).
func (s *signer) assertion(id, audience string) (string, error) {
	now := time.Now()
	claims, err := json.Marshal(struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"` // one string, the issuer: no other server can replay it
		ID       string `json:"jti"`
		IssuedAt int64  `json:"iat"`
		Expiry   int64  `json:"exp"`
	}{id, id, audience, rand.Text(), now.Unix(), now.Add(assertionLife).Unix()})
	if err != nil {
		return "", err
	}
	input := s.header + "." + base64.RawURLEncoding.EncodeToString(claims)
	signature, err := s.sign([]byte(input))
	if err != nil {
		return "", fmt.Errorf("sign the assertion: %w", err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

func (s *signer) sign(input []byte) ([]byte, error) {
	if s.scheme.kind == kindEd25519 {
		return s.key.Sign(rand.Reader, input, crypto.Hash(0))
	}
	h := s.scheme.hash.New()
	h.Write(input)
	hashed := h.Sum(nil)
	if s.scheme.pss {
		return s.key.Sign(rand.Reader, hashed, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: s.scheme.hash})
	}
	signature, err := s.key.Sign(rand.Reader, hashed, s.scheme.hash)
	if err != nil || s.scheme.kind != kindECDSA {
		return signature, err
	}
	return fixedLength(signature, s.scheme.curve)
}

// fixedLength turns the ASN.1 that a crypto.Signer gives into R and S side by side (RFC 7518 section 3.4).
func fixedLength(signature []byte, curve elliptic.Curve) ([]byte, error) {
	var parts struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(signature, &parts)
	order := curve.Params().N
	if err != nil || len(rest) > 0 || parts.R.Sign() <= 0 || parts.S.Sign() <= 0 || parts.R.Cmp(order) >= 0 || parts.S.Cmp(order) >= 0 {
		return nil, errors.New("the signer gave no ASN.1 ECDSA signature for the curve of the algorithm")
	}
	size := (order.BitLen() + 7) / 8
	fixed := make([]byte, 2*size)
	parts.R.FillBytes(fixed[:size])
	parts.S.FillBytes(fixed[size:])
	return fixed, nil
}
