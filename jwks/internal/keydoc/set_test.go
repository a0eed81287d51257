package keydoc_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks/internal/keydoc"
)

// The key of RFC 8037 appendix A.2.
const (
	edX   = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
	edKey = `{"kty":"OKP","crv":"Ed25519","kid":"k","alg":"EdDSA","x":"` + edX + `"}`
)

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// key is edKey with other members; nil takes one away.
func key(changes map[string]any) string {
	members := map[string]any{"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "x": edX}
	for name, value := range changes {
		if members[name] = value; value == nil {
			delete(members, name)
		}
	}
	return text(members)
}

func set(keys ...string) string { return `{"keys":[` + strings.Join(keys, ",") + `]}` }

// one reads a set of one key.
func one(t *testing.T, key string) keydoc.Reading {
	t.Helper()
	readings, err := keydoc.ReadSet([]byte(set(key)))
	if err != nil || len(readings) != 1 {
		t.Fatalf("%s: %d keys, %v", key, len(readings), err)
	}
	return readings[0]
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	good := set(edKey)
	many := strings.Repeat(edKey+",", 100)
	for _, row := range []struct{ attack, document, says string }{
		{"nothing", ``, "it is no JSON object"},
		{"an HTML error page", `<!DOCTYPE html><html>`, "it is no JSON object"},
		{"null", `null`, "it is no JSON object"},
		{"a list", `[]`, "it is no JSON object"},
		{"an error instead of keys", `{"error":"server_error"}`, `it has no array "keys"`},
		{"keys in another case", strings.Replace(good, `"keys"`, `"Keys"`, 1), `it has no array "keys"`},
		{"keys null", `{"keys":null}`, `it has no array "keys"`},
		{"keys as an object", `{"keys":{}}`, `it has no array "keys"`},
		{"keys twice", strings.Replace(good, `{`, `{"keys":[],`, 1), "a member stands there twice"},
		{"keys twice in different case", strings.Replace(good, `{`, `{"KEYS":[],`, 1), "a member stands there twice"},
		{"a cut document", good[:len(good)-3], "it is no JSON object"},
		{"without its last brace, so that keys may be missing", good[:len(good)-1], "it is no JSON object"},
		{"a second document behind it", good + good, "something follows the JSON object"},
		{"text behind it", good + "x", "something follows the JSON object"},
		{"bytes that are no text", strings.Replace(good, `"k"`, "\"\xff\"", 1), "it is not valid UTF-8"},
		{"101 keys", set(many + edKey), "it has more than 100 keys"},
		{"endless nesting", `{"keys":` + strings.Repeat("[", 20000), "it is no JSON object"},
		{"two byte order marks", "\ufeff\ufeff" + good, "it is no JSON object"},
		{"a byte order mark inside", "{\ufeff" + good[1:], "it is no JSON object"},
		{"a byte order mark behind it", good + "\ufeff", "something follows the JSON object"},
		{"a byte order mark alone", "\ufeff", "it is no JSON object"},
	} {
		if readings, err := keydoc.ReadSet([]byte(row.document)); err == nil || err.Error() != row.says || readings != nil {
			t.Errorf("%s: %v, want %q", row.attack, err, row.says)
		}
	}
	for what, document := range map[string]string{
		"100 keys": set(strings.TrimSuffix(many, ",")), "no keys": `{"keys":[]}`, "a byte order mark before it": "\ufeff" + good,
	} {
		if _, err := keydoc.ReadSet([]byte(document)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// The members that a document or a key needs are among those that count.
func TestLimitOfMembers(t *testing.T) {
	t.Parallel()
	fill := func(object string, members int) string {
		var all map[string]any
		if err := json.Unmarshal([]byte(object), &all); err != nil {
			t.Fatal(err)
		}
		for i := len(all); i < members; i++ {
			all[fmt.Sprintf("x%d", i)] = i
		}
		return text(all)
	}
	for members, good := range map[int]bool{256: true, 257: false} {
		if _, err := keydoc.ReadSet([]byte(fill(set(edKey), members))); (err == nil) != good {
			t.Errorf("%d members of a document: %v", members, err)
		}
		if r := one(t, fill(edKey, members)); (r.Err == nil) != good || r.Err != nil && r.Err.Error() != "it has more than 256 members" {
			t.Errorf("%d members of a key: %v", members, r.Err)
		}
	}
}

func TestWhatAKeySays(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what    string
		changes map[string]any
		want    [3]string // kid, issuer, alg
	}{
		{"all of it", map[string]any{"issuer": "https://a"}, [3]string{"k", "https://a", "EdDSA"}},
		{"nothing", map[string]any{"kid": nil, "alg": nil}, [3]string{}},
		// Some servers write a kid that is no text, and their tokens then name none or another.
		{"a number as kid", map[string]any{"kid": 7}, [3]string{"", "", "EdDSA"}},
		{"a boolean as kid", map[string]any{"kid": true}, [3]string{"", "", "EdDSA"}},
		{"a list as kid", map[string]any{"kid": []string{"k"}}, [3]string{"", "", "EdDSA"}},
		{"an object as kid", map[string]any{"kid": map[string]any{"k": 1}}, [3]string{"", "", "EdDSA"}},
		{"an alg in a list", map[string]any{"alg": []any{"EdDSA", nil, 7}}, [3]string{"k", "", "EdDSA"}},
		{"a blank alg", map[string]any{"alg": " "}, [3]string{"k", "", ""}},
		{"two algs, which no algorithm has for a name", map[string]any{"alg": []string{"EdDSA", "Ed25519"}}, [3]string{"k", "", "EdDSA Ed25519"}},
		{"an alg that nobody knows", map[string]any{"alg": "x"}, [3]string{"k", "", "x"}},
	} {
		r := one(t, key(row.changes))
		if got := [3]string{r.JWK.ID, r.JWK.Issuer, r.JWK.Algorithm}; r.Err != nil || got != row.want {
			t.Errorf("%s: %q, %v; want %q", row.what, got, r.Err, row.want)
		}
		if public, ok := r.JWK.Public.(ed25519.PublicKey); !ok || base64.RawURLEncoding.EncodeToString(public) != edX {
			t.Errorf("%s: the key is %v", row.what, r.JWK.Public)
		}
	}
}

func TestKeysAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, _ := private.PublicKey.Bytes()
	point = point[1:]
	b64 := base64.RawURLEncoding.EncodeToString
	ec := map[string]any{"kty": "EC", "crv": "P-384", "x": b64(point[:48]), "y": b64(point[48:])}
	if r := one(t, text(ec)); r.Err != nil || !private.PublicKey.Equal(r.JWK.Public) {
		t.Errorf("EC: %+v", r)
	}
	made, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for e, want := range map[string]int{"AQAB": 65537, "Aw": 3, b64([]byte{0x7f, 0xff, 0xff, 0xff}): 1<<31 - 1} {
		r := one(t, text(map[string]any{"kty": "RSA", "n": b64(made.N.Bytes()), "e": e}))
		if public, ok := r.JWK.Public.(*rsa.PublicKey); !ok || public.E != want || public.N.Cmp(made.N) != 0 {
			t.Errorf("exponent %s: %+v", e, r)
		}
	}
	// What 64 bits hold of this exponent is 65537.
	if r := one(t, text(map[string]any{"kty": "RSA", "n": b64(made.N.Bytes()), "e": b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1})})); r.Err == nil {
		t.Errorf("an exponent beyond all numbers: %+v", r)
	}
}

