package jwks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
)

// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638), in base64url without padding as the jkt of a bound token
// has it. Of a secret, which must not be told by its hash, and of the zero Key it is empty.
func (k *Key) Thumbprint() string {
	if k.zero() {
		return ""
	}
	// Section 3.3: the required members alone, in the order of their names, without white space.
	var required string
	switch public := k.material().(type) {
	case *rsa.PublicKey:
		required = `{"e":"` + encode(big.NewInt(int64(public.E)).Bytes()) + `","kty":"RSA","n":"` + encode(public.N.Bytes()) + `"}`
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, X, Y
		if err != nil {
			return ""
		}
		half := len(point) / 2
		required = `{"crv":"` + public.Params().Name + `","kty":"EC","x":"` + encode(point[1:1+half]) + `","y":"` + encode(point[1+half:]) + `"}`
	case ed25519.PublicKey:
		required = `{"crv":"Ed25519","kty":"OKP","x":"` + encode(public) + `"}` // RFC 8037 section 2
	default:
		return ""
	}
	digest := sha256.Sum256([]byte(required))
	return encode(digest[:])
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
