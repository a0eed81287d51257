package jwks

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/MicahParks/jwkset"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

// maxKeys: no issuer needs more, and every one costs a parse at each refresh.
const maxKeys = 100

// keySet is what a JWKS document holds for us.
type keySet struct {
	entries []*entry
	skipped []skip
}

// skip says which key of a document is not used, and why. Its text comes from this package alone, never from the document.
type skip struct {
	index  int
	reason error
}

// expected: many servers publish a key for encryption beside those for signatures.
func (s skip) expected() bool { return s.reason == errUse || s.reason == errOperations }

func (s skip) String() string { return fmt.Sprintf("key %d: %v", s.index, s.reason) }

var (
	errPrivate     = errors.New("it has private members, so its owner must consider it stolen")
	errSymmetric   = errors.New("a symmetric key (oct) in a public document is no secret; use HMAC")
	errUse         = errors.New("its use is not sig")
	errOperations  = errors.New("its key_ops do not list verify")
	errIssuer      = errors.New("its issuer is not a string, so it cannot be told whose tokens it is good for")
	errAlgorithm   = errors.New("its alg is not supported")
	errMismatch    = errors.New("its alg does not fit its type, curve or size")
	errUnsupported = errors.New("its kty or crv is not supported, or its type, size or exponent is not allowed")
	errMaterial    = errors.New("its kty, crv or key parameters are broken or not supported")
	errCertificate = errors.New("its certificate is of another key")
)

// privateMembers are the secret parameters of RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037 and RFC 9964.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// parseSet reads a document key by key (RFC 7517 section 5): a key that is of no use is skipped and spoils no other. The
// error is for the document as a whole.
func parseSet(document []byte) (keySet, error) {
	top, err := parseDocument(document)
	if err != nil {
		return keySet{}, fmt.Errorf("the key set is refused: %w", err)
	}
	list, err := parseArray(top["keys"], maxKeys)
	switch {
	case errors.Is(err, errTooMany):
		return keySet{}, fmt.Errorf("the key set is refused: it has more than %d keys", maxKeys)
	case err != nil:
		return keySet{}, errors.New(`the key set is refused: it has no array "keys"`)
	}
	var set keySet
	for i, raw := range list {
		e, err := parseKey(raw)
		if err != nil {
			set.skipped = append(set.skipped, skip{i, err})
			continue
		}
		set.entries = append(set.entries, e)
	}
	return set, nil
}

// unusable is nil if there is a key to verify with.
func (s keySet) unusable() error {
	if len(s.entries) > 0 {
		return nil
	}
	if len(s.skipped) == 0 {
		return errors.New("the key set is empty; if the issuer signs with a shared secret, use HMAC")
	}
	const shown = 5
	var reasons []string
	for _, skipped := range s.skipped[:min(shown, len(s.skipped))] {
		reasons = append(reasons, skipped.String())
	}
	return fmt.Errorf("the key set holds no usable key, %d skipped (%s)", len(s.skipped), strings.Join(reasons, "; "))
}

// parseKey reads one JWK. A member that is optional and says nothing, or nothing that can be read, counts as absent (RFC 7517 section 4:
// what is not understood is ignored). Only issuer does not, as it says whose tokens the key must not verify.
func parseKey(raw json.RawMessage) (*entry, error) {
	members, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	for _, name := range privateMembers {
		if !members.empty(name) {
			if members.text("kty") == string(jwkset.KtyOct) {
				return nil, errSymmetric
			}
			return nil, errPrivate
		}
	}
	if use := members.words("use"); len(use) > 0 && !slices.Contains(use, string(jwkset.UseSig)) {
		return nil, errUse
	}
	if operations := members.words("key_ops"); len(operations) > 0 && !slices.Contains(operations, string(jwkset.KeyOpsVerify)) {
		return nil, errOperations
	}
	issuer, err := members.textOrNull("issuer")
	if err != nil {
		return nil, errIssuer
	}
	public, err := parseMaterial(members)
	if err != nil {
		return nil, err
	}
	if certifiesAnother(members, public) {
		return nil, errCertificate
	}
	alg := strings.Join(members.words("alg"), " ") // there is no algorithm of two names
	return newEntry(members.text("kid"), issuer, alg, public)
}

// parseMaterial lets jwkset decode the key. It is given nothing else of the JWK: it would refuse a whole set over an unregistered
// use or a certificate that cannot be parsed, and refuses the alg of RFC 9864.
func parseMaterial(members object) (crypto.PublicKey, error) {
	m := jwkset.JWKMarshal{
		KTY: jwkset.KTY(members.text("kty")),
		CRV: jwkset.CRV(members.text("crv")),
		X:   members.text("x"),
		Y:   members.text("y"),
		N:   members.text("n"),
		E:   members.text("e"),
	}
	if m.KTY == jwkset.KtyOct {
		return nil, errSymmetric
	}
	if len(m.E) > base64.RawURLEncoding.EncodedLen(8) {
		return nil, errMaterial // jwkset would drop what goes beyond 64 bits, and read another exponent
	}
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, errMaterial // jwkset's own text may quote the document
	}
	return jwk.Key(), nil
}

// certifiesAnother reports whether the first certificate of x5c is of another key; they must be the same (RFC 7517 section 4.7). A
// certificate that crypto/x509 cannot read says nothing: a serial number below zero, for one, is nothing that the key can help
// (RFC 5280 section 4.1.2.2). x5u is never fetched, the thumbprints x5t are not used.
func certifiesAnother(members object, public crypto.PublicKey) bool {
	var chain []any
	if json.Unmarshal(members["x5c"], &chain) != nil || len(chain) == 0 {
		return false
	}
	text, _ := chain[0].(string)
	der, _ := base64.StdEncoding.DecodeString(text) // skips line ends; what it cannot decode is no certificate
	certificate, err := x509.ParseCertificate(der)
	if err != nil || certificate.PublicKeyAlgorithm == x509.UnknownPublicKeyAlgorithm {
		return false
	}
	return !sameMaterial(certificate.PublicKey, public)
}

// newEntry judges a public key with the rules that hold whatever it was read from. An empty alg is none.
func newEntry(id, issuer, alg string, public crypto.PublicKey) (*entry, error) {
	if err := jwa.Broken(public); err != nil {
		return nil, err // rather than "does not fit": its owner must hear of it
	}
	e := &entry{id: id, issuer: issuer, material: seal(public)}
	if alg == "" {
		if len(jwa.Fitting(public)) == 0 {
			return nil, errUnsupported
		}
		return e, nil
	}
	e.alg = jwa.Named(alg)
	if e.alg == nil {
		return nil, errAlgorithm
	}
	if e.alg.Symmetric() || e.alg.Check(public) != nil {
		return nil, errMismatch
	}
	return e, nil
}
