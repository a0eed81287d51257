// Echo protects routes of an Echo server: one route, a group, and a route that anonymous callers may use as well.
//
//	go run ./examples/echo
package main

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func main() { demo.Main(run) }

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

	e := echo.New()
	e.GET("/greeting", greet, echoauth.Middleware(auth.Optional()))

	// Everything in the group needs a token with the scope orders:read; one route needs more.
	reader := auth.Require("orders:read")
	orders := e.Group("/orders", echoauth.Middleware(reader))
	orders.GET("", listOrders)
	orders.POST("", createOrder, echoauth.Middleware(reader.Require("orders:write")))

	alice := issuer.Token(authtest.Claims{"sub": "alice", "scope": "orders:read"})
	clerk := issuer.Token(authtest.Claims{"sub": "clerk", "scope": "orders:read orders:write"})
	return site.Serve(ctx, e,
		demo.Request{Name: "the scope of the group", Path: "/orders", Token: alice, Status: http.StatusOK},
		demo.Request{Name: "and of the route", Method: http.MethodPost, Path: "/orders", Token: clerk, Status: http.StatusCreated},
		demo.Request{Name: "the scope of the group alone", Method: http.MethodPost, Path: "/orders", Token: alice, Status: http.StatusForbidden},
		demo.Request{Name: "no token", Path: "/orders", Status: http.StatusUnauthorized},
		demo.Request{Name: "anonymous, where that is welcome", Path: "/greeting", Status: http.StatusOK},
		demo.Request{Name: "a bad token is refused even there", Path: "/greeting", Token: alice + "x", Status: http.StatusUnauthorized},
	)
}

func greet(c echo.Context) error {
	name := "stranger"
	if token, ok := middleware.TokenFromContext(c.Request().Context()); ok {
		name = token.Subject
	}
	return c.JSON(http.StatusOK, echo.Map{"hello": name})
}

func listOrders(c echo.Context) error {
	token, _ := middleware.TokenFromContext(c.Request().Context())
	return c.JSON(http.StatusOK, echo.Map{"orders of": token.Subject})
}

func createOrder(c echo.Context) error {
	return c.JSON(http.StatusCreated, echo.Map{"order": 4})
}
