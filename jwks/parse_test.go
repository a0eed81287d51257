package jwks_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// raw is JSON that a map cannot express.
type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func certificate(key crypto.Signer) string {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1, 0)}
	return base64.StdEncoding.EncodeToString(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)))
}

// belowZero makes the serial number of a certificate negative, as some servers do whose number is random. Go reads no such certificate.
func belowZero(certificate string) string {
	der := must(base64.StdEncoding.DecodeString(certificate))
	at := bytes.Index(der, []byte{2, 1, 1, 48}) // INTEGER of one byte, 1; a SEQUENCE follows
	der[at+2] = 0x81
	if _, err := x509.ParseCertificate(der); err == nil {
		panic("the certificate can be read")
	}
	return base64.StdEncoding.EncodeToString(der)
}

// ofUnknownKey changes the algorithm of the key in a certificate, id-ecPublicKey (RFC 5480 section 2.1.1), to one that there is not.
func ofUnknownKey(certificate string) string {
	der := must(base64.StdEncoding.DecodeString(certificate))
	id := []byte{0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01}
	der[bytes.Index(der, id)+len(id)-1] = 0x7f
	if c, err := x509.ParseCertificate(der); err != nil || c.PublicKeyAlgorithm != x509.UnknownPublicKeyAlgorithm {
		panic("the key can be read")
	}
	return base64.StdEncoding.EncodeToString(der)
}

// A byte order mark before a document is skipped (RFC 8259 section 8.1).
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const name, mark = "https://h", "\ufeff"
		s := newSite(name+"/.well-known/openid-configuration", mark+metadata(name, keysURL), keysURL, mark+string(document(first())))
		expect(t, "metadata and keys", newDiscovering(t, &issuer{answer: s.answer}, name), "first", "found")
	})
}

