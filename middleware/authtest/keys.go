package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/jwks"
)

// defaultAlgorithm signs what names no other: small keys that are made at once, and what current servers choose.
const defaultAlgorithm = "ES256"

// algorithm is one JWS algorithm that an Issuer signs with, and how a key for it is made.
type algorithm struct {
	name   string
	method jwt.SigningMethod
	newKey func() (crypto.Signer, error)
}

var algorithms = [...]algorithm{
	{"ES256", jwt.SigningMethodES256, newEC(elliptic.P256())},
	{"ES384", jwt.SigningMethodES384, newEC(elliptic.P384())},
	{"ES512", jwt.SigningMethodES512, newEC(elliptic.P521())},
	{"EdDSA", jwt.SigningMethodEdDSA, newEd25519},
	{"Ed25519", jwt.SigningMethodEdDSA, newEd25519}, // RFC 9864: the same signature under the name that says which curve
	{"RS256", jwt.SigningMethodRS256, newRSA},
	{"RS384", jwt.SigningMethodRS384, newRSA},
	{"RS512", jwt.SigningMethodRS512, newRSA},
	{"PS256", jwt.SigningMethodPS256, newRSA},
	{"PS384", jwt.SigningMethodPS384, newRSA},
	{"PS512", jwt.SigningMethodPS512, newRSA},
}

// slow tells the algorithms whose keys take a tenth of a second each.
func (a *algorithm) slow() bool {
	return strings.HasPrefix(a.name, "RS") || strings.HasPrefix(a.name, "PS")
}

func algorithmNames() []string {
	names := make([]string, len(algorithms))
	for i, a := range algorithms {
		names[i] = a.name
	}
	return names
}

func newEC(curve elliptic.Curve) func() (crypto.Signer, error) {
	return func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
}

func newEd25519() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

func newRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// signingKey is a private key for one algorithm. It is immutable once made.
type signingKey struct {
	id        string
	algorithm *algorithm
	private   crypto.Signer
	public    *jwks.Key
}

func (k *signingKey) make(a *algorithm) (err error) {
	k.id, k.algorithm = a.name+"-"+rand.Text()[:10], a
	if k.private, err = a.newKey(); err != nil {
		return fmt.Errorf("authtest: no %s key could be made: %w", a.name, err)
	}
	if k.public, err = jwks.NewKey(k.id, a.name, k.private.Public()); err != nil {
		return fmt.Errorf("authtest: %w", err)
	}
	return nil
}

// sign returns the signature of a JWS in the form of RFC 7518.
func (k *signingKey) sign(signingInput string) ([]byte, error) {
	return k.algorithm.method.Sign(signingInput, k.private)
}

// jwk returns the public half as a key set has it (RFC 7517 section 4).
func (k *signingKey) jwk() map[string]string {
	jwk := publicMembers(k.private.Public())
	jwk["kid"], jwk["use"], jwk["alg"] = k.id, "sig", k.algorithm.name
	return jwk
}

// publicMembers returns those members of a JWK that make the key (RFC 7518 section 6, RFC 8037 section 2).
func publicMembers(public crypto.PublicKey) map[string]string {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		point, _ := public.Bytes() // it fails for keys that are no point, of which jwks.NewKey has made sure
		point = point[1:]          // 4, x, y
		half := len(point) / 2
		return map[string]string{"kty": "EC", "crv": public.Params().Name, "x": encode(point[:half]), "y": encode(point[half:])}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": encode(public)}
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes())}
	default:
		return map[string]string{} // there are no other keys in this package
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
