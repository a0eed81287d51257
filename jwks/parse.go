package jwks

import (
	"crypto"
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
	errMaterial    = errors.New("its kty, crv or key parameters are broken or not supported, or its certificate is of another key")
)

// privateMembers are the secret parameters of RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037 and RFC 9964.
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}

// parseSet reads a document key by key (RFC 7517 section 5): a key that is of no use is skipped and spoils no other. The
// error is for the document as a whole.
func parseSet(document []byte) (keySet, error) {
	top, err := parseObject(document)
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
		return errors.New("the key set is empty")
	}
	const shown = 5
	var reasons []string
	for _, skipped := range s.skipped[:min(shown, len(s.skipped))] {
		reasons = append(reasons, skipped.String())
	}
	return fmt.Errorf("the key set holds no usable key, %d skipped (%s)", len(s.skipped), strings.Join(reasons, "; "))
}

func parseKey(raw json.RawMessage) (*entry, error) {
	members, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	for _, name := range privateMembers {
		if members.has(name) {
			if members["kty"] != nil && string(members["kty"]) == `"oct"` {
				return nil, errSymmetric
			}
			return nil, errPrivate
		}
	}
	use, hasUse, err1 := members.text("use")
	alg, hasAlg, err2 := members.text("alg")
	id, _, err3 := members.text("kid")
	operations, err4 := members.texts("key_ops")
	issuer, _, errIssuerType := members.text("issuer")
	if errors.Join(err1, err2, err3, err4) != nil {
		return nil, errMember
	}
	if errIssuerType != nil { // the member restricts the key, so here "absent" is not the safe reading
		return nil, errIssuer
	}
	if hasUse && use != string(jwkset.UseSig) {
		return nil, errUse
	}
	if operations != nil && !slices.Contains(operations, string(jwkset.KeyOpsVerify)) {
		return nil, errOperations
	}
	public, err := parseMaterial(members)
	if err != nil {
		return nil, err
	}
	return newEntry(id, issuer, alg, hasAlg, public)
}

// parseMaterial lets jwkset decode the key and compare it with the first certificate of x5c (RFC 7517 section 4.7: they must be
// the same key). It is given nothing else of the JWK: it would refuse a whole set over an unregistered use, and refuses
// the alg of RFC 9864. x5u is never fetched, the thumbprints x5t are not used.
func parseMaterial(members object) (crypto.PublicKey, error) {
	var m jwkset.JWKMarshal
	var errs [6]error
	var kty, crv string
	kty, _, errs[0] = members.text("kty")
	crv, _, errs[1] = members.text("crv")
	m.X, _, errs[2] = members.text("x")
	m.Y, _, errs[3] = members.text("y")
	m.N, _, errs[4] = members.text("n")
	m.E, _, errs[5] = members.text("e")
	certificates, err := members.texts("x5c")
	if errors.Join(errs[:]...) != nil || err != nil {
		return nil, errMember
	}
	m.KTY, m.CRV, m.X5C = jwkset.KTY(kty), jwkset.CRV(crv), certificates[:min(1, len(certificates))]
	if m.KTY == jwkset.KtyOct {
		return nil, errSymmetric
	}
	if len(m.E) > base64.RawURLEncoding.EncodedLen(8) {
		return nil, errMaterial // jwkset would drop what goes beyond 64 bits, and read another exponent
	}
	if m.KTY == jwkset.KtyOKP {
		m.ALG = jwkset.AlgEdDSA // what jwkset demands beside a certificate
	}
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, errMaterial // jwkset's own text may quote the document
	}
	return jwk.Key(), nil
}

// newEntry judges a public key with the rules that hold whatever it was read from.
func newEntry(id, issuer, alg string, hasAlg bool, public crypto.PublicKey) (*entry, error) {
	if errors.Is(checkRSA(public), errROCA) {
		return nil, errROCA // rather than "does not fit": its owner must hear of it
	}
	e := &entry{id: id, issuer: issuer, material: seal(public)}
	if !hasAlg {
		if len(algorithmsFor(public)) == 0 {
			return nil, errUnsupported
		}
		return e, nil
	}
	e.alg = algorithmNamed(alg)
	if e.alg == nil {
		return nil, errAlgorithm
	}
	if e.alg.symmetric() || e.alg.check(public) != nil {
		return nil, errMismatch
	}
	return e, nil
}
