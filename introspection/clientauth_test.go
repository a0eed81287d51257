package introspection_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/introspection"
)

// question is what a real server saw.
type question struct {
	method, query, body string
	form                url.Values
	header              http.Header
}

// listen answers activeText and reports each question.
func listen(t *testing.T) (address string, asked <-chan question) {
	t.Helper()
	questions := make(chan question, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		questions <- question{r.Method, r.URL.RawQuery, string(body), form, r.Header}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, activeText)
	}))
	t.Cleanup(server.Close)
	return server.URL, questions
}

func TestClientAuthOnTheWire(t *testing.T) {
	const token = "a+b/c=~._-" // every special byte of a bearer token
	tests := []struct {
		name   string
		auth   introspection.ClientAuth
		header string // Authorization
		form   url.Values
	}{
		{"Basic credentials are form-encoded before base64", introspection.SecretBasic("a:b", "p%+ ü"),
			"Basic " + base64.StdEncoding.EncodeToString([]byte("a%3Ab:p%25%2B+%C3%BC")), nil},
		{"a secret in the body", introspection.SecretPost("a:b", "p%+&="), "", url.Values{"client_id": {"a:b"}, "client_secret": {"p%+&="}}},
		{"a bearer token", introspection.BearerToken(func(context.Context) (string, error) { return "own.token", nil }), "Bearer own.token", nil},
		{"nothing", introspection.NoClientAuth(), "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address, asked := listen(t)
			client := newClient(t, introspection.Config{URL: address + "/introspect?tenant=7", ClientAuth: test.auth}, nil)
			mustIntrospect(t, client, token)
			q := <-asked
			want := url.Values{"token": {token}, "token_type_hint": {"access_token"}}
			for name, values := range test.form {
				want[name] = values
			}
			if q.method != http.MethodPost || q.query != "tenant=7" || q.form.Encode() != want.Encode() {
				t.Errorf("asked %s ?%s with %s, want %s", q.method, q.query, q.form.Encode(), want.Encode())
			}
			if got := q.header.Get("Authorization"); got != test.header {
				t.Errorf("Authorization %q, want %q", got, test.header)
			}
			if q.header.Get("Content-Type") != "application/x-www-form-urlencoded" || q.header.Get("Accept") != "application/json" {
				t.Errorf("header %v", q.header)
			}
		})
	}
}

func TestTLSClientAuthNamesTheClient(t *testing.T) {
	var form url.Values
	tr := &transport{serve: func(r *http.Request, token string) (*http.Response, error) {
		body, _ := r.GetBody()
		text, _ := io.ReadAll(body)
		form, _ = url.ParseQuery(string(text))
		return respond(200, activeText), nil
	}}
	client := newClient(t, introspection.Config{ClientAuth: introspection.TLSClientAuth("api")}, tr)
	mustIntrospect(t, client, "token")
	if form.Get("client_id") != "api" || form.Has("client_secret") {
		t.Errorf("form %v", form)
	}
}

func TestBearerTokenIsCheckedBeforeItIsSent(t *testing.T) {
	for name, token := range map[string]string{
		"an empty token":            "",
		"a header of its own":       "x\r\nX-Admin: 1",
		"a token with its own type": "Bearer x",
	} {
		t.Run(name, func(t *testing.T) {
			tr := &transport{serve: answers(activeText)}
			client := newClient(t, introspection.Config{
				ClientAuth: introspection.BearerToken(func(context.Context) (string, error) { return token, nil }),
			}, tr)
			response, err := client.Introspect(t.Context(), "token")
			mustBeUnavailable(t, response, err)
			if tr.count() != 0 || token != "" && strings.Contains(err.Error(), token) {
				t.Errorf("%d requests, error %q", tr.count(), err)
			}
		})
	}
}

