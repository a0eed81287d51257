package dpop_test

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
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// keysOfProofs is one key for each algorithm that a proof may have.
func keysOfProofs(t testing.TB) map[string]crypto.PublicKey {
	t.Helper()
	on := func(curve elliptic.Curve) crypto.PublicKey {
		return testkit.Must(ecdsa.GenerateKey(curve, rand.Reader)).Public()
	}
	return map[string]crypto.PublicKey{
		"ES256": testkit.P256Key().Public(), "ES384": on(elliptic.P384()), "ES512": on(elliptic.P521()),
		"EdDSA": testkit.EdKey().Public(), "Ed25519": testkit.StrangeKey().Public(), "RS256": testkit.RSAKey().Public(), "PS512": testkit.RSAKey().Public(),
	}
}

func TestKeyOfAProofIsReadAsWritten(t *testing.T) {
	for alg, public := range keysOfProofs(t) {
		jwk := testkit.JWK(public)
		for name, more := range map[string]testkit.Claims{
			"alone":                         {},
			"with what keys may have":       {"kid": "1", "use": "sig", "alg": alg, "key_ops": []string{"verify"}},
			"with null for what it has not": {"d": nil, "kid": nil, "use": nil, "alg": nil, "key_ops": nil},
			"with unknown members":          {"x5t": "?", "ext": true, "iat": 1},
			"with a certificate":            {"x5c": []string{"not looked at"}},
		} {
			members := testkit.Claims{}
			for _, from := range []testkit.Claims{jwk, more} {
				for member, value := range from {
					members[member] = value
				}
			}
			key, err := dpop.ReadKey(string(testkit.JSON(members)), alg)
			if err != nil {
				t.Errorf("%s %s: %v", alg, name, err)
				continue
			}
			if want := testkit.Must(jwks.NewKey("", alg, public)); !key.Equal(want) {
				t.Errorf("%s %s: another key", alg, name)
			}
			if got := dpop.ThumbprintOf(string(testkit.JSON(members)), alg); got != key.Thumbprint() {
				t.Errorf("%s %s: the thumbprint of what is written is %q, of the key %q", alg, name, got, key.Thumbprint())
			}
		}
	}
}

func TestThumbprintsOfTheRFCs(t *testing.T) {
	var examples map[string]struct {
		Key        any
		Thumbprint string
	}
	if err := json.Unmarshal(testkit.Must(os.ReadFile("../suite/vectors/testdata/rfc/examples.json")), &examples); err != nil {
		t.Fatal(err)
	}
	for name, alg := range map[string]string{"RFC 7638 3.1": "RS256", "RFC 8037 A.3": "EdDSA"} {
		example := examples[name]
		if got := dpop.ThumbprintOf(string(testkit.JSON(example.Key)), alg); got == "" || got != example.Thumbprint {
			t.Errorf("%s: thumbprint is %q, want %q", name, got, example.Thumbprint)
		}
	}
}

