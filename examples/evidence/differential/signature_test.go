package differential_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
)

// signature gives a signed token another signature, close to the good one.
func (g generator) signature() mutation {
	k := g.key()
	header, claims := texts(k, g.r)
	input := b64(header) + "." + b64(claims)
	good := k.signature(input, rsa.PSSSaltLengthEqualsHash)
	forms := [][]byte{
		nil, {0}, slices.Concat(good, []byte{0}), slices.Concat([]byte{0}, good), good[1:], good[:len(good)-1], make([]byte, len(good)),
		slices.Concat(good, good),
	}
	class := "signature"
	switch private := k.private.(type) {
	case *ecdsa.PrivateKey:
		forms = append(forms, k.ecdsaForms(private, good)...)
		class = "signature: ECDSA"
	case ed25519.PrivateKey:
		forms = append(forms, edForms(good)...)
	case *rsa.PrivateKey:
		forms = append(forms, k.rsaForms(private, input, good)...)
		class = "signature: RSA"
	}
	return mutation{class, input + "." + b64(string(pick(g.r, forms)))}
}

// ecdsaForms: -s is as good as s, by the definition of ECDSA; all other forms are not those of RFC 7518 section 3.4.
func (k key) ecdsaForms(private *ecdsa.PrivateKey, good []byte) [][]byte {
	n := private.Curve.Params().N
	size := len(good) / 2
	r, s := new(big.Int).SetBytes(good[:size]), new(big.Int).SetBytes(good[size:])
	zero := new(big.Int)
	return [][]byte{
		k.join(
			r, new(big.Int).Sub(n, s),
		), k.join(r, new(big.Int).Add(n, s)), k.join(new(big.Int).Add(n, r), s), k.join(s, r), k.join(zero, zero), k.join(r, zero), k.join(zero, s), k.join(n, n),
		must(asn1.Marshal(struct{ R, S *big.Int }{r, s})), slices.Concat([]byte{0}, good[:size], []byte{0}, good[size:]), slices.Concat(r.Bytes()[1:], s.Bytes()),
	}
}

// edForms: s plus the order of the group, which RFC 8032 section 5.1.7 refuses, and other points.
func edForms(good []byte) [][]byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := slices.Clone(good[32:])
	slices.Reverse(s)
	sum := make([]byte, 32)
	new(big.Int).Add(new(big.Int).SetBytes(s), order).FillBytes(sum)
	slices.Reverse(sum)
	identity := make([]byte, 32)
	identity[0] = 1
	flipped := slices.Clone(good)
	flipped[31] ^= 0x80
	return [][]byte{slices.Concat(good[:32], sum), slices.Concat(identity, make([]byte, 32)), flipped, slices.Concat(good[32:], good[:32])}
}

// rsaForms: the same number plus the modulus, other salts, and the other padding under the same name.
func (k key) rsaForms(private *rsa.PrivateKey, input string, good []byte) [][]byte {
	more := new(big.Int).Add(new(big.Int).SetBytes(good), private.N)
	other := k
	other.alg = "PS" + k.alg[2:]
	if strings.HasPrefix(k.alg, "PS") {
		other.alg = "RS" + k.alg[2:]
	}
	return [][]byte{
		more.Bytes(), other.signature(input, rsa.PSSSaltLengthEqualsHash), {1}, k.signature(input, 0), k.signature(input, 20),
		k.signature(input, rsa.PSSSaltLengthAuto),
	}
}

// algorithm signs with one algorithm and names another.
func (g generator) algorithm() mutation {
	k := g.key()
	header, claims := documents(k, g.r)
	names := []string{
		"none", "None", "NONE", "nOnE", "", strings.ToLower(
			k.alg,
		), k.alg + " ", k.alg + "\\u0000", "ES256K", "HS1", "RS1", "A128KW", "dir", "RSA-OAEP", "Ed448", "ML-DSA-44",
		"HS256", "HS384", "HS512", "RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
	}
	name := pick(g.r, names)
	header.members[0].value = `"` + name + `"`
	if g.r.IntN(3) == 0 {
		header.members = append(header.members[:1:1], header.members[2:]...) // no kid
	}
	input := b64(header.String()) + "." + b64(claims.String())
	forms := [][]byte{nil, k.signature(input, rsa.PSSSaltLengthEqualsHash)}
	if _, isSecret := k.private.([]byte); !isSecret { // the public key as a secret: the oldest attack of all
		for _, secret := range publicForms(k) {
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(input))
			forms = append(forms, mac.Sum(nil))
		}
	}
	for _, other := range keys {
		if other.alg == name && g.r.IntN(4) == 0 {
			forms = append(forms, other.signature(input, rsa.PSSSaltLengthEqualsHash))
		}
	}
	return mutation{"algorithm", input + "." + b64(string(pick(g.r, forms)))}
}

func publicForms(k key) [][]byte {
	der := must(x509.MarshalPKIXPublicKey(k.public()))
	forms := [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
	switch public := k.public().(type) {
	case ed25519.PublicKey:
		forms = append(forms, public)
	case *rsa.PublicKey:
		forms = append(forms, public.N.Bytes())
	case *ecdsa.PublicKey:
		forms = append(forms, elliptic.MarshalCompressed(public.Curve, public.X, public.Y))
	}
	return forms
}