// remote is a key that only signs, as in a KMS.
type remote struct {
	crypto.Signer
	sign func(digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (r remote) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if r.sign != nil {
		return r.sign(digest, opts)
	}
	return r.Signer.Sign(random, digest, opts)
}

// rsaKey is made once, as that takes a fifth of a second.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func keyFor(t *testing.T, algorithm string) crypto.Signer {
	t.Helper()
	var (
		key crypto.Signer
		err error
	)
	switch algorithm {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ES512":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "EdDSA", "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = rsaKey()
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPrivateKeyJWT(t *testing.T) {
	for _, algorithm := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		t.Run(algorithm, func(t *testing.T) {
			key := keyFor(t, algorithm)
			address, asked := listen(t)
			client := newClient(t, introspection.Config{
				URL:        address,
				Issuer:     "https://as.example/tenant",
				ClientAuth: introspection.PrivateKeyJWT("api", "kid-1", algorithm, remote{Signer: key}),
			}, nil)
			mustIntrospect(t, client, "token")
			mustIntrospect(t, client, "other")
			first, second := <-asked, <-asked
			form := first.form
			if form.Get("client_id") != "api" || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
				t.Errorf("form %v", form)
			}

			var claims jwt.RegisteredClaims
			method := algorithm
			if algorithm == "Ed25519" {
				method = "EdDSA" // golang-jwt has the older name only
			}
			signed, err := jwt.NewParser().ParseWithClaims(form.Get("client_assertion"), &claims, func(token *jwt.Token) (any, error) {
				if token.Header["alg"] != algorithm || token.Header["kid"] != "kid-1" || token.Header["typ"] != "JWT" || len(token.Header) != 3 {
					t.Errorf("header %v", token.Header)
				}
				token.Method = jwt.GetSigningMethod(method)
				return key.Public(), nil
			})
			if algorithm == "Ed25519" && errors.Is(err, jwt.ErrTokenUnverifiable) {
				signed, err = verifyEd25519(form.Get("client_assertion"), key.Public(), &claims)
			}
			if err != nil || !signed.Valid {
				t.Fatalf("assertion: %v", err)
			}
			if claims.Issuer != "api" || claims.Subject != "api" || !slices.Equal(claims.Audience, []string{"https://as.example/tenant"}) {
				t.Errorf("claims %+v", claims)
			}
			if life := claims.ExpiresAt.Sub(claims.IssuedAt.Time); life != time.Minute || len(claims.ID) < 22 {
				t.Errorf("lives %v, jti %q", life, claims.ID)
			}
			if first.form.Get("client_assertion") == second.form.Get("client_assertion") || jtiOf(t, second.form.Get("client_assertion")) == claims.ID {
				t.Error("an assertion was used twice")
			}
		})
	}
}

func verifyEd25519(assertion string, public crypto.PublicKey, claims *jwt.RegisteredClaims) (*jwt.Token, error) {
	token, parts, err := jwt.NewParser().ParseUnverified(assertion, claims)
	if token == nil || len(parts) != 3 {
		return nil, err
	}
	signature, err := jwt.NewParser().DecodeSegment(parts[2])
	if err != nil {
		return nil, err
	}
	token.Valid = ed25519.Verify(public.(ed25519.PublicKey), []byte(parts[0]+"."+parts[1]), signature)
	return token, nil
}

func jtiOf(t *testing.T, assertion string) string {
	t.Helper()
	var claims jwt.RegisteredClaims
	jwt.NewParser().ParseUnverified(assertion, &claims)
	return claims.ID
}

func TestPrivateKeyJWTAddressesOneServerOnly(t *testing.T) {
	address, asked := listen(t)
	client := newClient(t, introspection.Config{
		URL: address, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("api", "", "ES256", keyFor(t, "ES256")),
	}, nil)
	mustIntrospect(t, client, "token")
	assertion := (<-asked).form.Get("client_assertion")
	claims := jwt.MapClaims{}
	token, _, err := jwt.NewParser().ParseUnverified(assertion, claims)
	if err != nil {
		t.Fatal(err)
	}
	if claims["aud"] != "https://as.example" {
		t.Errorf("aud %v, want the issuer as one string", claims["aud"])
	}
	if _, present := token.Header["kid"]; present {
		t.Error("an empty kid was sent")
	}
}

