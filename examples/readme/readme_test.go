package main

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/issuers"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

// The functions below are the README's snippets, compiled. TestSnippetsAreCompiled holds the two together.

func exampleRoutes(auth *middleware.Validator, mux *http.ServeMux, createOrder, deleteOrder, listPrices http.HandlerFunc) {
	api := auth.Require("api") // a Guard is an immutable value: groups share it, routes narrow it
	mux.Handle("GET /orders", api.Require("orders:read").HandlerFunc(listOrders))
	mux.Handle("POST /orders", api.AnyScope("orders:write", "admin").HandlerFunc(createOrder))
	mux.Handle("DELETE /orders/{id}", api.AnyRole("manager").ACR("mfa").HandlerFunc(deleteOrder))
	mux.Handle("GET /prices", auth.Optional().HandlerFunc(listPrices)) // anonymous, or a good token
}

func exampleEcho(auth *middleware.Validator, listOrdersEcho echo.HandlerFunc) http.Handler {
	e := echo.New()
	e.GET("/orders", listOrdersEcho, echoauth.Middleware(auth.Require("orders:read")))
	return e
}

func exampleGin(auth *middleware.Validator, listOrdersGin gin.HandlerFunc) http.Handler {
	r := gin.New()
	r.GET("/orders", ginauth.Middleware(auth.Require("orders:read")), listOrdersGin)
	return r
}

func exampleOpaque(use func(*middleware.Validator)) error {
	asks, err := introspection.New(introspection.Config{
		URL:        "https://login.example.com/oauth2/introspect",
		ClientAuth: introspection.SecretBasic("orders-api", os.Getenv("INTROSPECTION_SECRET")),
	})
	if err != nil {
		return err
	}
	defer asks.Close()

	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Introspector: asks}},
		Audiences: []string{"https://api.example.com"},
	})
	if err == nil {
		use(auth)
	}
	return err
}

func exampleBinding(mux *http.ServeMux, shared middleware.ReplayStore, newSecret, secretBefore []byte, createPayment http.HandlerFunc) error {
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences: []string{"https://api.example.com"},
		PublicURL: "https://api.example.com/shop", // as clients call it, with the prefix that your proxy strips
		DPoP: middleware.DPoP{
			Replays:      shared,                            // several replicas: a proof is good once among all of them
			NonceSecrets: [][]byte{newSecret, secretBefore}, // proofs cannot be made in advance
		},
	})
	if err != nil {
		return err
	}
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))            // bound, or plain Bearer
	mux.Handle("POST /payments", auth.Require("payments").Bound().HandlerFunc(createPayment)) // bound tokens only
	return nil
}

func exampleSecret(use func(middleware.Issuer)) error {
	secret := []byte(os.Getenv("TOKEN_SECRET")) // HS256 wants 32 bytes at least
	keys, err := jwks.HMAC("HS256", secret)
	inHouse := middleware.Issuer{URL: "https://tokens.example.com", Keys: keys, Algorithms: []string{"HS256"}}
	use(inHouse)
	return err
}

func exampleFile(document []byte, use func(middleware.Issuer)) error {
	keys, err := jwks.Static(document) // a JWKS from os.ReadFile or go:embed
	shipped := middleware.Issuer{URL: "https://login.example.com", Keys: keys}
	use(shipped)
	return err
}

// publishedKey is the example of RFC 8037 appendix A.2.
const publishedKey = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

func exampleRouters(api *middleware.Guard) (asMiddleware func(http.Handler) http.Handler) {
	return api.Handler // what chi, gorilla/mux and Echo's WrapMiddleware take
}

func exampleRevocation(ctx context.Context, cfg middleware.Config, mux *http.ServeMux) error {
	list, err := revocation.New(revocation.Config{}) // of this process: with two replicas, a logout holds at one of them
	if err != nil {
		return err
	}
	cfg.Revocations = []middleware.Revocations{list}
	auth, err := middleware.New(cfg)
	if err != nil {
		return err
	}
	mux.Handle("POST /logout", auth.Require().Handler(list.RevokeOwn()))                        // the caller's own token
	mux.Handle("/admin/revocations", auth.Require("revocations:write").Handler(list.Handler())) // POST, DELETE, GET

	all := revocation.Entry{Kind: revocation.Subject, Issuer: "https://login.example.com", Value: "alice"}
	return list.Revoke(ctx, all) // every token that alice had until now, and two seconds more
}

