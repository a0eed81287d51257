package middleware_test

import (
	"fmt"
	"net/http"
)

// cors stands for the CORS middleware of your choice: it answers preflights itself.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.example.com")
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, DPoP")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// CORS goes outside: a preflight carries no token, and the browser reads a refusal only with the fields of CORS on it.
func Example_cors() {
	auth := newAuth()
	orders := auth.Require("orders").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") })

	h := cors(orders)

	send(h, "OPTIONS", "/orders", http.Header{"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"GET"}})
	call(h, "GET", "/orders", tokenFor("alice", "orders"))
	// Output:
	// OPTIONS /orders: 204
	// GET /orders: 200 orders
}