// One key, one spelling, and nothing that its owner should have kept.
func TestKeyOfAProofIsRefused(t *testing.T) {
	zero := func(text string) string { return testkit.B64(append([]byte{0}, testkit.Decoded(text)...)) }
	short := func(text string) string { return testkit.B64(testkit.Decoded(text)[1:]) }
	number := func(n int64) string { return testkit.B64(big.NewInt(n).Bytes()) }
	for alg, public := range keysOfProofs(t) {
		good := testkit.JWK(public)
		text := func(name string) string { s, _ := good[name].(string); return s }
		rows := map[string]testkit.Claims{
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
			rows["with "+private] = testkit.Claims{private: "AAAA"}
			rows["with an empty "+private] = testkit.Claims{private: ""}
		}
		for _, name := range []string{"x", "y", "n", "e"} {
			if good[name] == nil {
				continue
			}
			rows["no "+name] = testkit.Claims{name: nil}
			rows[name+" that is empty"] = testkit.Claims{name: ""}
			rows[name+" that is no string"] = testkit.Claims{name: []string{text(name)}}
			rows[name+" with padding"] = testkit.Claims{name: text(name) + strings.Repeat("=", 4-len(text(name))%4)}
			rows[name+" with a line break"] = testkit.Claims{name: text(name) + "\n"}
			rows[name+" in the standard alphabet"] = testkit.Claims{name: strings.Repeat("+/", len(text(name))/2)}
			rows[name+" with a zero in front"] = testkit.Claims{name: zero(text(name))}
			rows[name+" with an octet missing"] = testkit.Claims{name: short(text(name))}
			if len(text(name))%4 != 0 {
				rows[name+" with unused bits"] = testkit.Claims{name: text(name)[:len(text(name))-1] + "B"}
			}
		}
		switch public.(type) {
		case *ecdsa.PublicKey:
			rows["no curve"] = testkit.Claims{"crv": nil}
			rows["another curve"] = testkit.Claims{"crv": "P-224"}
			rows["a curve of Bitcoin"] = testkit.Claims{"crv": "secp256k1"}
			rows["a point that is not on the curve"] = testkit.Claims{"y": text("x")}
			rows["infinity"] = testkit.Claims{
				"x": testkit.B64(make([]byte, len(testkit.Decoded(text("x"))))),
				"y": testkit.B64(make([]byte, len(testkit.Decoded(text("y"))))),
			}
			rows["a coordinate that borrows from the other"] = testkit.Claims{
				"x": short(text("x")), "y": testkit.B64(append(testkit.Decoded(text("x"))[:1], testkit.Decoded(text("y"))...)),
			}
			rows["coordinates beyond the field"] = testkit.Claims{"x": testkit.B64(slices.Repeat([]byte{255}, len(testkit.Decoded(text("x")))))}
		case ed25519.PublicKey:
			rows["no curve"] = testkit.Claims{"crv": nil}
			rows["a curve of key agreement"] = testkit.Claims{"crv": "X25519"}
			rows["a curve that is not supported"] = testkit.Claims{"crv": "Ed448"}
			rows["a point of small order"] = testkit.Claims{"x": testkit.B64(append([]byte{1}, make([]byte, 31)...))}
			rows["33 octets"] = testkit.Claims{"x": testkit.B64(append(testkit.Decoded(text("x")), 0))}
		case *rsa.PublicKey:
			rows["1024 bits"] = testkit.Claims{"n": testkit.B64(testkit.Decoded(text("n"))[:128])}
			rows["16384 bits"] = testkit.Claims{"n": strings.Repeat(text("n"), 8)[:2731-1]}
			rows["4097 bits"] = testkit.Claims{"n": testkit.B64(append([]byte{1}, append(make([]byte, 511), 1)...))}
			rows["8192 bits"] = testkit.Claims{"n": testkit.B64(slices.Repeat([]byte{255}, 1024))}
			rows["an even modulus"] = testkit.Claims{"n": testkit.B64(append(testkit.Decoded(text("n"))[:255], 2))}
			rows["the mark of a broken generator"] = testkit.Claims{
				"n": testkit.B64(new(big.Int).Exp(big.NewInt(65537), big.NewInt(128), nil).Bytes()),
			} // a power of 65537, 2049 bits
			for _, e := range []int64{1, 2, 65536, 65539, 1<<24 + 1, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1<<32 + 65537} {
				rows[fmt.Sprintf("the exponent %d", e)] = testkit.Claims{"e": number(e)}
			}
			rows["a small exponent with a zero in front"] = testkit.Claims{"e": testkit.B64([]byte{0, 3})}
			rows["an exponent beyond 64 bits, the rest of which is good"] = testkit.Claims{"e": testkit.B64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})}
		}
		for name, changes := range rows {
			members := testkit.Claims{}
			for member, value := range good {
				members[member] = value
			}
			document := string(testkit.JSON(members.With(changes)))
			if key, err := dpop.ReadKey(document, alg); err == nil || key != nil {
				t.Errorf("%s, %s: %s is taken", alg, name, document)
			}
		}
		for _, other := range []string{"", "none", "HS256", "es256", "RS256", "ES256", "EdDSA"} {
			fits := other == alg || text("kty") == "RSA" && other == "RS256" || text("kty") == "OKP" && other == "EdDSA"
			if _, err := dpop.ReadKey(string(testkit.JSON(good)), other); (err == nil) != fits {
				t.Errorf("a key for %s as one for %q: %v", alg, other, err)
			}
		}
	}
}

// FuzzProofKey holds the reader against jwkset's, which reads more spellings. What only one of the two takes must have a reason.
func FuzzProofKey(f *testing.F) {
	for alg, public := range keysOfProofs(f) {
		jwk := testkit.JWK(public)
		f.Add(string(testkit.JSON(jwk)), alg)
		for member, value := range (testkit.Claims{
			"d": "AAAA", "use": "sig", "key_ops": []string{"verify"}, "alg": alg, "kid": "1", "x5c": []string{"AA=="}, "y": "AAAA",
		}) {
			f.Add(string(testkit.JSON(testkit.JWK(public).With(testkit.Claims{member: value}))), alg)
		}
		for member, value := range jwk {
			f.Add(string(testkit.JSON(testkit.JWK(public).With(testkit.Claims{member: value.(string) + "="}))), alg)
			f.Add(string(testkit.JSON(testkit.JWK(public).With(testkit.Claims{member: "AA" + value.(string)}))), alg)
		}
	}
	f.Fuzz(func(t *testing.T, document, alg string) {
		if !json.Valid([]byte(document)) {
			return
		}
		ours, err := dpop.ReadKey(document, alg)
		theirs, reason := referenceKey(document, alg)
		switch {
		case err == nil && theirs == nil:
			t.Errorf("%s is taken for %s, jwkset says %s", document, alg, reason)
		case err == nil && (!ours.Equal(theirs) || dpop.ThumbprintOf(document, alg) != theirs.Thumbprint()):
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
		case names[folded] || strings.Count(
			document, `"`+name+`"`,
		) > 1 || strings.ContainsAny(document, `\`) || strings.ContainsRune(document, '\uFFFD') || !json.Valid(
			[]byte(strings.ToValidUTF8(document, "")),
		):
			return key, "two names, or something that could be spelt otherwise"
		case value == nil:
		case slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"}, name):
			return key, "private"
		case slices.Contains([]string{"kty", "crv", "x", "y", "n", "e", "alg", "use", "kid"}, name) && !isText:
			return key, "no string"
		case name == "alg" && value != alg, name == "use" && value != "sig":
			return key, "for something else"
		case name == "key_ops" && (!isList || !slices.Contains(operations, any("verify")) || slices.ContainsFunc(
			operations, func(o any) bool { _, ok := o.(string); return !ok },
		)):
			return key, "for something else"
		}
		names[folded] = true
	}
	if long, ok := jwk.Key().(*rsa.PublicKey); ok && (long.N.BitLen() > 4096 || long.E > 65537) {
		return key, "too dear for a client's own key"
	}
	// What is written must be what RFC 7518 would have the key written as.
	var public crypto.PublicKey = jwk.Key()
	for name, canonical := range testkit.JWK(public) {
		if text(name) != canonical {
			return key, "another spelling of the same key"
		}
	}
	return key, ""
}
