package middleware

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"math/big"
	"slices"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// jwkMembers make up a public key: RFC 7518 section 6, RFC 8037 section 2.
type jwkMembers struct{ kty, crv, x, y, n, e string }

// readJWK reads the key that came with a proof. It must be public, meant for signatures and fit the algorithm. Each key has one
// spelling: a number without padding, in exactly the length that its type wants, so that the thumbprint of what is written is the
// thumbprint of what was read. Certificates (x5c) are not looked at: a thumbprint speaks of the key alone (RFC 7638 section 3.2).
func readJWK(v strictjson.Value, algorithm string) (*jwks.Key, error) {
	var k jwkMembers
	for name, member := range v.Members() {
		if member.Kind() != strictjson.Null && !k.take(name, member, algorithm) { // null is absent: some clients write out all they know
			return nil, errProofKey
		}
	}
	public := k.public()
	if public == nil {
		return nil, errProofKey
	}
	key, err := jwks.NewKey("", algorithm, public)
	if err != nil {
		return nil, errProofKey
	}
	return key, nil
}

// take reads one member; false: it rules the key out.
func (k *jwkMembers) take(name string, v strictjson.Value, algorithm string) (ok bool) {
	switch name {
	case "kty":
		k.kty, ok = v.Text()
	case "crv":
		k.crv, ok = v.Text()
	case "x":
		k.x, ok = v.Text()
	case "y":
		k.y, ok = v.Text()
	case "n":
		k.n, ok = v.Text()
	case "e":
		k.e, ok = v.Text()
	case "alg":
		text, _ := v.Text()
		ok = text == algorithm
	case "use":
		text, _ := v.Text()
		ok = text == "sig"
	case "key_ops":
		operations, _ := v.Strings(nil)
		ok = slices.Contains(operations, "verify")
	case "kid":
		ok = v.Kind() == strictjson.String
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv": // private, or a secret: RFC 7518 section 6, RFC 9964
		ok = false
	default:
		ok = true
	}
	return ok
}

// public returns nil for what is no key. What else a key must be is judged by [jwks.NewKey].
func (k *jwkMembers) public() crypto.PublicKey {
	switch k.kty {
	case "EC":
		return k.point()
	case "RSA":
		return k.modulus()
	case "OKP":
		if x := octets(k.x); k.crv == "Ed25519" && len(x) == ed25519.PublicKeySize {
			return ed25519.PublicKey(x)
		}
	}
	return nil
}

// point wants both coordinates in the full length of the curve: RFC 7518 section 6.2.1.2.
func (k *jwkMembers) point() crypto.PublicKey {
	var curve elliptic.Curve
	switch k.crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	case "P-521":
		curve = elliptic.P521()
	default:
		return nil
	}
	x, y := octets(k.x), octets(k.y)
	if len(x) != len(y) { // or one could borrow from the other; their sum is checked below
		return nil
	}
	public, err := ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y)) // SEC 1 section 2.3.3
	if err != nil {
		return nil
	}
	return public
}

// modulus wants numbers in as few octets as they need: RFC 7518 sections 2 and 6.3.1.
func (k *jwkMembers) modulus() crypto.PublicKey {
	n, e := octets(k.n), octets(k.e)
	if len(n) == 0 || n[0] == 0 || len(e) == 0 || e[0] == 0 || len(e) > 4 {
		return nil
	}
	exponent := 0
	for _, octet := range e {
		exponent = exponent<<8 | int(octet)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: exponent}
}

// octets decodes strict base64url, and gives none for what is not.
func octets(text string) []byte {
	decoded, err := compact.Text(text)
	if err != nil {
		return nil
	}
	return []byte(decoded)
}
