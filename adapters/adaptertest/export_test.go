package adaptertest

import (
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
)

// Clauses returns the names of all clauses.
func Clauses() []string {
	var names []string
	for _, c := range contract() {
		names = append(names, c.name)
	}
	return names
}

// Check tests one clause.
func Check(name string, serve func(*middleware.Guard, http.Handler) http.Handler) error {
	for _, c := range contract() {
		if c.name == name {
			return c.test(serve)
		}
	}
	panic("adaptertest: no clause has the name " + name)
}
