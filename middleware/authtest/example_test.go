package authtest_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

const orders = "https://orders.example.com"

// newOrders is the API under test, as the program builds it too: only the configuration differs.
func newOrders(cfg middleware.Config) (http.Handler, error) {
	auth, err := middleware.New(cfg)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))
	return mux, nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusInternalServerError)
		return
	}
	fmt.Fprintf(w, "orders of %s", token.Subject)
}

func ask(handler http.Handler, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// A protected API is tested with the tokens of a real issuer. In a test, NewIssuer(t) takes the place of Start.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	issuer, err := authtest.Start(ctx)
	if err != nil {
		panic(err)
	}
	api, err := newOrders(issuer.Config(orders))
	if err != nil {
		panic(err)
	}

	fmt.Println(ask(api, issuer.Token(authtest.Claims{"scope": "orders:read"})).Body)
	fmt.Println(ask(api, issuer.OpaqueToken(authtest.Claims{"scope": "orders:read", "sub": "bob"})).Body)
	fmt.Println(ask(api, issuer.Token(authtest.Claims{"scope": "profile"})).Code)
	fmt.Println(ask(api, issuer.Token(authtest.Claims{"exp": time.Now().Add(-time.Hour)})).Code)
	// Output:
	// orders of alice
	// orders of bob
	// 403
	// 401
}

// One handler is tested without any issuer.
func ExampleContext() {
	t := exampleTB{} // in a test: the *testing.T

	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r = r.WithContext(authtest.Context(t, authtest.Claims{"sub": "carol"}))
	w := httptest.NewRecorder()
	listOrders(w, r)
	fmt.Println(w.Body)
	// Output: orders of carol
}

// No broken token gets through.
func ExampleIssuer_Broken() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	issuer, err := authtest.Start(ctx)
	if err != nil {
		panic(err)
	}
	api, err := newOrders(issuer.Config(orders))
	if err != nil {
		panic(err)
	}
	for name, token := range issuer.Broken() {
		if status := ask(api, token).Code; status != http.StatusUnauthorized && status != http.StatusBadRequest {
			fmt.Printf("%s: status %d\n", name, status)
		}
	}
	fmt.Println("done")
	// Output: done
}

// A stolen token is worth nothing without the key to which it is bound.
func ExampleDPoPTransport() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	issuer, err := authtest.Start(ctx)
	if err != nil {
		panic(err)
	}
	server := httptest.NewUnstartedServer(nil)
	cfg := issuer.Config(orders)
	cfg.PublicURL = "http://" + server.Listener.Addr().String() // as clients call it: proofs name it
	if server.Config.Handler, err = newOrders(cfg); err != nil {
		panic(err)
	}
	server.Start()
	defer server.Close()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	token := issuer.Token(authtest.Claims{
		"scope": "orders:read",
		"cnf":   authtest.Claims{"jkt": authtest.Thumbprint(key)},
	})
	client := &http.Client{Transport: &authtest.DPoPTransport{Key: key, Token: token}}
	response, err := client.Get(server.URL + "/orders")
	if err != nil {
		panic(err)
	}
	defer response.Body.Close()

	fmt.Println(response.StatusCode)
	fmt.Println(ask(server.Config.Handler, token).Code)
	// Output:
	// 200
	// 401
}

// While the keys cannot be had, a good token is not called bad.
func ExampleIssuer_SetFault() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	issuer, err := authtest.Start(ctx)
	if err != nil {
		panic(err)
	}
	api, err := newOrders(issuer.Config(orders))
	if err != nil {
		panic(err)
	}
	issuer.SetFault(authtest.Fault{Endpoint: authtest.EndpointJWKS, Status: http.StatusBadGateway})
	w := ask(api, issuer.Token(nil))
	fmt.Println(w.Code, w.Header().Get("Retry-After") != "")
	// Output: 503 true
}

// exampleTB stands in for a *testing.T, which an Example has not.
type exampleTB struct{}

func (exampleTB) Helper()                           {}
func (exampleTB) Cleanup(func())                    {}
func (exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
