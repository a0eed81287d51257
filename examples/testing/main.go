// Testing is an API together with its tests, which are what to read: main_test.go tests a handler without any
// authorization server, and the protected routes with one that lives as long as the test.
//
//	go test ./examples/testing
package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func main() { demo.Main(run) }

func run(ctx context.Context, site demo.Site) error {
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return err
	}
	auth, err := middleware.New(issuer.Config("https://api.example.com"))
	if err != nil {
		return err
	}
	defer auth.Close()

	customer := issuer.Token(authtest.Claims{"scope": "orders:read", "tenant": "acme"})
	homeless := issuer.Token(authtest.Claims{"scope": "orders:read"})
	return site.Serve(ctx, newAPI(auth),
		demo.Request{Name: "a customer", Path: "/orders", Token: customer, Status: http.StatusOK},
		demo.Request{Name: "a good token of nobody's customer", Path: "/orders", Token: homeless, Status: http.StatusNotFound},
		demo.Request{Name: "no token", Path: "/orders", Status: http.StatusUnauthorized},
	)
}

// newAPI takes the Validator, so that a test can hand it one that trusts the test's issuer.
func newAPI(auth *middleware.Validator) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))
	return mux
}

// claims are what this API reads beside the registered claims.
type claims struct {
	Tenant string `json:"tenant"`
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	c, err := middleware.ClaimsFromContext[claims](r.Context())
	if err != nil {
		middleware.WriteError(w, r, err)
		return
	}
	if c.Tenant == "" {
		http.Error(w, "no such customer", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"orders of": c.Tenant}) // an error means that the client has gone
}
