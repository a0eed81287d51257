package jwks

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"sync/atomic"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

// Key verifies the signatures of exactly one algorithm. It is immutable, apart from what [Key.Bind] does, and safe for
// concurrent use. Keys come from [NewKey], [NewSecret] or a key source, never unchecked. The zero Key verifies nothing.
type Key struct {
	_ [0]func()

	id       string
	issuer   string
	alg      *jwa.Algorithm
	material sealed
	tie      *tie         // nil: the key named its algorithm
	verified *atomic.Bool // is told of the first good signature; nil: nobody asks
}

// sealed gives the material of a key: *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or []byte. It is a function, so that
// printing what holds it, in whatever way, shows no secret.
type sealed func() any

func seal(material any) sealed { return func() any { return material } }

// ErrSignature is the error of a signature that does not fit the key.
var ErrSignature = errors.New("jwks: the signature does not fit the key")

var errZeroKey = errors.New("jwks: a Key that no constructor made verifies nothing; use NewKey or NewSecret")

// NewKey makes a Key from a public key for one of RS256, RS384, RS512, PS256, PS384, PS512 (*rsa.PublicKey, 2048 to 8192 bits),
// ES256, ES384, ES512 (*ecdsa.PublicKey on P-256, P-384, P-521: RFC 7518 section 3.4), EdDSA and Ed25519 (ed25519.PublicKey).
// The key is copied. An empty id makes a key without a kid. The error says which of these rules the key breaks.
func NewKey(id, algorithm string, public crypto.PublicKey) (*Key, error) {
	return newPublicKey("NewKey", id, algorithm, public, false)
}

// ProveKey is [NewKey], without an id, for a key that comes along with what it has signed, as that of a DPoP proof does (RFC 9449), and
// [Key.Verify] of that. The error is [ErrSignature] for a key that is fit and a signature that is not its own; of such a key it is not known
// whether an Ed25519 key is a point of the curve, as verifying finds that out, and looking beforehand would cost another third.
func ProveKey(algorithm string, public crypto.PublicKey, signingInput string, signature []byte) (*Key, error) {
	key, err := newPublicKey("ProveKey", "", algorithm, public, true)
	if err != nil {
		return nil, err
	}
	if err := key.Verify(signingInput, signature); err != nil {
		return nil, err
	}
	return key, nil
}

// newPublicKey makes a Key. If it is about to verify, what crypto/ed25519 finds out by itself then is not looked for.
func newPublicKey(maker, id, algorithm string, public crypto.PublicKey, verifies bool) (*Key, error) {
	alg := jwa.Named(algorithm)
	if alg == nil {
		return nil, fmt.Errorf("jwks: %s: algorithm %q is not supported; use RS, PS or ES with 256, 384 or 512, EdDSA or Ed25519", maker, algorithm)
	}
	if alg.Symmetric() {
		return nil, fmt.Errorf("jwks: %s: algorithm %s needs a secret; use NewSecret", maker, alg.Name())
	}
	if _, private := public.(interface{ Public() crypto.PublicKey }); private {
		return nil, fmt.Errorf("jwks: %s: a private key (%T) verifies nothing; pass the public key, as its Public method gives it", maker, public)
	}
	check := alg.Check
	if verifies {
		check = alg.CheckForm
	}
	if err := check(public); err != nil {
		return nil, fmt.Errorf("jwks: %s: algorithm %s, key of type %T: %w", maker, alg.Name(), public, err)
	}
	return newKey(id, "", alg, seal(clone(public)), nil), nil
}

// NewSecret makes a Key from a shared secret for HS256, HS384 or HS512. The secret must be at least as long as the hash: 32, 48 or
// 64 bytes (RFC 7518 section 3.2), and random rather than a pass phrase. The text or DER of a key is refused, as that key may be public.
// It is copied. [HMAC] makes a whole key source of several.
func NewSecret(id, algorithm string, secret []byte) (*Key, error) {
	alg := jwa.Named(algorithm)
	if alg == nil || !alg.Symmetric() {
		return nil, fmt.Errorf("jwks: NewSecret: algorithm %q takes no secret; use HS256, HS384 or HS512", algorithm)
	}
	if err := alg.Check(secret); err != nil {
		return nil, fmt.Errorf("jwks: NewSecret: algorithm %s: %w", alg.Name(), err)
	}
	if isKeyDocument(secret) {
		return nil, errKeyDocument
	}
	return newKey(id, "", alg, seal(bytes.Clone(secret)), nil), nil
}

