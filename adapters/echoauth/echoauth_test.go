package echoauth_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestRoutesAndGroups(t *testing.T) {
	auth, issuer := api(t, nil)
	e := quiet()
	e.GET("/public", greet)
	e.GET("/optional", greet, echoauth.Middleware(auth.Optional()))
	guarded := e.Group("/api", echoauth.Middleware(auth.Require("api")))
	guarded.GET("/orders", greet)
	guarded.POST("/orders", greet, echoauth.Middleware(auth.Require("orders:write")))

	reader := issuer.Token(authtest.Claims{"scope": "api"})
	writer := issuer.Token(authtest.Claims{"scope": "api orders:write"})
	stranger := issuer.Token(authtest.Claims{"scope": "orders:write"})
	tests := []struct {
		name, method, target, token string
		status                      int
		body                        string // of a 200
	}{
		{"a route without a Guard knows nobody", "GET", "/public", reader, 200, "nobody"},
		{"an optional route without a token", "GET", "/optional", "", 200, "nobody"},
		{"an optional route with a token", "GET", "/optional", reader, 200, "alice"},
		{"the group's Guard admits", "GET", "/api/orders", reader, 200, "alice"},
		{"both Guards admit", "POST", "/api/orders", writer, 200, "alice"},
		{"attack: no token in a group", "GET", "/api/orders", "", 401, ""},
		{"attack: the route's scope without the group's", "POST", "/api/orders", stranger, 403, ""},
		{"attack: the group's scope without the route's", "POST", "/api/orders", reader, 403, ""},
		{"attack: asking which paths a group has", "GET", "/api/unknown", "", 401, ""},
		{"attack: the group's path itself", "GET", "/api", "", 401, ""},
		{"an unknown path of the group, for those who may know", "GET", "/api/unknown", reader, 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := call(e, tt.method, tt.target, tt.token)
			if w.Code != tt.status {
				t.Errorf("status: got %d, want %d", w.Code, tt.status)
			}
			if tt.status == http.StatusOK && w.Body.String() != tt.body {
				t.Errorf("body: got %q, want %q", w.Body, tt.body)
			}
		})
	}
}

// Two Guards in one chain share one echo.Context, which the kit, nesting whole engines, does not try.
func TestAGuardInsideAGroupTakesOverTheVerdict(t *testing.T) {
	var nested []bool
	auth, issuer := api(t, func(cfg *middleware.Config) {
		cfg.Observe = func(_ context.Context, d middleware.Decision) { nested = append(nested, d.Nested) }
	})
	e := quiet()
	e.Group("/api", echoauth.Middleware(auth.Require("api"))).GET("/orders", greet, echoauth.Middleware(auth.Require("orders:read")))

	w := call(e, "GET", "/api/orders", issuer.Token(authtest.Claims{"scope": "api orders:read"}))
	if w.Code != http.StatusOK || w.Body.String() != "alice" {
		t.Errorf("got %d %q, want 200 alice", w.Code, w.Body)
	}
	if want := []bool{false, true}; !slices.Equal(nested, want) {
		t.Errorf("Decision.Nested: got %v, want %v", nested, want)
	}
}
