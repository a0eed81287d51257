package middleware_test

import (
	"fmt"
	"net/http"
)

// Incorrect: CORS inside. The Guard refuses the preflight, which carries no token, and the browser never sends the
// request. Guards let no preflight pass: two header fields would open every handler that does not look at the method.
func Example_cors_incorrect() {
	auth := newAuth()
	orders := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") })

	h := auth.Require("orders").Handler(cors(orders)) // write cors(auth.Require("orders").Handler(orders))

	send(h, "OPTIONS", "/orders", http.Header{"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"GET"}})
	// Output:
	// OPTIONS /orders: 401 Bearer realm="api", scope="orders"
}
