package introspection_test

import (
	"compress/flate"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

const (
	signedType = "application/token-introspection+jwt"
	goodHeader = `{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1"}`
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func signES256(t *testing.T, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	input := encode(header) + "." + encode(payload)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// askSigned gives the answer to a client that demands signed ones, at 2000-01-01, when every synctest bubble begins.
func askSigned(t *testing.T, keys introspection.KeySource, mediaType, answer string) (*introspection.Response, error) {
	t.Helper()
	tr := &transport{serve: func(r *http.Request, _ string) (*http.Response, error) {
		if got := r.Header.Get("Accept"); got != signedType {
			t.Errorf("Accept %q", got)
		}
		response := respond(200, answer)
		response.Header.Set("Content-Type", mediaType)
		if mediaType == "" {
			response.Header.Del("Content-Type")
		}
		return response, nil
	}}
	client := newClient(t, introspection.Config{Issuer: "https://as.example", SignedBy: keys}, tr)
	return client.Introspect(t.Context(), canaryToken)
}

func TestSignedAnswers(t *testing.T) {
	key, stranger := newECKey(t), newECKey(t)
	keys := keySet(t, "k1", "ES256", key.Public())
	const now = 946684800
	payload := func(members string) string {
		return `{"iss":"https://as.example","aud":"api","iat":946684800,` + members + `}`
	}
	good := payload(`"token_introspection":{"active":true,"sub":"alice","scope":"read"}`)
	sign := func(header, payload string) string { return signES256(t, key, header, payload) }
	replace := func(old, replacement string) string {
		return sign(goodHeader, strings.Replace(good, old, replacement, 1))
	}
	head := func(header string) string { return sign(header, good) }
	hs256 := func() string {
		input := encode(`{"alg":"HS256","typ":"token-introspection+jwt","kid":"k1"}`) + "." + encode(good)
		public, err := key.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, public)
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	signed := sign(goodHeader, good)
	parts := strings.Split(signed, ".")

	tests := []struct {
		name, answer string
		ok           bool
	}{
		{"a good one", signed, true},
		{"a typ in full and in capitals", head(`{"alg":"ES256","typ":"Application/Token-Introspection+JWT","kid":"k1"}`), true},
		{
			"keys offered in the header are ignored",
			head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","jku":"https://evil.example","x5c":["AA"]}`), true,
		},
		{
			"members of the header that mean nothing in a signature",
			head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","zip":"DEF","enc":"A128GCM","cty":"json"}`), true,
		},
		{"null dates are absent", sign(goodHeader, payload(`"exp":null,"nbf":null,"token_introspection":{"active":true,"sub":"alice","scope":"read"}`)), true},
		{"an exp ahead", sign(goodHeader, payload(`"exp":946684801,"token_introspection":{"active":true,"sub":"alice","scope":"read"}`)), true},
		{"an nbf past", sign(goodHeader, payload(`"nbf":946684799,"token_introspection":{"active":true,"sub":"alice","scope":"read"}`)), true},
		{"an audience list with us in it", replace(`"aud":"api"`, `"aud":["other","api"]`), true},
		{"an iat a minute old", replace("946684800", fmt.Sprint(now-60)), true},
		{"an iat a minute ahead", replace("946684800", fmt.Sprint(now+60)), true},
		{
			"members beside token_introspection are not the token's",
			sign(goodHeader, payload(`"scope":"admin","sub":"root","active":false,"token_introspection":{"active":true,"sub":"alice","scope":"read"}`)),
			true,
		},

		{"plain JSON in a signed answer's clothes", activeText, false},
		{"an encrypted answer", "a.b.c.d.e", false},
		{"two parts", parts[0] + "." + parts[1], false},
		{"four parts", signed + ".x", false},
		{"an answer without signature", parts[0] + "." + parts[1] + ".", false},
		{"alg none", encode(`{"alg":"none","typ":"token-introspection+jwt"}`) + "." + parts[1] + ".", false},
		{"alg HS256 keyed with the public key", hs256(), false},
		{"an alg that the key is not for", head(`{"alg":"ES384","typ":"token-introspection+jwt","kid":"k1"}`), false},
		{"alg missing", head(`{"typ":"token-introspection+jwt","kid":"k1"}`), false},
		{"two algs", head(`{"alg":"none","alg":"ES256","typ":"token-introspection+jwt","kid":"k1"}`), false},
		{"typ missing", head(`{"alg":"ES256","kid":"k1"}`), false},
		{"a typ with the Kelvin sign for a k", head(`{"alg":"ES256","typ":"to\u212aen-introspection+jwt","kid":"k1"}`), false},
		{"an empty typ", head(`{"alg":"ES256","typ":"","kid":"k1"}`), false},
		{"a typ that is a media type without a name", head(`{"alg":"ES256","typ":"application/","kid":"k1"}`), false},
		{"an access token as answer", head(`{"alg":"ES256","typ":"at+jwt","kid":"k1"}`), false},
		{"an ID token as answer", head(`{"alg":"ES256","typ":"JWT","kid":"k1"}`), false},
		{"no typ", head(`{"alg":"ES256","kid":"k1"}`), false},
		{"crit", head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","crit":["exp"]}`), false},
		{"an empty crit", head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","crit":[]}`), false},
		{"an unencoded payload", head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","b64":false}`), false},
		{"a nested token", sign(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","cty":"JWT"}`, signed), false},
		{"a payload that is compressed", sign(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","zip":"DEF"}`, deflated(t, good)), false},
		{"ALG beside alg", head(`{"alg":"ES256","ALG":"none","typ":"token-introspection+jwt","kid":"k1"}`), false},
		{"CRIT", head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k1","CRIT":["exp"]}`), false},
		{"AUD beside aud", sign(goodHeader, payload(`"AUD":"other","token_introspection":{"active":true}`)), false},
		{"a byte order mark", "\ufeff" + signed, false},
		{"an iat that is null", replace("946684800", "null"), false},
		{"an unknown key", head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"k2"}`), false},
		{"a kid of 1025 bytes", head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":"` + strings.Repeat("k", 1025) + `"}`), false},
		{"a kid that is no text", head(`{"alg":"ES256","typ":"token-introspection+jwt","kid":null}`), false},
		{"another's signature under a known kid", signES256(t, stranger, goodHeader, good), false},
		{"a payload changed after signing", parts[0] + "." + encode(strings.Replace(good, "alice", "admin", 1)) + "." + parts[2], false},
		{"a newline in the signature", signed[:len(signed)-4] + "\n" + signed[len(signed)-4:], false},
		{"a newline at the end", signed + "\n", false},
		{"padding", signed + "==", false},
		{"a header that is no object", encode(`[]`) + "." + parts[1] + "." + parts[2], false},
		{"a header that is no base64url", "+." + parts[1] + "." + parts[2], false},
		{"another issuer", replace("https://as.example", "https://evil.example"), false},
		{"an issuer that differs by a slash", replace("https://as.example", "https://as.example/"), false},
		{"no issuer", replace(`"iss":"https://as.example",`, ``), false},
		{"an answer for another resource server", replace(`"aud":"api"`, `"aud":"other"`), false},
		{"an audience list without us", replace(`"aud":"api"`, `"aud":["other"]`), false},
		{"an audience list that holds a number", replace(`"aud":"api"`, `"aud":["api",1]`), false},
		{"an audience that is an object", replace(`"aud":"api"`, `"aud":{"api":"api"}`), false},
		{"no audience", replace(`"aud":"api",`, ``), false},
		{"an old answer replayed", replace("946684800", fmt.Sprint(now-61)), false},
		{"an answer from the future", replace("946684800", fmt.Sprint(now+61)), false},
		{"an iat that is text", replace("946684800", `"946684800"`), false},
		{"no iat", replace(`"iat":946684800,`, ``), false},
		{"an answer that has expired", sign(goodHeader, payload(`"exp":946684800,"token_introspection":{"active":true}`)), false},
		{"an answer for later", sign(goodHeader, payload(`"nbf":946684861,"token_introspection":{"active":true}`)), false},
		{"an nbf that is text", sign(goodHeader, payload(`"nbf":"946684799","token_introspection":{"active":true}`)), false},
		{"an exp that is text", sign(goodHeader, payload(`"exp":"x","token_introspection":{"active":true}`)), false},
		{"active at the top level only", sign(goodHeader, payload(`"active":true`)), false},
		{"token_introspection as text", sign(goodHeader, payload(`"token_introspection":"{\"active\":true}"`)), false},
		{"token_introspection twice", sign(goodHeader, payload(`"token_introspection":{"active":false},"token_introspection":{"active":true}`)), false},
		{"token_introspection without active", sign(goodHeader, payload(`"token_introspection":{"sub":"alice"}`)), false},
		{"a payload that is no object", sign(goodHeader, `"active"`), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				response, err := askSigned(t, keys, signedType, test.answer)
				if !test.ok {
					mustBeUnavailable(t, response, err)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				var claims map[string]any
				if err := response.Claims(&claims); err != nil || fmt.Sprint(claims) != "map[active:true scope:read sub:alice]" {
					t.Errorf("claims %v, error %v", claims, err)
				}
			})
		})
	}
}

func deflated(t *testing.T, text string) string {
	t.Helper()
	var compressed strings.Builder
	w, err := flate.NewWriter(&compressed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return compressed.String()
}

func TestSignedAnswersByMediaType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		key := newECKey(t)
		keys := keySet(t, "k1", "ES256", key.Public())
		answer := signES256(t, key, goodHeader, `{"iss":"https://as.example","aud":"api","iat":946684800,"token_introspection":{"active":false}}`)
		response, err := askSigned(t, keys, signedType+"; charset=utf-8", answer)
		if err != nil || response.Active() {
			t.Errorf("active %v, error %v", response.Active(), err)
		}
		for _, mediaType := range []string{"application/json", "application/jwt", "text/plain", "", signedType + ", text/html", signedType + "; charset"} {
			response, err := askSigned(t, keys, mediaType, answer)
			mustBeUnavailable(t, response, err)
			if !strings.Contains(err.Error(), "something else than a signed answer") {
				t.Errorf("%s: %v", mediaType, err)
			}
		}
		response, err = askSigned(t, keys, "application/json", activeText) // the downgrade
		mustBeUnavailable(t, response, err)
	})
}

// careless gives its key whatever it was asked for.
type careless struct{ key *jwks.Key }

func (c careless) VerificationKeys(context.Context, string, string) ([]*jwks.Key, error) {
	return []*jwks.Key{c.key}, nil
}

func TestSignedAnswersUnderACarelessKeySource(t *testing.T) {
	key, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	verification, err := jwks.NewKey("k1", "RS256", key.Public())
	if err != nil {
		t.Fatal(err)
	}
	payload := fmt.Sprintf(`{"iss":"https://as.example","aud":"api","iat":%d,"token_introspection":{"active":true}}`, time.Now().Unix())
	for name, test := range map[string]struct {
		header string
		ok     bool
	}{
		"the key's algorithm": {`{"alg":"RS256","typ":"token-introspection+jwt"}`, true},
		"another algorithm":   {`{"alg":"PS256","typ":"token-introspection+jwt"}`, false},
		"a kid of 1025 bytes": {`{"alg":"RS256","typ":"token-introspection+jwt","kid":"` + strings.Repeat("k", 1025) + `"}`, false},
	} {
		input := encode(test.header) + "." + encode(payload)
		sum := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		response, err := askSigned(t, careless{verification}, signedType, input+"."+base64.RawURLEncoding.EncodeToString(signature))
		if test.ok != (err == nil) {
			t.Errorf("%s: response %v, error %v", name, response, err)
		}
	}
}

type keysAway struct{}

func (keysAway) VerificationKeys(context.Context, string, string) ([]*jwks.Key, error) {
	return nil, patientError{}
}

type patientError struct{}

func (patientError) Error() string { return "keys away" }

func (patientError) RetryAfter() time.Duration { return 7 * time.Second }

type noKeys struct{}

func (noKeys) VerificationKeys(context.Context, string, string) ([]*jwks.Key, error) { return nil, nil }

func TestSignedAnswersWithoutKeys(t *testing.T) {
	key := newECKey(t)
	claims, _ := json.Marshal(
		map[string]any{"iss": "https://as.example", "aud": "api", "iat": time.Now().Unix(), "token_introspection": map[string]any{"active": true}},
	)
	answer := signES256(t, key, goodHeader, string(claims))
	response, err := askSigned(t, keysAway{}, signedType, answer)
	mustBeUnavailable(t, response, err)
	if !errors.Is(err, patientError{}) || retryAfter(err) != 7*time.Second {
		t.Errorf("error %v, RetryAfter %v", err, retryAfter(err))
	}
	response, err = askSigned(t, noKeys{}, signedType, answer)
	mustBeUnavailable(t, response, err)
}

func FuzzSignedAnswer(f *testing.F) {
	f.Add(encode(goodHeader) + ".e30.AA")
	f.Add("a.b.c.d.e")
	f.Add("..")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	verification, err := jwks.NewKey("k1", "ES256", key.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		response, err := askSigned(t, jwks.NewSet(verification), signedType, answer)
		mustBeUnavailable(t, response, err) // nobody has signed it
	})
}

// A decoder that returns what it could read before an error would let one answer have many spellings. With ES384 the signature ends
// where a group of the encoding ends, so that all of it has been read by then.
func TestSignatureWithSomethingBehindIt(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := keySet(t, "k1", "ES384", key.Public())
	input := encode(`{"alg":"ES384","kid":"k1","typ":"token-introspection+jwt"}`) + "." +
		encode(`{"iss":"https://as.example","aud":"api","iat":946684800,"token_introspection":{"active":true}}`)
	sum := sha512.Sum384([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))...)
	for _, tail := range []string{"", "!", "=", "A", "A=", "AA!", "\n", "%00"} {
		synctest.Test(t, func(t *testing.T) {
			r, err := askSigned(t, keys, signedType, input+"."+base64.RawURLEncoding.EncodeToString(signature)+tail)
			if r.Active() != (tail == "") || (err == nil) != (tail == "") {
				t.Errorf("%q behind the signature: active %t, error %v", tail, r.Active(), err)
			}
		})
	}
}

func TestSignedAnswersSayWhatTheyLack(t *testing.T) {
	key := newECKey(t)
	keys := keySet(t, "k1", "ES256", key.Public())
	const tail = `"token_introspection":{"active":true}}`
	for _, row := range []struct{ header, payload, says string }{
		{goodHeader, `{"aud":"api","iat":946684800,` + tail, "its iss is not"},
		{goodHeader, `{"iss":"https://as.example","iat":946684800,` + tail, "its aud does not"},
		{goodHeader, `{"iss":"https://as.example","aud":"api","iat":946684800}`, "no token_introspection"},
		{`{"alg":"ES256","kid":"k1"}`, `{}`, "its typ is not"},
		{`{"kid":"k1","typ":"token-introspection+jwt"}`, `{}`, "its alg is"},
	} {
		synctest.Test(t, func(t *testing.T) {
			response, err := askSigned(t, keys, signedType, signES256(t, key, row.header, row.payload))
			mustBeUnavailable(t, response, err)
			if !strings.Contains(err.Error(), row.says) {
				t.Errorf("%s.%s: %v, want %q", row.header, row.payload, err, row.says)
			}
		})
	}
}

// A shared secret proves nothing to third parties, so HS256 is refused even where the key source has such a key.
func TestSignedAnswerUnderASharedSecret(t *testing.T) {
	secret := []byte(strings.Repeat("sh", 16))
	keys, err := jwks.HMAC("HS256", secret)
	if err != nil {
		t.Fatal(err)
	}
	input := encode(`{"alg":"HS256","typ":"token-introspection+jwt"}`) + "." + encode(
		`{"iss":"https://as.example","aud":"api","iat":946684800,"token_introspection":{"active":true}}`,
	)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	synctest.Test(t, func(t *testing.T) {
		if r, err := askSigned(t, keys, signedType, input+"."+encode(string(mac.Sum(nil)))); err == nil || r.Active() {
			t.Errorf("active %t, error %v", r.Active(), err)
		}
	})
}