// A certificate of a DSA key is read by crypto/x509, whose type for it cannot be compared with others.
func TestACertificateOfAnotherKind(t *testing.T) {
	t.Parallel()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	var certificate struct {
		TBS struct {
			Version              asn1.RawValue
			Serial               *big.Int
			Signature            pkix.AlgorithmIdentifier
			Issuer, Time, Holder asn1.RawValue
			Key                  struct {
				Algorithm pkix.AlgorithmIdentifier
				Bits      asn1.BitString
			}
		}
		Algorithm pkix.AlgorithmIdentifier
		Value     asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &certificate); err != nil {
		t.Fatal(err)
	}
	parameters, _ := asn1.Marshal(struct{ P, Q, G *big.Int }{big.NewInt(23), big.NewInt(11), big.NewInt(4)})
	public, _ := asn1.Marshal(big.NewInt(8))
	certificate.TBS.Key.Algorithm = pkix.AlgorithmIdentifier{
		Algorithm:  asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, // RFC 3279 section 2.3.2
		Parameters: asn1.RawValue{FullBytes: parameters},
	}
	certificate.TBS.Key.Bits = asn1.BitString{Bytes: public, BitLength: 8 * len(public)}
	if der, err = asn1.Marshal(certificate); err != nil {
		t.Fatal(err)
	}
	if made, err := x509.ParseCertificate(der); err != nil || made.PublicKeyAlgorithm != x509.DSA {
		t.Fatalf("it is no certificate of a DSA key: %v", err)
	}
	r := one(t, key(map[string]any{"x5c": []string{base64.StdEncoding.EncodeToString(der)}}))
	if r.Err == nil || r.Err.Error() != "its certificate is of another key" {
		t.Errorf("%+v", r)
	}
}

// Each reading is that of the key in its place, and a key that is of no use has no JWK.
func TestABrokenKeySpoilsNoOther(t *testing.T) {
	t.Parallel()
	encryption, other, private := map[string]any{"use": "enc"}, map[string]any{"kid": "other"}, map[string]any{"d": "AA"}
	readings, err := keydoc.ReadSet([]byte(set(key(encryption), edKey, `null`, key(other), key(private))))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"", "k", "", "other", ""}
	for i, r := range readings {
		if r.JWK.ID != want[i] || (r.Err == nil) != (want[i] != "") || (r.JWK.Public == nil) != (want[i] == "") {
			t.Errorf("key %d: %+v", i, r)
		}
	}
	if len(readings) != len(want) {
		t.Errorf("%d readings", len(readings))
	}
}

func TestWhichKeysAreForOtherUse(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what    string
		changes map[string]any
		other   bool
		says    string
	}{
		{"for encryption", map[string]any{"use": "enc"}, true, "its use is not sig"},
		{"for wrapping", map[string]any{"key_ops": []string{"wrapKey"}}, true, "its key_ops do not list verify"},
		{"private", map[string]any{"d": "AA"}, false, "it has private members, so its owner must consider it stolen"},
		{"a secret", map[string]any{"kty": "oct", "k": "AA"}, false, "a symmetric key (oct) in a public document is no secret; use HMAC"},
		{"a secret without itself", map[string]any{"kty": "oct"}, false, "a symmetric key (oct) in a public document is no secret; use HMAC"},
		{"for what it does not say clearly", map[string]any{"issuer": 7}, false, "its issuer is not a string, so it cannot be told whose tokens it is good for"},
		{"broken", map[string]any{"x": "AA"}, false, "its kty, crv or key parameters are broken or not supported"},
	} {
		r := one(t, key(row.changes))
		if r.Err == nil || r.Err.Error() != row.says || keydoc.ForOtherUse(r.Err) != row.other {
			t.Errorf("%s: %v, for other use: %v", row.what, r.Err, !row.other)
		}
	}
	if keydoc.ForOtherUse(nil) {
		t.Error("a key that is used is for another use")
	}
}
