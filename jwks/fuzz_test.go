package jwks_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
)

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// reading is a key as it stands in a document: NewKey knows no issuer member.
type reading struct {
	*jwks.Key
	issuer string
}

func (r reading) is(k *jwks.Key) bool {
	return r.issuer == k.Issuer() && r.ID() == k.ID() && r.Algorithm() == k.Algorithm() && r.Thumbprint() == k.Thumbprint()
}

// readIndependently lists the keys of a document with encoding/json and crypto alone. Whether the key material as such is allowed is
// left to NewKey, which has tests of its own.
func readIndependently(doc map[string]any) (keys []reading) {
	list, _ := doc["keys"].([]any)
	if len(list) > 100 || len(doc) > 256 {
		return nil
	}
	var usable []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok && len(m) <= 256 && materialOf(m) != nil && forVerifying(m) {
			usable = append(usable, m)
		}
	}
	for _, m := range usable {
		kid, _ := m["kid"].(string)
		issuer, _ := m["issuer"].(string)
		for _, alg := range algorithmsOf(m, usable) {
			k, err := jwks.NewKey(kid, alg, materialOf(m))
			if err == nil && !slices.ContainsFunc(keys, func(r reading) bool { return r.issuer == issuer && r.Equal(k) }) {
				keys = append(keys, reading{k, issuer})
			}
		}
	}
	return keys
}

// algorithmsOf is the alg that the key names, or that another entry names for the same key, or all.
func algorithmsOf(m map[string]any, usable []map[string]any) []string {
	if named := wordsOf(m["alg"]); len(named) > 0 {
		return named
	}
	public := materialOf(m).(interface{ Equal(crypto.PublicKey) bool })
	for _, other := range usable {
		named := wordsOf(other["alg"])
		if len(named) != 1 {
			continue
		}
		if _, err := jwks.NewKey("", named[0], materialOf(other)); err == nil && public.Equal(materialOf(other)) {
			return named
		}
	}
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
}

func forVerifying(m map[string]any) bool {
	for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"} {
		if hasValue(m[private]) {
			return false
		}
	}
	if _, ok := m["issuer"].(string); m["issuer"] != nil && !ok {
		return false
	}
	use, ops := wordsOf(m["use"]), wordsOf(m["key_ops"])
	return (use == nil || slices.Contains(use, "sig")) && (ops == nil || slices.Contains(ops, "verify")) && len(wordsOf(m["alg"])) < 2
}

// hasValue tells whether there is a number, a boolean or text that is not blank anywhere in v.
func hasValue(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		return len(strings.Fields(v)) > 0
	case []any:
		return slices.ContainsFunc(v, hasValue)
	case map[string]any:
		return slices.ContainsFunc(slices.Collect(maps.Values(v)), hasValue)
	}
	return true
}

// wordsOf are the strings of a string or a list.
func wordsOf(v any) (words []string) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, v := range list {
		if text, ok := v.(string); ok && len(strings.Fields(text)) > 0 {
			words = append(words, text)
		}
	}
	return words
}

func materialOf(m map[string]any) (public crypto.PublicKey) {
	part := func(name string) []byte {
		text, _ := m[name].(string)
		b, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
		if err != nil {
			return nil
		}
		return b
	}
	number := func(name string) *big.Int { return new(big.Int).SetBytes(part(name)) }
	curve, _ := m["crv"].(string)
	switch m["kty"] {
	case "RSA":
		e := number("e")
		if e.BitLen() > 31 {
			return nil
		}
		public = &rsa.PublicKey{N: number("n"), E: int(e.Int64())}
	case "EC":
		if m["x"] == "" || m["y"] == "" || curves[curve] == nil {
			return nil
		}
		public = &ecdsa.PublicKey{Curve: curves[curve], X: number("x"), Y: number("y")}
	case "OKP":
		if curve != "Ed25519" {
			return nil
		}
		public = ed25519.PublicKey(part("x"))
	default:
		return nil
	}
	if chain, _ := m["x5c"].([]any); len(chain) > 0 && certifiesAnother(chain[0], public) {
		return nil
	}
	return public
}

func certifiesAnother(leaf any, public crypto.PublicKey) bool {
	text, _ := leaf.(string)
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	key, known := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return known && !key.Equal(public)
}

