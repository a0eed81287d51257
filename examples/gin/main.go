// Gin protects routes of a Gin server: one route, a group, and a route that anonymous callers may use as well.
//
//	go run ./examples/gin
package main

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func main() {
	gin.SetMode(gin.ReleaseMode) // the curl lines are what should be read
	demo.Main(run)
}

func run(ctx context.Context, site demo.Site) error {
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return err
	}
	auth, err := middleware.New(issuer.Config("https://api.example.com"))
	if err != nil {
		return err
	}
	defer auth.Close()

	router := gin.New()
	router.GET("/greeting", ginauth.Middleware(auth.Optional()), greet)

	// Everything in the group needs a token with the scope orders:read; one route needs more.
	reader := auth.Require("orders:read")
	orders := router.Group("/orders", ginauth.Middleware(reader))
	orders.GET("", listOrders)
	orders.POST("", ginauth.Middleware(reader.Require("orders:write")), createOrder)

	alice := issuer.Token(authtest.Claims{"sub": "alice", "scope": "orders:read"})
	clerk := issuer.Token(authtest.Claims{"sub": "clerk", "scope": "orders:read orders:write"})
	return site.Serve(ctx, router,
		demo.Request{Name: "the scope of the group", Path: "/orders", Token: alice, Status: http.StatusOK},
		demo.Request{Name: "and of the route", Method: http.MethodPost, Path: "/orders", Token: clerk, Status: http.StatusCreated},
		demo.Request{Name: "the scope of the group alone", Method: http.MethodPost, Path: "/orders", Token: alice, Status: http.StatusForbidden},
		demo.Request{Name: "no token", Path: "/orders", Status: http.StatusUnauthorized},
		demo.Request{Name: "anonymous, where that is welcome", Path: "/greeting", Status: http.StatusOK},
		demo.Request{Name: "a bad token is refused even there", Path: "/greeting", Token: alice + "x", Status: http.StatusUnauthorized},
	)
}

func greet(c *gin.Context) {
	name := "stranger"
	if token, ok := middleware.TokenFromContext(c.Request.Context()); ok {
		name = token.Subject
	}
	c.JSON(http.StatusOK, gin.H{"hello": name})
}

func listOrders(c *gin.Context) {
	token, _ := middleware.TokenFromContext(c.Request.Context())
	c.JSON(http.StatusOK, gin.H{"orders of": token.Subject})
}

func createOrder(c *gin.Context) {
	c.JSON(http.StatusCreated, gin.H{"order": 4})
}
