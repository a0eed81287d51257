package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
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

// Incorrect: a group in which each route must remember its Guard. The one that forgets is open, and nothing says so.
// Wrap the group as a whole, so that a new route is protected before anyone thinks of it, and narrow it by route: a
// Guard inside a Guard judges only what it adds.
func Example_group_incorrect() {
	auth := newAuth()
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") })

	open := http.NewServeMux()
	open.Handle("GET /admin/users", auth.Require("admin").Handler(ok))
	open.Handle("DELETE /admin/users", ok) // forgotten
	call(open, "DELETE", "/admin/users", "")

	routes := http.NewServeMux()
	routes.Handle("GET /admin/users", ok)
	routes.Handle("DELETE /admin/users", auth.Require("admin:delete").Handler(ok))
	group := http.NewServeMux()
	group.Handle("/admin/", auth.Require("admin").Handler(routes)) // right
	call(group, "GET", "/admin/users", "")
	call(group, "DELETE", "/admin/users", tokenFor("alice", "admin admin:delete"))
	// Output:
	// DELETE /admin/users: 200 done
	// GET /admin/users: 401 Bearer realm="api", scope="admin"
	// DELETE /admin/users: 200 done
}

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

// Incorrect: a stream that calls Check every minute to see whether its token was revoked. The request's context holds the verdict of
// the Guard outside, and Check takes it over. Recheck asks anew; a 503 says that nothing could be learned, which is no reason
// to cut the stream.
func ExampleGuard_Recheck_incorrect() {
	withdrawn := false
	keys := kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
		if withdrawn {
			return nil, jwks.ErrKeyNotFound
		}
		return serverKeys().VerificationKeys(ctx, kid, alg)
	})
	auth := testkit.Must(middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: keys}},
		Audiences: []string{"https://api.example.com"},
	}))
	guard := auth.Require("orders:read")

	stream := guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		withdrawn = true // some minutes later

		_, err := guard.Check(r)
		fmt.Println("Check:", err)

		_, err = guard.Recheck(r)
		if err != nil && !errors.Is(err, middleware.ErrUnavailable) {
			fmt.Println("Recheck: the stream ends")
		}
	})
	call(stream, "GET", "/events", tokenFor("alice", "orders:read"))
	// Output:
	// Check: <nil>
	// Recheck: the stream ends
	// GET /events: 200
}
