package middleware_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

const (
	issuer   = testkit.Issuer
	audience = testkit.Audience
)

var now = testkit.Now

type claims = testkit.Claims

// good are the claims of a token that every default Validator accepts; changes override, nil removes.
func good(changes claims) claims {
	return claims{
		"iss": issuer, "aud": audience, "sub": "user-1", "client_id": "client-1", "jti": "token-1",
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(), "scope": "read write",
	}.With(changes)
}

// What the tests have of testkit, under the names that they use all the time.
var (
	rsaKey     = testkit.RSAKey
	edKey      = testkit.EdKey
	p256Key    = testkit.P256Key
	strangeKey = testkit.StrangeKey
	keySet     = testkit.KeySet
	oneKey     = testkit.OneKey
	b64        = testkit.B64
	toJSON     = testkit.JSON
	sign       = testkit.Sign
	signature  = testkit.Signature
)

func must[T any](v T, err error) T { return testkit.Must(v, err) }

const edHeader = `{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`

// mint signs claims with the test issuer's Ed25519 key.
func mint(c claims) string { return sign(edHeader, string(toJSON(c)), edKey()) }

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
