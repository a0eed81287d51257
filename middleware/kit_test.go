package middleware_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

const (
	issuer   = "https://login.example.com"
	audience = "https://api.example.com"
)

// now is the time of every test that has no clock of its own. It lies far ahead of the real time, by which an introspection.Client
// takes an answer for expired, so that the suite gives the same results on every day.
var now = time.Date(2100, 11, 22, 12, 0, 0, 0, time.UTC)

type claims map[string]any

// good are the claims of a token that every default Validator accepts; changes override, nil removes.
func good(changes claims) claims {
	c := claims{
		"iss": issuer, "aud": audience, "sub": "user-1", "client_id": "client-1", "jti": "token-1",
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "scope": "read write",
	}
	maps.Copy(c, changes)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

// The keys of the tests. RSA keys are slow to make, so they are made once.
var (
	rsaKey     = sync.OnceValue(func() *rsa.PrivateKey { return must(rsa.GenerateKey(rand.Reader, 2048)) })
	edKey      = sync.OnceValue(func() ed25519.PrivateKey { return must2(ed25519.GenerateKey(rand.Reader)) })
	p256Key    = sync.OnceValue(func() *ecdsa.PrivateKey { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	strangeKey = sync.OnceValue(func() ed25519.PrivateKey { return must2(ed25519.GenerateKey(rand.Reader)) })
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[A, B any](_ A, v B, err error) B {
	if err != nil {
		panic(err)
	}
	return v
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func toJSON(v any) []byte { return must(json.Marshal(v)) }

// sign makes a compact JWS of raw header and payload text.
func sign(header, payload string, key any) string {
	input := b64([]byte(header)) + "." + b64([]byte(payload))
	return input + "." + b64(signature(input, header, key))
}

func signature(input, header string, key any) []byte {
	digest := sha256.Sum256([]byte(input))
	switch k := key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(k, []byte(input))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			panic(err)
		}
		sig := make([]byte, 64)
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
		return sig
	case *rsa.PrivateKey:
		if strings.Contains(header, "PS256") {
			return must(rsa.SignPSS(rand.Reader, k, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must(rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, digest[:]))
	case []byte:
		mac := hmac.New(sha256.New, k)
		mac.Write([]byte(input))
		return mac.Sum(nil)
	default:
		return nil
	}
}

const edHeader = `{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`

// mint signs claims with the test issuer's Ed25519 key.
func mint(c claims) string { return sign(edHeader, string(toJSON(c)), edKey()) }

// keySet is what the test issuer publishes.
func keySet() *jwks.Set {
	return jwks.NewSet(
		must(jwks.NewKey("ed", "EdDSA", edKey().Public())),
		must(jwks.NewKey("rsa", "RS256", &rsaKey().PublicKey)),
		must(jwks.NewKey("p256", "ES256", &p256Key().PublicKey)),
	)
}

func config() middleware.Config {
	return middleware.Config{
		Issuers:   []middleware.Issuer{{URL: issuer, Keys: keySet()}},
		Audiences: []string{audience},
		Clock:     func() time.Time { return now },
	}
}

// cacheIsOff reports whether the suite runs without the cache of verified tokens: CARDEA_CACHE=off go test ./middleware.
// It asks each time, or go test would not know that the result depends on it.
func cacheIsOff() bool { return os.Getenv("CARDEA_CACHE") == "off" }

// aboutTheCache leaves out a test that asserts what the cache does, where there is none.
func aboutTheCache(t testing.TB) {
	t.Helper()
	if cacheIsOff() {
		t.Skip("the suite runs without the cache")
	}
}

// validator makes a Validator of the default configuration with changes.
func validator(t testing.TB, change func(*middleware.Config)) *middleware.Validator {
	t.Helper()
	cfg := config()
	if change != nil {
		change(&cfg)
	}
	if cacheIsOff() && cfg.TokenCache.Entries == 0 {
		cfg.TokenCache.Entries = -1
	}
	v, err := middleware.New(cfg)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return v
}

// served is the answer to one request, and whether the protected handler ran.
type served struct {
	*http.Response
	ran     bool
	token   *middleware.Token
	context context.Context
}

func request(method string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, "/orders", nil)
	maps.Copy(r.Header, header)
	return r
}

func bearer(token string) *http.Request {
	return request(http.MethodGet, http.Header{"Authorization": {"Bearer " + token}})
}

// serve sends r through a guard.
func serve(g *middleware.Guard, r *http.Request) served {
	var s served
	w := httptest.NewRecorder()
	g.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.ran, s.context = true, r.Context()
		s.token, _ = middleware.TokenFromContext(r.Context())
	}).ServeHTTP(w, r)
	s.Response = w.Result()
	return s
}

// outcome in short: the status, and the error code of the challenge if there is one.
func (s served) String() string {
	text := s.Status[:3]
	if challenge := s.Header.Get("WWW-Authenticate"); challenge != "" {
		if _, rest, ok := strings.Cut(challenge, `error="`); ok {
			code, _, _ := strings.Cut(rest, `"`)
			text += " " + code
		}
	}
	if s.ran != (s.StatusCode == 200) {
		text += " (handler ran: wrongly)"
	}
	return text
}

// reasonOf asks the guard for its reason.
func reasonOf(t testing.TB, g *middleware.Guard, r *http.Request) middleware.Reason {
	t.Helper()
	_, err := g.Check(r)
	if err == nil {
		return ""
	}
	e, ok := err.(*middleware.Error)
	if !ok {
		t.Fatalf("Check returned a %T, want an *Error", err)
	}
	return e.Reason
}

// signatureOf decodes the third segment of a token.
func signatureOf(token string) []byte {
	return must(base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:]))
}
