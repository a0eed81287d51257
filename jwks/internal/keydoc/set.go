package keydoc

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
)

// maxKeys: no issuer needs more, and every one costs a parse at each refresh.
const maxKeys = 100

// JWK is a key as a set publishes it. Public is an *rsa.PublicKey, an *ecdsa.PublicKey, an ed25519.PublicKey or of a type that nobody here
// knows; whether an algorithm may use it is not judged.
type JWK struct {
	ID        string // kid; empty: none
	Issuer    string // whose tokens alone it is good for; empty: it does not say
	Algorithm string // alg; empty: none
	Public    crypto.PublicKey
}

// Reading is what came of one key of a set.
type Reading struct {
	JWK JWK
	Err error // not nil: the key is of no use, for this reason, and JWK is zero. Its text quotes nothing of the document
}

var (
	errPrivate     = errors.New("it has private members, so its owner must consider it stolen")
	errSymmetric   = errors.New("a symmetric key (oct) in a public document is no secret; use HMAC")
	errUse         = errors.New("its use is not sig")
	errOperations  = errors.New("its key_ops do not list verify")
	errIssuer      = errors.New("its issuer is not a string, so it cannot be told whose tokens it is good for")
	errMaterial    = errors.New("its kty, crv or key parameters are broken or not supported")
	errCertificate = errors.New("its certificate is of another key")
)

// ForOtherUse reports whether the reason is that a key is for something else than signatures: many servers publish a key for encryption
// beside those for signatures.
func ForOtherUse(reason error) bool { return reason == errUse || reason == errOperations }

// privateMembers are the secret parameters of RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037 and RFC 9964.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// ReadSet reads a document key by key, in its order (RFC 7517 section 5): a key that is of no use spoils no other. The error is for the
// document as a whole, and quotes nothing of it.
func ReadSet(document []byte) ([]Reading, error) {
	top, err := parseDocument(document)
	if err != nil {
		return nil, err
	}
	list, err := parseArray(top["keys"], maxKeys)
	switch {
	case errors.Is(err, errTooMany):
		return nil, fmt.Errorf("it has more than %d keys", maxKeys)
	case err != nil:
		return nil, errors.New(`it has no array "keys"`)
	}
	readings := make([]Reading, len(list))
	for i, raw := range list {
		readings[i].JWK, readings[i].Err = parseKey(raw)
	}
	return readings, nil
}

// parseKey reads one JWK. A member that is optional and says nothing, or nothing that can be read, counts as absent (RFC 7517 section 4:
// what is not understood is ignored). Only issuer does not, as it says whose tokens the key must not verify.
func parseKey(raw json.RawMessage) (JWK, error) {
	members, err := parseObject(raw)
	if err != nil {
		return JWK{}, err
	}
	for _, name := range privateMembers {
		if !members.empty(name) {
			if members.text("kty") == string(jwkset.KtyOct) {
				return JWK{}, errSymmetric
			}
			return JWK{}, errPrivate
		}
	}
	if use := members.words("use"); len(use) > 0 && !slices.Contains(use, string(jwkset.UseSig)) {
		return JWK{}, errUse
	}
	if operations := members.words("key_ops"); len(operations) > 0 && !slices.Contains(operations, string(jwkset.KeyOpsVerify)) {
		return JWK{}, errOperations
	}
	issuer, err := members.textOrNull("issuer")
	if err != nil {
		return JWK{}, errIssuer
	}
	public, err := parseMaterial(members)
	if err != nil {
		return JWK{}, err
	}
	if certifiesAnother(members, public) {
		return JWK{}, errCertificate
	}
	alg := strings.Join(members.words("alg"), " ") // there is no algorithm of two names
	return JWK{ID: members.text("kid"), Issuer: issuer, Algorithm: alg, Public: public}, nil
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
	certified, known := certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return !known || !certified.Equal(public)
}
