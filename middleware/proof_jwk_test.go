package middleware_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// keysOfProofs is one key for each algorithm that a proof may have.
func keysOfProofs(t testing.TB) map[string]crypto.PublicKey {
	t.Helper()
	on := func(curve elliptic.Curve) crypto.PublicKey {
		return must(ecdsa.GenerateKey(curve, rand.Reader)).Public()
	}
	return map[string]crypto.PublicKey{
		"ES256": p256Key().Public(), "ES384": on(elliptic.P384()), "ES512": on(elliptic.P521()),
		"EdDSA": edKey().Public(), "Ed25519": strangeKey().Public(), "RS256": rsaKey().Public(), "PS512": rsaKey().Public(),
	}
}

func TestKeyOfAProofIsReadAsWritten(t *testing.T) {
	for alg, public := range keysOfProofs(t) {
		jwk := jwkOf(public)
		for name, more := range map[string]claims{
			"alone":                         {},
			"with what keys may have":       {"kid": "1", "use": "sig", "alg": alg, "key_ops": []string{"verify"}},
			"with null for what it has not": {"d": nil, "kid": nil, "use": nil, "alg": nil, "key_ops": nil},
			"with unknown members":          {"x5t": "?", "ext": true, "iat": 1},
			"with a certificate":            {"x5c": []string{"not looked at"}},
		} {
			members := claims{}
			for _, from := range []claims{jwk, more} {
				for member, value := range from {
					members[member] = value
				}
			}
			key, err := middleware.ProofKey(string(toJSON(members)), alg)
			if err != nil {
				t.Errorf("%s %s: %v", alg, name, err)
				continue
			}
			if want := must(jwks.NewKey("", alg, public)); !key.Equal(want) {
				t.Errorf("%s %s: another key", alg, name)
			}
			if got := middleware.ProofThumbprint(string(toJSON(members)), alg); got != key.Thumbprint() {
				t.Errorf("%s %s: the thumbprint of what is written is %q, of the key %q", alg, name, got, key.Thumbprint())
			}
		}
	}
}

// One key, one spelling, and nothing that its owner should have kept.
func TestKeyOfAProofIsRefused(t *testing.T) {
	zero := func(text string) string { return b64(append([]byte{0}, decoded(text)...)) }
	short := func(text string) string { return b64(decoded(text)[1:]) }
	number := func(n int64) string { return b64(big.NewInt(n).Bytes()) }
	for alg, public := range keysOfProofs(t) {
		good := jwkOf(public)
		text := func(name string) string { s, _ := good[name].(string); return s }
		rows := map[string]claims{
			"no kty":                         {"kty": nil},
			"an unknown kty":                 {"kty": "AKP"},
			"kty in another case":            {"kty": strings.ToLower(text("kty"))},
			"kty that is no string":          {"kty": 1},
			"a symmetric key":                {"kty": "oct", "k": "AAAA"},
			"for encryption":                 {"use": "enc"},
			"a use that is no string":        {"use": 1},
			"for signing alone":              {"key_ops": []string{"sign"}},
			"for nothing":                    {"key_ops": []string{}},
			"operations that are no list":    {"key_ops": "verify"},
			"operations that are no strings": {"key_ops": []any{"verify", 1}},
			"another algorithm":              {"alg": "HS256"},
			"an empty algorithm":             {"alg": ""},
			"an algorithm of encryption":     {"alg": "ECDH-ES"},
			"a kid that is no string":        {"kid": 7},
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
			rows["with "+private] = claims{private: "AAAA"}
			rows["with an empty "+private] = claims{private: ""}
		}
		for _, name := range []string{"x", "y", "n", "e"} {
			if good[name] == nil {
				continue
			}
			rows["no "+name] = claims{name: nil}
			rows[name+" that is empty"] = claims{name: ""}
			rows[name+" that is no string"] = claims{name: []string{text(name)}}
			rows[name+" with padding"] = claims{name: text(name) + strings.Repeat("=", 4-len(text(name))%4)}
			rows[name+" with a line break"] = claims{name: text(name) + "\n"}
			rows[name+" in the standard alphabet"] = claims{name: strings.Repeat("+/", len(text(name))/2)}
			rows[name+" with a zero in front"] = claims{name: zero(text(name))}
			rows[name+" with an octet missing"] = claims{name: short(text(name))}
			if len(text(name))%4 != 0 {
				rows[name+" with unused bits"] = claims{name: text(name)[:len(text(name))-1] + "B"}
			}
		}
		switch public.(type) {
		case *ecdsa.PublicKey:
			rows["no curve"] = claims{"crv": nil}
			rows["another curve"] = claims{"crv": "P-224"}
			rows["a curve of Bitcoin"] = claims{"crv": "secp256k1"}
			rows["a point that is not on the curve"] = claims{"y": text("x")}
			rows["infinity"] = claims{"x": b64(make([]byte, len(decoded(text("x"))))), "y": b64(make([]byte, len(decoded(text("y")))))}
			rows["a coordinate that borrows from the other"] = claims{"x": short(text("x")), "y": b64(append(decoded(text("x"))[:1], decoded(text("y"))...))}
			rows["coordinates beyond the field"] = claims{"x": b64(slices.Repeat([]byte{255}, len(decoded(text("x")))))}
		case ed25519.PublicKey:
			rows["no curve"] = claims{"crv": nil}
			rows["a curve of key agreement"] = claims{"crv": "X25519"}
			rows["a curve that is not supported"] = claims{"crv": "Ed448"}
			rows["a point of small order"] = claims{"x": b64(append([]byte{1}, make([]byte, 31)...))}
			rows["33 octets"] = claims{"x": b64(append(decoded(text("x")), 0))}
		case *rsa.PublicKey:
			rows["1024 bits"] = claims{"n": b64(decoded(text("n"))[:128])}
			rows["16384 bits"] = claims{"n": strings.Repeat(text("n"), 8)[:2731-1]}
			rows["4097 bits"] = claims{"n": b64(append([]byte{1}, append(make([]byte, 511), 1)...))}
			rows["8192 bits"] = claims{"n": b64(slices.Repeat([]byte{255}, 1024))}
			rows["an even modulus"] = claims{"n": b64(append(decoded(text("n"))[:255], 2))}
			rows["the mark of a broken generator"] = claims{"n": b64(new(big.Int).Exp(big.NewInt(65537), big.NewInt(128), nil).Bytes())} // a power of 65537, 2049 bits
			for _, e := range []int64{1, 2, 65536, 65539, 1<<24 + 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1<<32 + 65537} {
				rows[fmt.Sprintf("the exponent %d", e)] = claims{"e": number(e)}
			}
			rows["a small exponent with a zero in front"] = claims{"e": b64([]byte{0, 3})}
			rows["an exponent beyond 64 bits, the rest of which is good"] = claims{"e": b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})}
		}
		for name, changes := range rows {
			members := claims{}
			for member, value := range good {
				members[member] = value
			}
			document := string(toJSON(changed(members, changes)))
			if key, err := middleware.ProofKey(document, alg); err == nil || key != nil {
				t.Errorf("%s, %s: %s is taken", alg, name, document)
			}
		}
		for _, other := range []string{"", "none", "HS256", "es256", "RS256", "ES256", "EdDSA"} {
			fits := other == alg || text("kty") == "RSA" && other == "RS256" || text("kty") == "OKP" && other == "EdDSA"
			if _, err := middleware.ProofKey(string(toJSON(good)), other); (err == nil) != fits {
				t.Errorf("a key for %s as one for %q: %v", alg, other, err)
			}
		}
	}
}