func FuzzStatic(f *testing.F) {
	f.Add([]byte(rfc7517))
	f.Add([]byte(strings.ReplaceAll(rfc7517, `"enc"`, `"sig"`)))
	f.Add([]byte(strings.NewReplacer(`,"alg":"RS256"`, ``, `"use":"enc",`, `"key_ops":["verify"],"d":null,`).Replace(rfc7517)))
	f.Add([]byte("\ufeff" + strings.Replace(rfc7517, `"use":"enc"`, `"use":["enc","sig"],"oth":[{"d":""}],"key_ops":[7],"x5c":["AAAA"]`, 1)))
	f.Add([]byte(strings.Replace(rfc7517, `"alg":"RS256"`, `"alg":["PS256"],"issuer":"https://a","d":[{"":0}],"use":" "`, 1)))
	f.Add([]byte(published))
	f.Add([]byte(strings.Replace(published, `"EdDSA"`, `"Ed25519","k":"AA"`, 1)))
	f.Add([]byte(strings.Replace(published, `"alg":"EdDSA"`, `"issuer":"https://a"`, 1)))
	f.Add([]byte(strings.Replace(published, `"use":"sig"`, `"issuer":" "`, 1)))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"OKP","crv":"Ed25519","x":"AA","alg":"a","alg":"b"},null]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		set, err := jwks.Static(doc)
		doc = bytes.TrimPrefix(doc, []byte("\ufeff"))
		var top map[string]any
		if json.Unmarshal(doc, &top) != nil {
			if err == nil {
				t.Fatal("accepted what encoding/json refuses")
			}
			return
		}
		compare(t, set, readIndependently(top), false)
		// Without doubled names, which encoding/json overwrites, both readings must agree.
		clean := must(json.Marshal(top))
		if set, err := jwks.Static(clean); err == nil || !strings.Contains(err.Error(), "stands there twice") && !strings.Contains(err.Error(), "no array") {
			compare(t, set, readIndependently(top), true)
		}
	})
}

// compare checks that set holds no other keys than want, and, if complete, all of them.
func compare(t *testing.T, set *jwks.Set, want []reading, complete bool) {
	t.Helper()
	if set == nil {
		if complete && len(want) > 0 {
			t.Fatalf("refused a set that holds %v", want)
		}
		return
	}
	questions := [][2]string{}
	for alg := range signers() {
		questions = append(questions, [2]string{"", alg})
		for _, k := range want {
			questions = append(questions, [2]string{k.ID(), alg})
		}
	}
	for _, q := range questions {
		got, _ := set.VerificationKeys(t.Context(), q[0], q[1])
		var expected []reading
		for _, k := range want {
			// A kid that Cardea knows nothing of, as its key has doubled members, may be that of a key without one.
			if k.Algorithm() == q[1] && (q[0] == "" || k.ID() == q[0] || !complete && k.ID() == "") {
				expected = append(expected, k)
			}
		}
		for _, k := range got {
			if !slices.ContainsFunc(expected, func(r reading) bool { return r.is(k) }) {
				t.Fatalf("kid %q, %s: %v of %q is not in the document", q[0], q[1], names([]*jwks.Key{k}), k.Issuer())
			}
		}
		limit := 9 // eight are tried
		if q[0] != "" {
			limit = 5
		}
		if complete && len(expected) < limit && len(got) != len(expected) {
			t.Fatalf("kid %q, %s: %v, want %v", q[0], q[1], names(got), expected)
		}
	}
}

func FuzzMetadata(f *testing.F) {
	const name = "https://issuer.example"
	f.Add([]byte(metadata(name, keysURL)))
	f.Add([]byte(metadata(name+"/", "http://127.0.0.1/")))
	f.Add([]byte(`{"issuer":"https://issuer.example","jwks_uri":"https://a:b@h/#x","JWKS_URI":1}`))
	keys := string(document(first()))
	f.Fuzz(func(t *testing.T, doc []byte) {
		i := new(issuer)
		i.answer = func(r *http.Request) (*http.Response, error) {
			if i.fetches() == 1 {
				return respond(200, string(doc)), nil
			}
			if strings.Contains(r.URL.Path, "/.well-known/") {
				return respond(404, ""), nil
			}
			return respond(200, keys), nil
		}
		c := must(jwks.New(jwks.Config{Issuer: name, HTTPClient: &http.Client{Transport: i}}))
		defer func() { _ = c.Close() }()
		if c.Refresh(t.Context()) != nil {
			return
		}
		var m struct {
			Issuer string `json:"issuer"`
			Keys   string `json:"jwks_uri"`
		}
		if err := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(doc, []byte("\ufeff")))).Decode(&m); err != nil || m.Issuer != name {
			t.Fatalf("used metadata of another issuer: %v, %q", err, m.Issuer)
		}
		u, err := url.Parse(m.Keys)
		if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.Fragment != "" {
			t.Fatalf("used jwks_uri %q", m.Keys)
		}
		u.Host = strings.TrimSuffix(u.Host, ":") // an empty port is none (RFC 3986 section 6.2.3)
		if got := i.request(i.fetches() - 1).URL.String(); got != u.String() {
			t.Fatalf("fetched %s, not %s", got, m.Keys)
		}
	})
}
