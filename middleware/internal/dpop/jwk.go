package dpop

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"math"
	"math/big"
	"slices"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// The dearest key that may come with a proof. Its owner chooses it and pays nothing for a signature that does not fit, so it is held
// to less than the key of an issuer is (RFC 9449 section 11.6 leaves the choice to the server).
const (
	maxRSABits  = 4096
	maxExponent = 65537
)

// writtenKey is the public key that came with a proof, as it is written: RFC 7518 section 6, RFC 8037 section 2.
type writtenKey struct {
	algorithm            string
	kty, crv, x, y, n, e string

	first, second []byte // x and y of a point, x alone, or n and e
}

// readJWK reads the key that came with a proof, which must be public, meant for signatures and fit the algorithm. Each key has one
// spelling: a number without padding, in exactly the length that its type wants, so that the thumbprint of what is written is the
// thumbprint of the key. Whether the numbers make a key is left to verify. Certificates (x5c) are not looked at: a thumbprint
// speaks of the key alone (RFC 7638 section 3.2).
func readJWK(v strictjson.Value, algorithm string) (writtenKey, error) {
	k := writtenKey{algorithm: algorithm}
	for name, member := range v.Members() {
		if member.Kind() != strictjson.Null && !k.take(name, member) { // null is absent: some clients write out all they know
			return writtenKey{}, errKey
		}
	}
	if !k.decode() {
		return writtenKey{}, errKey
	}
	if k.kty == "RSA" && (len(k.first) > maxRSABits/8 || exponentOf(k.second) > maxExponent) {
		return writtenKey{}, errKeySize
	}
	return k, nil
}

// take reads one member; false: it rules the key out.
func (k *writtenKey) take(name string, v strictjson.Value) (ok bool) {
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
		ok = text == k.algorithm
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
		ok = !resembles(name, jwkNames)
	}
	return ok
}

// decode reads the texts, and wants the one spelling of each: both coordinates of a point in the full length of the curve (RFC 7518
// section 6.2.1.2), the numbers of RSA in as few octets as they need (sections 2 and 6.3.1).
func (k *writtenKey) decode() bool {
	switch k.kty {
	case "EC":
		k.first, k.second = octets(k.x), octets(k.y)
		curve := k.curve()
		return curve != nil && len(k.first) == coordinateLength(curve) && len(k.second) == coordinateLength(curve)
	case "RSA":
		k.first, k.second = octets(k.n), octets(k.e)
		return len(k.first) > 0 && k.first[0] != 0 && len(k.second) > 0 && k.second[0] != 0
	case "OKP":
		k.first = octets(k.x)
		return k.crv == "Ed25519" && len(k.first) == ed25519.PublicKeySize
	}
	return false
}

// thumbprint is RFC 7638: the required members alone, in the order of their names. Of what decode has taken no character needs an escape.
func (k *writtenKey) thumbprint() string {
	var required string
	switch k.kty {
	case "EC":
		required = `{"crv":"` + k.crv + `","kty":"EC","x":"` + k.x + `","y":"` + k.y + `"}`
	case "RSA":
		required = `{"e":"` + k.e + `","kty":"RSA","n":"` + k.n + `"}`
	default:
		required = `{"crv":"` + k.crv + `","kty":"OKP","x":"` + k.x + `"}` // RFC 8037 section 2
	}
	digest := shards.KeyOf(required)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// public makes a key of the numbers. Whether they are one, no key of small order or known to be broken, is for jwks to judge.
func (k *writtenKey) public() (crypto.PublicKey, error) {
	switch k.kty {
	case "EC":
		return ecdsa.ParseUncompressedPublicKey(k.curve(), slices.Concat([]byte{4}, k.first, k.second)) // SEC 1 section 2.3.3
	case "RSA":
		return &rsa.PublicKey{N: new(big.Int).SetBytes(k.first), E: exponentOf(k.second)}, nil
	default:
		return ed25519.PublicKey(k.first), nil
	}
}

// curve is nil for what no algorithm uses.
func (k *writtenKey) curve() elliptic.Curve {
	switch k.crv {
	case "P-256":
		return elliptic.P256()
	case "P-384":
		return elliptic.P384()
	case "P-521":
		return elliptic.P521()
	}
	return nil
}

func coordinateLength(curve elliptic.Curve) int { return (curve.Params().BitSize + 7) / 8 }

// exponentOf is beyond every limit for what an int of 32 bits may not hold.
func exponentOf(octets []byte) int {
	if len(octets) > 3 {
		return math.MaxInt32
	}
	exponent := 0
	for _, octet := range octets {
		exponent = exponent<<8 | int(octet)
	}
	return exponent
}

// octets decodes strict base64url, and gives none for what is not.
func octets(text string) []byte {
	decoded, err := compact.Text(text)
	if err != nil {
		return nil
	}
	return []byte(decoded)
}

var jwkNames = []string{"kty", "crv", "x", "y", "n", "e", "alg", "use", "key_ops", "kid", "d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}