// FuzzProofKey holds the reader against jwkset's, which reads more spellings. What only one of the two takes must have a reason.
func FuzzProofKey(f *testing.F) {
	for alg, public := range keysOfProofs(f) {
		jwk := jwkOf(public)
		f.Add(string(toJSON(jwk)), alg)
		for member, value := range (claims{"d": "AAAA", "use": "sig", "key_ops": []string{"verify"}, "alg": alg, "kid": "1", "x5c": []string{"AA=="}, "y": "AAAA"}) {
			f.Add(string(toJSON(changed(jwkOf(public), claims{member: value}))), alg)
		}
		for member, value := range jwk {
			f.Add(string(toJSON(changed(jwkOf(public), claims{member: value.(string) + "="}))), alg)
			f.Add(string(toJSON(changed(jwkOf(public), claims{member: "AA" + value.(string)}))), alg)
		}
	}
	f.Fuzz(func(t *testing.T, document, alg string) {
		if !json.Valid([]byte(document)) {
			return
		}
		ours, err := middleware.ProofKey(document, alg)
		theirs, reason := referenceKey(document, alg)
		switch {
		case err == nil && theirs == nil:
			t.Errorf("%s is taken for %s, jwkset says %s", document, alg, reason)
		case err == nil && (!ours.Equal(theirs) || middleware.ProofThumbprint(document, alg) != theirs.Thumbprint()):
			t.Errorf("%s for %s is read as another key", document, alg)
		case err != nil && theirs != nil && reason == "":
			t.Errorf("%s is refused for %s", document, alg)
		}
	})
}

// referenceKey is jwkset's reading of a JWK. The reason says why it may be refused all the same.
func referenceKey(document, alg string) (key *jwks.Key, reason string) {
	var members map[string]any
	if json.Unmarshal([]byte(document), &members) != nil || members == nil {
		return nil, "no object"
	}
	text := func(name string) string { s, _ := members[name].(string); return s }
	jwk, err := jwkset.NewJWKFromMarshal(jwkset.JWKMarshal{
		KTY: jwkset.KTY(text("kty")), CRV: jwkset.CRV(text("crv")), X: text("x"), Y: text("y"), N: text("n"), E: text("e"),
	}, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return nil, err.Error()
	}
	key, err = jwks.NewKey("", alg, jwk.Key())
	if err != nil {
		return nil, err.Error()
	}
	names := make(map[string]bool)
	for name, value := range members {
		folded := strings.ToLower(strings.ToUpper(name))
		_, isText := value.(string)
		operations, isList := value.([]any)
		switch {
		case names[folded] || strings.Count(document, `"`+name+`"`) > 1 || strings.ContainsAny(document, `\`) || strings.ContainsRune(document, '\uFFFD') || !json.Valid([]byte(strings.ToValidUTF8(document, ""))):
			return key, "two names, or something that could be spelt otherwise"
		case value == nil:
		case slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}, name):
			return key, "private"
		case slices.Contains([]string{"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"}, name) && !isText:
			return key, "no string"
		case name == "alg" && value != alg, name == "use" && value != "sig":
			return key, "for something else"
		case name == "key_ops" && (!isList || !slices.Contains(operations, any("verify")) || slices.ContainsFunc(operations, func(o any) bool { _, ok := o.(string); return !ok })):
			return key, "for something else"
		}
		names[folded] = true
	}
	if long, ok := jwk.Key().(*rsa.PublicKey); ok && (long.N.BitLen() > 4096 || long.E > 65537) {
		return key, "too dear for a client's own key"
	}
	// What is written must be what RFC 7518 would have the key written as.
	var public crypto.PublicKey = jwk.Key()
	for name, canonical := range jwkOf(public) {
		if text(name) != canonical {
			return key, "another spelling of the same key"
		}
	}
	return key, ""
}
