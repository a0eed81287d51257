package authtest

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"iter"
	"strings"
	"time"
)

// Broken returns tokens that no resource server may accept, each under the name of what is wrong with it: a Validator of
// Config refuses every one, with 401 or, where a request cannot be read, with 400. They are made anew for every
// iteration, for the last audience given to Config, so that nothing but the one flaw is wrong with them.
//
// Some name keys that nobody has. A Validator that has met them may not fetch keys for a while, so a test of RotateKeys
// should have a Validator to itself.
func (i *Issuer) Broken() iter.Seq2[string, string] {
	i.tb.Helper()
	return func(yield func(name, token string) bool) {
		for _, row := range gallery {
			token, err := row.make(i)
			if err != nil {
				i.tb.Fatalf("authtest: Broken, %s: %v", row.name, err)
				return
			}
			if !yield(row.name, token) {
				return
			}
		}
	}
}

// maker makes one kind of broken token.
type maker func(i *Issuer) (string, error)

type exhibit struct {
	name string
	make maker
}

// gallery is in the order in which a token is judged: form, header, key, signature, claims.
var gallery = []exhibit{
	{"a lone dot", text(".")},
	{"two segments", edited(func(h, p, _ string) string { return h + "." + p })},
	{"four segments", edited(func(h, p, s string) string { return join(h, p, s, s) })},
	{"an empty header", edited(func(_, p, s string) string { return join("", p, s) })},
	{"an empty payload", edited(func(h, _, s string) string { return join(h, "", s) })},
	{"an encrypted token (JWE)", encrypted},
	{"padding after the signature", edited(func(h, p, s string) string { return join(h, p, s+"==") })},
	{"the signature in a second spelling", edited(respelt)},
	{"standard base64 in place of base64url", edited(func(h, p, s string) string { return join(h, p, "+/"+s[2:]) })},
	{"longer than any token", header(Header{"padding": strings.Repeat("a", 1<<16)})},

	{"alg none", header(Header{"alg": "none"})},
	{"alg none with the kid of a key", unsecured("none")},
	{"alg nOnE", unsecured("nOnE")},
	{"alg NONE", unsecured("NONE")},
	{"alg none with a signature", under(Header{"alg": "none"})},
	{"no alg", header(Header{"alg": nil})},
	{"an alg that is no text", header(Header{"alg": []string{defaultAlgorithm}})},
	{"alg in lower case", under(Header{"alg": "es256"})},
	{"HS256 with the public key as PEM for its secret", confused(publicPEM)},
	{"HS256 with the public key as DER for its secret", confused(publicDER)},
	{"HS256 with the JWK for its secret", confused(publicJWK)},
	{"HS256 with an empty secret", confused(func(*signingKey) ([]byte, error) { return nil, nil })},
	{"the key of another algorithm", otherKey("Ed25519", "EdDSA")},
	{"an algorithm and the key of a larger curve", otherKey("ES384", "ES256")},

	{"a critical extension (crit)", header(Header{"crit": []string{"urn:example:must"}, "urn:example:must": true})},
	{"an unencoded payload (b64)", header(Header{"crit": []string{"b64"}, "b64": false})},
	{"b64 that is not critical", header(Header{"b64": false})},
	{"a compressed payload (zip)", payload(deflated)},
	{"a token inside the token (cty)", header(Header{"cty": "JWT"})},
	{"alg twice in the header", headerText(func(h string) string { return `{"alg":"none",` + h[1:] })},
	{"alg in two spellings", headerText(func(h string) string { return `{"ALG":"none",` + h[1:] })},
	{"a header that is an array", headerText(func(h string) string { return "[" + h + "]" })},
	{"text after the header", headerText(func(h string) string { return h + "{}" })},

	{"an unknown kid", foreign(Header{"kid": "nobody"})},
	{"a kid that is a path", foreign(Header{"kid": "../../../../dev/null"})},
	{"a kid that is no text", under(Header{"kid": 7})},
	{"somebody else's key under a known kid", foreign(nil)},
	{"somebody else's key and no kid", foreign(Header{"kid": nil})},
	{"its own key in the header (jwk)", ownKey},
	{"the address of its own key in the header (jku)", foreign(Header{"kid": nil, "jku": "https://evil.example.test/jwks"})},

	{"no signature", edited(func(h, p, _ string) string { return join(h, p, "") })},
	{"an altered signature", edited(func(h, p, s string) string { return join(h, p, altered(s)) })},
	{"half a signature", edited(func(h, p, s string) string { return join(h, p, s[:44]) })},
	{"a signature of zeros", edited(func(h, p, _ string) string { return join(h, p, encode(make([]byte, 64))) })},
	{"a signature in ASN.1", asn1Signature},
	{"claims changed after signing", swapped},

	{"an ID token", both(Header{"typ": "JWT"}, Claims{"nonce": "n-0S6_WzA2Mj", "at_hash": "MTIzNDU2Nzg5MGFiY2RlZg"})},
	{"a logout token", both(Header{"typ": "logout+jwt"}, Claims{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": struct{}{}}})},
	{"a DPoP proof", both(Header{"typ": "dpop+jwt"}, Claims{"htm": "GET", "htu": "https://api.example.test"})},
	{"an introspection answer", both(Header{"typ": signedAnswer}, Claims{"token_introspection": Claims{"active": true}})},
	{"a refresh token that says so", both(Header{"typ": "JWT"}, Claims{"token_use": "refresh"})},

	{"a payload that is no JSON", payload(func(string) string { return "sub=alice" })},
	{"a payload that is null", payload(func(string) string { return "null" })},
	{"a payload that is an array", payload(func(p string) string { return "[" + p + "]" })},
	{"text after the payload", payload(func(p string) string { return p + `{"sub":"admin"}` })},
	{"a claim twice", payload(func(p string) string { return `{"sub":"admin",` + p[1:] })},
	{"a claim in two spellings", payload(func(p string) string { return `{"SUB":"admin",` + p[1:] })},
	{"bytes that are no text", payload(func(p string) string { return "{\"name\":\"\xff\"," + p[1:] })},
	{"JSON deeper than any claim", payload(func(p string) string {
		return `{"deep":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "," + p[1:]
	})},

	{"no issuer", claims(Claims{"iss": nil})},
	{"another issuer", claims(Claims{"iss": "https://evil.example.test"})},
	{"the issuer with a slash at its end", about("iss", func(iss string) any { return iss + "/" })},
	{"a list of issuers", about("iss", func(iss string) any { return []string{iss} })},
	{"no audience", claims(Claims{"aud": nil})},
	{"another audience", claims(Claims{"aud": "https://other.example.test"})},
	{"an empty audience", claims(Claims{"aud": []string{}})},
	{"the audience with a slash at its end", about("aud", func(aud string) any { return aud + "/" })},
	{"the beginning of the audience", about("aud", func(aud string) any { return aud[:max(0, len(aud)-1)] })},
	{"the audience inside a longer text", about("aud", func(aud string) any { return "https://other.example.test " + aud })},
	{"an audience that is an object", about("aud", func(aud string) any { return map[string]any{aud: true} })},
	{"expired", dates(map[string]time.Duration{"iat": -2 * time.Hour, "exp": -time.Hour})},
	{"no expiry", claims(Claims{"exp": nil})},
	{"an expiry that is text", claims(Claims{"exp": "2999-01-01T00:00:00Z"})},
	{"an expiry beyond all time", claims(Claims{"exp": 1e300})},
	{"an expiry of zero", claims(Claims{"exp": 0})},
	{"not yet valid", dates(map[string]time.Duration{"nbf": 30 * time.Minute})},
	{"not valid before the end of all time", claims(Claims{"nbf": 1e300})},
	{"issued in the future", dates(map[string]time.Duration{"iat": 30 * time.Minute})},
	{"a subject that is no text", claims(Claims{"sub": map[string]any{"id": "alice"}})},
	{"bound to a key, without a proof", claims(Claims{"cnf": map[string]any{"jkt": encode(make([]byte, 32))}})},
	{"bound to nothing", claims(Claims{"cnf": map[string]any{}})},

	{"an opaque token that nobody made", text("at_nobody")},
	{"an opaque token for another audience", opaque(Claims{"aud": "https://other.example.test"})},
	{"an opaque token that is a refresh token", opaque(Claims{"token_type": "refresh_token"})},
	{"a revoked opaque token", revoked},
}

func text(token string) maker {
	return func(*Issuer) (string, error) { return token, nil }
}

func both(h Header, c Claims) maker {
	return func(i *Issuer) (string, error) { return i.mint(h, c) }
}

func header(h Header) maker { return both(h, nil) }
func claims(c Claims) maker { return both(nil, c) }

// dates sets claims relative to the issuer's clock.
func dates(offsets map[string]time.Duration) maker {
	return func(i *Issuer) (string, error) {
		now, c := i.now(), make(Claims)
		for name, offset := range offsets {
			c[name] = now.Add(offset)
		}
		return i.mint(nil, c)
	}
}

// about derives a claim from its default.
func about(name string, change func(value string) any) maker {
	return func(i *Issuer) (string, error) {
		value, _ := i.defaults()[name].(string)
		return i.mint(nil, Claims{name: change(value)})
	}
}

// deflated is text as a JWE with zip would have it. In a JWS nobody undoes it (RFC 7516 section 4.1.3).
func deflated(text string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		return "" // of a level that does not exist
	}
	_, _ = w.Write([]byte(text)) // never fails
	_ = w.Close()
	return b.String()
}

// payload signs a changed text of good claims.
func payload(change func(text string) string) maker {
	return func(i *Issuer) (string, error) {
		good, err := json.Marshal(merge(i.defaults()))
		if err != nil {
			return "", err
		}
		return i.sign(nil, change(string(good)))
	}
}