func TestKeysThatAreSkipped(t *testing.T) {
	t.Parallel()
	rs, es, okp := publicJWK("k", "RS256", rsaA()), publicJWK("k", "ES256", p256A()), publicJWK("k", "", ed())
	twice := raw(`{"kty":"RSA","e":"AQAB","n":"` + rs["n"].(string) + `","alg":"RS256","alg":"PS256"}`)
	variant := raw(`{"kty":"RSA","e":"AQAB","n":"` + rs["n"].(string) + `","use":"sig","Use":"enc"}`)
	folded := raw(`{"kty":"RSA","e":"AQAB","n":"` + rs["n"].(string) + `","kid":"a","\u212aid":"b"}`)
	before := raw(`{"Issuer":"https://a","kty":"RSA","e":"AQAB","n":"` + rs["n"].(string) + `","issuer":"https://b"}`)
	unread := raw(`{"kty":"RSA","e":"AQAB","n":"` + rs["n"].(string) + `","label":"a","label":"b"}`)
	longS := raw(`{"kty":"RSA","e":"AQAB","n":"` + rs["n"].(string) + `","use":"sig","u\u017fe":"enc"}`)
	const (
		private, symmetric = "private members", "symmetric key"
		unfit, broken      = "does not fit its type, curve or size", "broken or not supported"
	)
	for _, row := range []struct {
		attack string
		key    any
		says   string
	}{
		{"an HMAC secret for everybody", members{"kty": "oct", "kid": "k", "alg": "HS256", "k": b64(secret)}, symmetric},
		{"the same without its secret", members{"kty": "oct", "kid": "k"}, symmetric},
		{"a public key that says it is for HMAC", rs.with("alg", "HS256"), unfit},
		{"a private RSA key", rs.with("d", "AQAB"), private},
		{"its first prime", rs.with("p", "AQAB"), private},
		{"its second prime", rs.with("q", "AQAB"), private},
		{"its first exponent", rs.with("dp", "AQAB"), private},
		{"its second exponent", rs.with("dq", "AQAB"), private},
		{"its coefficient", rs.with("qi", "AQAB"), private},
		{"its other primes", rs.with("oth", []any{members{"r": "AQAB"}}), private},
		{"a private member that is a number", rs.with("d", 7), private},
		{"a private member that is a number beyond all numbers", rs.with("d", raw("1e999")), private},
		{"a private member that is false", rs.with("d", false), private},
		{"a private member in a list", rs.with("d", []any{nil, "AQAB"}), private},
		{"a secret beside a public key", rs.with("k", b64(secret)), private},
		{"a private EC key", es.with("d", "AQAB"), private},
		{"a private Ed25519 key", okp.with("d", b64(make([]byte, 32))), private},
		{"a private ML-DSA key", members{"kty": "AKP", "alg": "ML-DSA-44", "priv": "AA", "pub": "AA"}, private},
		{"an ML-DSA key", members{"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, broken},
		{"an encryption key", rs.with("use", "enc"), "use is not sig"},
		{"a use nobody registered", rs.with("use", "tls"), "use is not sig"},
		{"a use in another case", rs.with("use", "SIG"), "use is not sig"},
		{"operations without verify", rs.with("key_ops", []string{"encrypt", "wrapKey"}), "key_ops do not list verify"},
		{"one operation, not in a list", rs.with("key_ops", "encrypt"), "key_ops do not list verify"},
		{"operations without verify among what is no text", rs.with("key_ops", []any{nil, 7, "encrypt"}), "key_ops do not list verify"},
		{"a use in a list", rs.with("use", []string{"enc"}), "use is not sig"},
		{"an encryption algorithm", rs.with("alg", "RSA-OAEP"), "alg is not supported"},
		{"no algorithm", rs.with("alg", "none"), "alg is not supported"},
		{"two algorithms", rs.with("alg", []string{"RS256", "PS256"}), "alg is not supported"},
		{"an encryption algorithm in a list", rs.with("alg", []string{"RSA-OAEP"}), "alg is not supported"},
		{"an EC algorithm on an RSA key", rs.with("alg", "ES256"), unfit},
		{"ES384 on P-256", es.with("alg", "ES384"), unfit},
		{"RSA of 1024 bits", publicJWK("k", "RS256", tooShort()), unfit},
		{"the same without alg", publicJWK("k", "", tooShort()), "size or exponent is not allowed"},
		{"exponent 1", rs.with("e", "AQ"), broken},
		{"an even exponent", rs.with("e", "BA"), unfit},
		{"an exponent that overflows to 65537", rs.with("e", b64(append([]byte{1, 0, 0, 0, 0, 0}, 1, 0, 1))), broken},
		{"a modulus of 16384 bits", rs.with("n", b64(slices.Concat([]byte{1}, make([]byte, 2046), []byte{1}))), unfit},
		{"no modulus", members{"kty": "RSA", "e": "AQAB"}, broken},
		{"a modulus that is not base64url", rs.with("n", "@@@"), broken},
		{"a point off the curve", es.with("y", es["x"]), broken},
		{"coordinates of another curve", es.with("crv", "P-384").with("alg", "ES384"), broken},
		{"an unknown curve", es.with("crv", "secp256k1"), broken},
		{"X25519, which signs nothing", okp.with("crv", "X25519"), "not supported"},
		{"Ed448", okp.with("crv", "Ed448"), broken},
		{"Ed25519 of 31 bytes", okp.with("x", b64(make([]byte, 31))), broken},
		{"Ed25519 of small order", okp.with("x", b64(make([]byte, 32))), "not allowed"},
		{"the certificate of another key", rs.with("x5c", []string{certificate(rsaB())}), "certificate is of another key"},
		{"the certificate of another Ed25519 key", okp.with("x5c", []string{certificate(rsaB())}), "certificate is of another key"},
		{"the certificate of a key of another type", rs.with("x5c", []string{certificate(p256A())}), "certificate is of another key"},
		{"an unknown kty", members{"kty": "XYZ"}, broken},
		{"no kty", members{"kid": "k"}, broken},
		{"a number as issuer, which restricts the key", rs.with("issuer", 7), "its issuer is not a string"},
		{"a list as issuer", rs.with("issuer", []string{"https://a"}), "its issuer is not a string"},
		{"an object as issuer", rs.with("issuer", members{}), "its issuer is not a string"},
		{"false as issuer", rs.with("issuer", false), "its issuer is not a string"},
		{"a number as n", rs.with("n", 7), broken},
		{"a number as kty", rs.with("kty", 7), broken},
		{"a list as crv", es.with("crv", []string{"P-256"}), broken},
		{"alg twice", twice, "stands there twice"},
		{"use twice in different case", variant, "stands there twice"},
		{"issuer twice in different case", before, "stands there twice"},
		{"a name that nobody reads twice", unread, "stands there twice"},
		{"kid twice, once with a Kelvin sign", folded, "stands there twice"},
		{"use twice, once with a long s", longS, "stands there twice"},
		{"null", nil, "no JSON object"},
		{"text", "key", "no JSON object"},
		{"a list", []any{rs}, "no JSON object"},
	} {
		_, err := jwks.Static(document(row.key))
		if err == nil || !strings.Contains(err.Error(), row.says) || !strings.Contains(err.Error(), "1 skipped (key 0: ") {
			t.Errorf("%s: %v, want an error with %q", row.attack, err, row.says)
		}
		set, err := jwks.Static(document(row.key, publicJWK("good", "ES256", p256B())))
		if err != nil {
			t.Errorf("%s spoils its neighbour: %v", row.attack, err)
			continue
		}
		for alg := range signers() {
			for _, kid := range []string{"k", "", "good"} {
				if keys, _ := set.VerificationKeys(t.Context(), kid, alg); len(keys) > 0 && (alg != "ES256" || keys[0].ID() != "good") {
					t.Errorf("%s: used for kid %q and %s: %v", row.attack, kid, alg, names(keys))
				}
			}
		}
	}
}

func TestKeysThatAreUsed(t *testing.T) {
	t.Parallel()
	rs, es, okp := publicJWK("k", "RS256", rsaA()), publicJWK("k", "", p256A()), publicJWK("k", "", ed())
	all := "PS256 PS384 PS512 RS256 RS384 RS512"
	for _, row := range []struct {
		what string
		key  any
		algs string
	}{
		{"RSA with alg", rs, "RS256"},
		{"RSA with another alg", rs.with("alg", "PS384"), "PS384"},
		{"RSA without alg", publicJWK("k", "", rsaA()), all},
		{"alg null is no alg", rs.with("alg", nil), all},
		{"an empty alg is no alg", rs.with("alg", ""), all},
		{"a blank alg is no alg", rs.with("alg", " "), all},
		{"an alg that is no text is no alg", rs.with("alg", 7), all},
		{"an alg in a list", rs.with("alg", []string{"PS256"}), "PS256"},
		{"null private members hold nothing", rs.with("d", nil).with("k", nil), "RS256"},
		{"empty private members hold nothing", rs.with("d", "").with("p", " ").with("q", "\t").with("oth", []any{}).with("k", members{}), "RS256"},
		{"private members that hold what holds nothing", rs.with("oth", []any{members{"r": "", "d": nil, "t": []any{}}}), "RS256"},
		{"what .NET writes of a key", rs.with("key_ops", []any{}).with("oth", []any{}).with("x5c", []any{}).with("use", nil).with("k", nil).with("x", nil), "RS256"},
		{"an empty use is none", rs.with("use", ""), "RS256"},
		{"a use that is no text is none", rs.with("use", 7), "RS256"},
		{"a use in a list", rs.with("use", []string{"enc", "sig"}), "RS256"},
		{"no operations are none", rs.with("use", "sig").with("key_ops", []string{}), "RS256"},
		{"operations that are no text are none", rs.with("key_ops", []any{7, nil, members{}}), "RS256"},
		{"one operation, not in a list", rs.with("key_ops", "verify"), "RS256"},
		{"verify among what is no text", rs.with("key_ops", []any{7, "verify"}), "RS256"},
		{"P-256 without alg", es, "ES256"},
		{"P-384 without alg", publicJWK("k", "", p384()), "ES384"},
		{"P-521 without alg", publicJWK("k", "", p521()), "ES512"},
		{"Ed25519 without alg has two names", okp, "Ed25519 EdDSA"},
		{"Ed25519 with the old name", okp.with("alg", "EdDSA"), "EdDSA"},
		{"Ed25519 with the new name", okp.with("alg", "Ed25519"), "Ed25519"},
		{"use and key_ops that allow it", rs.with("use", "sig").with("key_ops", []string{"sign", "verify"}), "RS256"},
		{"an operation nobody registered", rs.with("key_ops", []string{"dance", "verify"}), "RS256"},
		{"the certificate of the key, expired", rs.with("x5c", []string{certificate(rsaA())}), "RS256"},
		{"a certificate beside Ed25519 without alg", okp.with("x5c", []string{certificate(ed())}), "Ed25519 EdDSA"},
		{"a certificate beside alg Ed25519", okp.with("alg", "Ed25519").with("x5c", []string{certificate(ed())}), "Ed25519"},
		{"a certificate whose serial number is below zero", rs.with("x5c", []string{belowZero(certificate(rsaA()))}), "RS256"},
		{"a certificate of another key that cannot be read", rs.with("x5c", []string{belowZero(certificate(rsaB()))}), "RS256"},
		{"a certificate of a type of key that is not known", rs.with("x5c", []string{ofUnknownKey(certificate(p256A()))}), "RS256"},
		{"a certificate that is none", rs.with("x5c", []string{"AAAA"}), "RS256"},
		{"a certificate that is not base64", rs.with("x5c", []string{"@"}), "RS256"},
		{"an empty certificate", rs.with("x5c", []any{"", nil}), "RS256"},
		{"a number as certificate, and one that is not the first", rs.with("x5c", []any{7, certificate(rsaB())}), "RS256"},
		{"text as x5c", rs.with("x5c", "AAAA"), "RS256"},
		{"a broken certificate behind the first", rs.with("x5c", []string{certificate(rsaA()), "AAAA"}), "RS256"},
		{"no certificate", rs.with("x5c", []string{}), "RS256"},
		{"x5u and x5t, which are not looked at", rs.with("x5u", "http://attacker.example/").with("x5t", "AAAA").with("x5t#S256", 7), "RS256"},
		{"members nobody knows", rs.with("issuer", "x").with("D", "capital"), "RS256"},
		{"members nobody knows, twice in different case", rs.with("label", "a").with("Label", "b").with("ext", true).with("iat", 7), "RS256"},
		{"coordinates of nothing beside RSA", rs.with("x", "").with("y", 7).with("crv", nil), "RS256"},
	} {
		set, err := jwks.Static(document(row.key))
		if err != nil {
			t.Errorf("%s: %v", row.what, err)
			continue
		}
		var algs []string
		for alg, private := range signers() {
			keys, _ := set.VerificationKeys(t.Context(), "k", alg)
			for _, k := range keys {
				algs = append(algs, k.Algorithm())
				if err := k.Verify(signingInput, sign(alg, private, signingInput)); err != nil {
					t.Errorf("%s: %s: %v", row.what, alg, err)
				}
			}
		}
		slices.Sort(algs)
		if got := strings.Join(algs, " "); got != row.algs {
			t.Errorf("%s: serves %q, want %q", row.what, got, row.algs)
		}
	}
}

func TestDocumentsThatAreRefused(t *testing.T) {
	t.Parallel()
	const refused = "jwks: Static: the key set is refused: "
	for _, row := range []struct{ what, document, says string }{
		{"nothing", ``, refused + "it is no JSON object"},
		{"an error instead of keys", `{"error":"server_error"}`, refused + `it has no array "keys"`},
		{"two documents", string(document(first())) + "{}", refused + "something follows the JSON object"},
		{"a PEM file", "\n-----BEGIN PUBLIC KEY-----\n", "jwks: Static: the document is PEM and no JWKS: KeyFile of package issuers reads such a file"},
		{"no keys", `{"keys":[]}`, "jwks: Static: the key set is empty; if the issuer signs with a shared secret, use HMAC; pass the public keys of the issuer"},
	} {
		if set, err := jwks.Static([]byte(row.document)); set != nil || err == nil || err.Error() != row.says {
			t.Errorf("%s: %v, want %q", row.what, err, row.says)
		}
	}
}

func TestErrorsQuoteNothingOfTheDocument(t *testing.T) {
	t.Parallel()
	const canary = "CANARY"
	for _, doc := range []string{
		`{"keys":[{"kty":"CANARY","kid":"CANARY","alg":"CANARY"}]}`,
		`{"keys":[{"kty":"oct","k":"CANARY"}]}`,
		`{"keys":[{"kty":"RSA","n":"@CANARY","e":"AQAB"}]}`,
		`{"keys":[{"kty":"EC","crv":"CANARY","x":"AA","y":"AA"}]}`,
		`{"CANARY":1,"CANARY":2}`, `CANARY`, `{"keys":"CANARY"}`,
	} {
		if _, err := jwks.Static([]byte(doc)); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

// The set of RFC 7517 appendix A.1.
const rfc7517 = `{"keys":[
{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"},
{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}]}`

func TestRFC7517Example(t *testing.T) {
	t.Parallel()
	set := must(jwks.Static([]byte(rfc7517)))
	if got := names(must(set.VerificationKeys(t.Context(), "2011-04-29", "RS256"))); len(got) != 1 {
		t.Errorf("the RSA key: %v", got)
	}
	if keys, err := set.VerificationKeys(t.Context(), "1", "ES256"); err == nil {
		t.Errorf("the EC key is for encryption: %v", names(keys))
	}
}

// RFC 8037 appendix A.4: a signature with the key of appendix A.2.
func TestRFC8037Example(t *testing.T) {
	t.Parallel()
	const input = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
	signature := must(base64.RawURLEncoding.DecodeString("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"))
	key := must(must(jwks.Static([]byte(published))).VerificationKeys(t.Context(), "", "EdDSA"))[0]
	if err := key.Verify(input, signature); err != nil {
		t.Error(err)
	}
}

func markedJWK(members string) string {
	return `{"kty":"RSA","kid":"roca","e":"AQAB","n":"` + b64(marked().Bytes()) + `"` + members + `}`
}

// Such a key in a document is skipped and spoils no other.
func TestKeyWithTheMarkOfROCAIsSkipped(t *testing.T) {
	good := string(must(json.Marshal(publicJWK("good", "EdDSA", ed()))))
	for _, members := range []string{"", `,"alg":"RS256"`, `,"alg":"PS512"`, `,"alg":"RS256","use":"sig"`} {
		if _, err := jwks.Static([]byte(`{"keys":[` + markedJWK(members) + `]}`)); err == nil || !strings.Contains(err.Error(), "CVE-2017-15361") {
			t.Errorf("%q alone: %v", members, err)
		}
		set, err := jwks.Static([]byte(`{"keys":[` + markedJWK(members) + `,` + good + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		if keys, err := set.VerificationKeys(t.Context(), "roca", "RS256"); err == nil {
			t.Errorf("%q: %d keys", members, len(keys))
		}
		if keys, err := set.VerificationKeys(t.Context(), "good", "EdDSA"); err != nil || len(keys) != 1 {
			t.Errorf("%q: the key beside it: %d, %v", members, len(keys), err)
		}
	}
}

// The exponent is read as it is written, and not what 64 or 32 bits hold of it.
func TestExponentBeyondAnInt(t *testing.T) {
	n := b64(rsaA().N.Bytes())
	for e, good := range map[string]bool{
		"AQAB": true, b64([]byte{0x7f, 0xff, 0xff, 0xff}): true,
		b64([]byte{1, 0, 0, 0, 0, 0, 1, 0, 1}): false, b64([]byte{1, 0, 1, 0, 1}): false, b64([]byte{0x80, 0, 0, 1}): false,
		b64([]byte{0xff, 0xff, 0xff, 0xff}): false, b64([]byte{1, 0, 1, 0, 1}) + "=": false,
	} {
		if _, err := jwks.Static([]byte(`{"keys":[{"kty":"RSA","n":"` + n + `","e":"` + e + `"}]}`)); (err == nil) != good {
			t.Errorf("the exponent %s: %v", e, err)
		}
	}
}
