package middleware_test

import (
	"fmt"
	"net/http"
)

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
