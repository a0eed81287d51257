package adaptertest_test

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/cardea-auth/cardea/middleware"
)

// remembering leaves the token of one request where the next one, if it is anonymous, finds it: a context from a pool that
// was not reset.
func remembering(g *middleware.Guard, next http.Handler) http.Handler {
	var last context.Context
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admitted, ok := g.Admit(w, r)
		if !ok {
			return
		}
		if _, known := middleware.TokenFromContext(admitted.Context()); known {
			last = admitted.Context()
		} else if last != nil {
			admitted = admitted.WithContext(last)
		}
		next.ServeHTTP(w, admitted)
	})
}

// sharing keeps the token in a field of the engine.
func sharing(g *middleware.Guard, next http.Handler) http.Handler {
	current := new(atomic.Pointer[http.Request])
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if admitted, ok := g.Admit(w, r); ok {
			current.Store(admitted)
			next.ServeHTTP(w, r.WithContext(lookup{r.Context(), current}))
		}
	})
}

type lookup struct {
	context.Context
	current *atomic.Pointer[http.Request]
}

func (l lookup) Value(key any) any {
	return l.current.Load().Context().Value(key)
}