func exampleProviders() middleware.Config {
	cfg := middleware.Config{
		Audiences: []string{"https://api.example.com"},
		Issuers: []middleware.Issuer{
			issuers.Auth0("example.eu.auth0.com"),
			issuers.Keycloak("https://sso.example.com", "main"),
			issuers.Cognito("eu-central-1", "eu-central-1_Example", "3n4b5urk1ft4fl3mg5e62d9ado"),
			{URL: "https://login.example.com"}, // any other server
		},
	}
	return cfg
}

func TestListOrders(t *testing.T) {
	ctx := authtest.Context(t, authtest.Claims{"sub": "alice", "scope": "orders:read"}) // no server, no keys
	w := httptest.NewRecorder()
	listOrders(w, httptest.NewRequestWithContext(ctx, "GET", "/orders", nil))
	if got := w.Body.String(); got != "the orders of alice\n" {
		t.Errorf("got %q", got)
	}
}

// The snippets run as well: without a token every protected route of theirs answers 401.
func TestSnippetsProtect(t *testing.T) {
	t.Setenv("INTROSPECTION_SECRET", "a secret of the test")
	auth, err := middleware.New(exampleProviders())
	if err != nil {
		t.Fatal(err)
	}
	if err := exampleOpaque(func(*middleware.Validator) {}); err != nil {
		t.Error(err)
	}
	var made []middleware.Issuer
	t.Setenv("TOKEN_SECRET", "thirty-two random bytes and more of them")
	if err := exampleSecret(func(i middleware.Issuer) { made = append(made, i) }); err != nil {
		t.Error(err)
	}
	if err := exampleFile([]byte(publishedKey), func(i middleware.Issuer) { made = append(made, i) }); err != nil {
		t.Error(err)
	}
	if _, err := middleware.New(middleware.Config{Issuers: made, Audiences: []string{"https://api.example.com"}}); err != nil {
		t.Error(err)
	}
	mux := http.NewServeMux()
	if err := exampleRevocation(t.Context(), exampleProviders(), http.NewServeMux()); err != nil {
		t.Error(err)
	}
	if err := exampleBinding(http.NewServeMux(), nil, make([]byte, 32), make([]byte, 32), listOrders); err != nil {
		t.Error(err)
	}
	never := func(http.ResponseWriter, *http.Request) { t.Error("a handler ran without a token") }
	exampleRoutes(auth, mux, never, never, func(http.ResponseWriter, *http.Request) {})
	for name, h := range map[string]http.Handler{
		"net/http": mux,
		"Echo":     exampleEcho(auth, func(echo.Context) error { never(nil, nil); return nil }),
		"chi":      exampleRouters(auth.Require())(http.HandlerFunc(never)),
		"Gin":      exampleGin(auth, func(*gin.Context) { never(nil, nil) }),
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d without a token, want 401", name, w.Code)
		}
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/prices", nil))
	if w.Code != http.StatusOK {
		t.Errorf("anonymous request for the prices: status %d, want 200", w.Code)
	}
}

// Every Go snippet of the README must stand, line by line, in a Go file of this folder.
func TestSnippetsAreCompiled(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var compiled string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		compiled += flat(strings.Split(string(text), "\n"))
	}
	snippets := goSnippets(t, filepath.Join("..", "..", "README.md"))
	snippets = append(snippets, goSnippets(t, filepath.Join("..", "dpop", "README.md"))...)
	if len(snippets) == 0 {
		t.Fatal("the README has no Go snippet")
	}
	for _, snippet := range snippets {
		if !strings.Contains(compiled, flat(snippet)) {
			t.Errorf("this snippet of the README is compiled nowhere:\n%s", strings.Join(snippet, "\n"))
		}
	}
}

// flat drops indentation and empty lines.
func flat(lines []string) string {
	text := "\n"
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" {
			text += line + "\n"
		}
	}
	return text
}

func goSnippets(t *testing.T, path string) [][]string {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var snippets [][]string
	inside := false
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		switch line := scanner.Text(); {
		case line == "```go":
			inside = true
			snippets = append(snippets, nil)
		case line == "```":
			inside = false
		case inside:
			last := len(snippets) - 1
			snippets[last] = append(snippets[last], line)
		}
	}
	return snippets
}
