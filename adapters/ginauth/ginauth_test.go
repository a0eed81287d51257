package ginauth_test

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestRoutesAndGroups(t *testing.T) {
	auth, issuer := api(t, nil)
	e := gin.New()
	e.GET("/public", greet)
	e.GET("/optional", ginauth.Middleware(auth.Optional()), greet)
	guarded := e.Group("/api", ginauth.Middleware(auth.Require("api")))
	guarded.GET("/orders", greet)
	guarded.POST("/orders", ginauth.Middleware(auth.Require("orders:write")), greet)

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

// Two Guards in one chain share one gin.Context, which the kit, nesting whole engines, does not try.
func TestAGuardInsideAGroupTakesOverTheVerdict(t *testing.T) {
	var nested []bool
	auth, issuer := api(t, func(cfg *middleware.Config) {
		cfg.Observe = func(_ context.Context, d middleware.Decision) { nested = append(nested, d.Nested) }
	})
	e := gin.New()
	e.Group("/api", ginauth.Middleware(auth.Require("api"))).GET("/orders", ginauth.Middleware(auth.Require("orders:read")), greet)

	w := call(e, "GET", "/api/orders", issuer.Token(authtest.Claims{"scope": "api orders:read"}))
	if w.Code != http.StatusOK || w.Body.String() != "alice" {
		t.Errorf("got %d %q, want 200 alice", w.Code, w.Body)
	}
	if want := []bool{false, true}; !slices.Equal(nested, want) {
		t.Errorf("Decision.Nested: got %v, want %v", nested, want)
	}
}

func TestARefusalStopsEveryLaterHandlerOfTheChain(t *testing.T) {
	auth, issuer := api(t, nil)
	var ran []string
	note := func(name string) gin.HandlerFunc { return func(*gin.Context) { ran = append(ran, name) } }
	e := gin.New()
	e.Use(note("outside"), ginauth.Middleware(auth.Require("orders:read")), note("inside"))
	e.GET("/orders", note("route"), note("handler"))

	call(e, "GET", "/orders", "")
	if want := []string{"outside"}; !slices.Equal(ran, want) {
		t.Errorf("refused: got %v, want %v", ran, want)
	}
	ran = nil
	call(e, "GET", "/orders", issuer.Token(authtest.Claims{"scope": "orders:read"}))
	if want := []string{"outside", "inside", "route", "handler"}; !slices.Equal(ran, want) {
		t.Errorf("admitted: got %v, want %v", ran, want)
	}
}

func TestACopyOfTheContextCarriesTheToken(t *testing.T) {
	auth, issuer := api(t, nil)
	subjects := make(chan string, 1)
	release := make(chan struct{})
	e := gin.New()
	e.GET("/orders", ginauth.Middleware(auth.Require()), func(c *gin.Context) {
		later := c.Copy()
		go func() {
			<-release
			token, _ := middleware.TokenFromContext(later.Request.Context())
			subjects <- token.Subject
		}()
	})

	call(e, "GET", "/orders", issuer.Token(nil))
	call(e, "GET", "/orders", "") // takes the context of the first request out of Gin's pool again
	close(release)
	if got := <-subjects; got != "alice" {
		t.Errorf("got %q, want alice", got)
	}
}
