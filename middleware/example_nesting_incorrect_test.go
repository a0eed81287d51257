package middleware_test

import (
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
)

// Incorrect: verification in one place and enforcement in another. Optional outside admits anonymous requests, and a
// check of one's own inside answers "no token" as if it were "no objection". Say what a route needs with a Guard, which
// refuses when nothing was verified; an Optional outside it does no harm.
func Example_nesting_incorrect() {
	auth := newAuth()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "deleted") })
	enforce := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if token, ok := middleware.TokenFromContext(r.Context()); ok && !token.Scopes.Has("admin") {
				http.Error(w, "forbidden", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}

	apart := auth.Optional().Handler(enforce(ok))
	call(apart, "DELETE", "/orders", "") // anonymous, and so without objection

	wrongOrder := enforce(auth.Require().Handler(ok)) // enforces before anything was verified
	call(wrongOrder, "DELETE", "/orders", tokenFor("alice", ""))

	right := auth.Optional().Handler(auth.Require("admin").Handler(ok))
	call(right, "DELETE", "/orders", "")
	// Output:
	// DELETE /orders: 200 deleted
	// DELETE /orders: 200 deleted
	// DELETE /orders: 401 Bearer realm="api", scope="admin"
}