func TestPrivateKeyJWTWithASignerThatFails(t *testing.T) {
	tests := map[string]func([]byte, crypto.SignerOpts) ([]byte, error){
		"an error":                 func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, errors.New("the HSM is away") },
		"no ASN.1":                 func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil },
		"a signature of zeros":     derSignature(big.NewInt(0), big.NewInt(0)),
		"a number above the order": derSignature(elliptic.P256().Params().N, big.NewInt(1)),
		"a larger curve's numbers": derSignature(new(big.Int).Lsh(big.NewInt(1), 500), big.NewInt(1)),
	}
	for name, sign := range tests {
		t.Run(name, func(t *testing.T) {
			tr := &transport{serve: answers(activeText)}
			client := newClient(t, introspection.Config{
				Issuer:     "https://as.example",
				ClientAuth: introspection.PrivateKeyJWT("api", "", "ES256", remote{Signer: keyFor(t, "ES256"), sign: sign}),
			}, tr)
			response, err := client.Introspect(t.Context(), "token")
			mustBeUnavailable(t, response, err)
			if tr.count() != 0 {
				t.Error("a request without a signature was sent")
			}
		})
	}
}

func derSignature(r, s *big.Int) func([]byte, crypto.SignerOpts) ([]byte, error) {
	return func([]byte, crypto.SignerOpts) ([]byte, error) { return asn1.Marshal(struct{ R, S *big.Int }{r, s}) }
}

func TestAssertionKeysOfAnotherKind(t *testing.T) {
	for _, row := range []struct{ algorithm, kind string }{{"ES256", "RS256"}, {"EdDSA", "RS256"}, {"RS256", "EdDSA"}, {"ES256", "EdDSA"}, {"EdDSA", "ES256"}} {
		_, err := introspection.New(introspection.Config{
			URL: "https://as.example/", Issuer: "https://as.example",
			ClientAuth: introspection.PrivateKeyJWT("api", "", row.algorithm, keyFor(t, row.kind)),
		})
		if err == nil || !strings.Contains(err.Error(), "does not sign with "+row.algorithm) {
			t.Errorf("a key of %s for %s: %v", row.kind, row.algorithm, err)
		}
	}
}

func TestSignersThatGiveNoSignature(t *testing.T) {
	const noSignature = "the signer gave no ASN.1 ECDSA signature"
	order, one := elliptic.P256().Params().N, big.NewInt(1)
	for name, row := range map[string]struct {
		sign func([]byte, crypto.SignerOpts) ([]byte, error)
		says string
	}{
		"an error":      {func([]byte, crypto.SignerOpts) ([]byte, error) { return nil, errors.New("the HSM is away") }, "the HSM is away"},
		"no ASN.1":      {func([]byte, crypto.SignerOpts) ([]byte, error) { return make([]byte, 64), nil }, noSignature},
		"R is zero":     {derSignature(new(big.Int), one), noSignature},
		"S is zero":     {derSignature(one, new(big.Int)), noSignature},
		"R is negative": {derSignature(big.NewInt(-1), one), noSignature},
		"S is negative": {derSignature(one, big.NewInt(-1)), noSignature},
		"R is too big":  {derSignature(order, one), noSignature},
		"S is too big":  {derSignature(one, order), noSignature},
		"something follows": {func(digest []byte, opts crypto.SignerOpts) ([]byte, error) {
			der, err := derSignature(one, one)(digest, opts)
			return append(der, 0), err
		}, noSignature},
	} {
		client := newClient(t, introspection.Config{
			Issuer:     "https://as.example",
			ClientAuth: introspection.PrivateKeyJWT("api", "", "ES256", remote{Signer: keyFor(t, "ES256"), sign: row.sign}),
		}, &transport{serve: answers(activeText)})
		response, err := client.Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		if !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %q", name, err, row.says)
		}
	}
}
