package ginauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/middleware"
)

// A decision names the route as the framework does. What a client asks for that is no route must not become one, or a scanner would make
// as many as it likes.
func TestDecisionsNameTheRoute(t *testing.T) {
	var last middleware.Decision
	auth, _ := api(t, func(cfg *middleware.Config) {
		cfg.Observe = func(_ context.Context, d middleware.Decision) { last = d }
	})
	e := gin.New()
	e.Use(ginauth.Middleware(auth.Require()))
	e.GET("/orders/:id", greet)
	for target, want := range map[string]string{"/orders/7": "/orders/:id", "/orders/8?x=y": "/orders/:id", "/wp-admin/setup.php": "", "/orders": ""} {
		last = middleware.Decision{}
		call(e, "GET", target, "")
		if last.Route != want {
			t.Errorf("%s: route %q, want %q", target, last.Route, want)
		}
	}

	outer := http.NewServeMux()
	outer.Handle("/orders/", e)
	r := httptest.NewRequest(http.MethodGet, "/orders/7", nil)
	outer.ServeHTTP(httptest.NewRecorder(), r)
	if last.Route != "/orders/" {
		t.Errorf("below a ServeMux: route %q, want that of the mux", last.Route)
	}
}