var errKeyDocument = errors.New("jwks: NewSecret: the secret is the text of a key (PEM, JWK, SSH, DER), which may be public, and then anybody could sign: " +
	"use random bytes, or NewKey and Static for a public key")

// isKeyDocument recognises what publishes a key (RFC 8725 section 2.1: a public key that is used as a secret). No random bytes look like it.
func isKeyDocument(secret []byte) bool {
	text := bytes.TrimSpace(secret)
	if bytes.Contains(text, []byte("-----BEGIN ")) || bytes.HasPrefix(text, []byte("ssh-")) || bytes.HasPrefix(text, []byte("ecdsa-sha2-")) {
		return true
	}
	if bytes.HasPrefix(text, []byte("{")) && json.Valid(text) {
		return true
	}
	_, err := x509.ParsePKIXPublicKey(secret)
	return err == nil
}

func newKey(id, issuer string, alg *jwa.Algorithm, material sealed, tie *tie) *Key {
	return &Key{id: id, issuer: issuer, alg: alg, material: material, tie: tie}
}

// ID is the kid, empty if the key has none.
func (k *Key) ID() string {
	if k.zero() {
		return ""
	}
	return k.id
}

// Issuer is what the JWK's own member issuer says, byte for byte: the key is good for tokens of that iss alone. It may hold a placeholder
// such as {tenantid}, to be filled with the token's tenant. Empty: the JWK named none, so the key is good for whatever its key
// source is trusted for. No RFC defines the member; Microsoft's key sets have it. [NewKey], [NewSecret] and [FromKeyfunc] make keys without.
// Verify does not look at it.
func (k *Key) Issuer() string {
	if k.zero() {
		return ""
	}
	return k.issuer
}

// Algorithm is the one JWS algorithm whose signatures the key verifies.
func (k *Key) Algorithm() string {
	if k.zero() {
		return ""
	}
	return k.alg.Name()
}

// Equal reports whether other has the same id, issuer, algorithm and key material. A token that was verified earlier is still good
// only while a key equal to the one that verified it is among its issuer's keys.
func (k *Key) Equal(other *Key) bool {
	if k.zero() || other.zero() {
		return false
	}
	if k == other {
		return true
	}
	return k.id == other.id && k.issuer == other.issuer && k.alg == other.alg && sameMaterial(k.material(), other.material())
}

// Verify checks a JWS signature over signingInput, which is the token's first two segments with the dot between them. The
// signature is in the form of RFC 7518: ECDSA as R||S of fixed length, RSASSA-PSS with a salt as long as the hash. Nil means
// that the signature is good, and nothing else; that the token names this key and this algorithm is the caller's to check.
func (k *Key) Verify(signingInput string, signature []byte) error {
	if k.zero() {
		return errZeroKey
	}
	if !k.alg.Verifies(signingInput, signature, k.material()) {
		return ErrSignature
	}
	if k.verified != nil && !k.verified.Load() {
		k.verified.Store(true)
	}
	return nil
}

// Thumbprint returns the SHA-256 thumbprint of the public key (RFC 7638), in base64url without padding as the jkt of a bound token
// has it. It is empty for a secret, which a hash would reveal, and for the zero Key.
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

func (k *Key) zero() bool { return k == nil || k.alg == nil }

// sameMaterial compares secrets in constant time. All public key types of the standard library have Equal.
func sameMaterial(a, b any) bool {
	if secret, ok := a.([]byte); ok {
		other, ok := b.([]byte)
		return ok && subtle.ConstantTimeCompare(secret, other) == 1
	}
	switch a.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		if a == b { // the same pointer: much cheaper than comparing numbers
			return true
		}
	}
	public, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(b)
}

// clone keeps a caller from changing a key that has been checked.
func clone(public any) any {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return &rsa.PublicKey{N: new(big.Int).Set(key.N), E: key.E}
	case *ecdsa.PublicKey:
		return &ecdsa.PublicKey{Curve: key.Curve, X: new(big.Int).Set(key.X), Y: new(big.Int).Set(key.Y)}
	case ed25519.PublicKey:
		return ed25519.PublicKey(bytes.Clone(key))
	}
	return public
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
