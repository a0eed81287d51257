// Readme is the program of the README: an API in front of which Cardea stands.
package main

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
)

func main() {
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences: []string{"https://api.example.com"},
		Logger:    slog.Default(), // so it is without this line: a refusal says why
	})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()
	http.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))
	log.Print(http.ListenAndServe("localhost:8080", nil))
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	fmt.Fprintf(w, "the orders of %s\n", token.Subject)
}
