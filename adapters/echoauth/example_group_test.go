package echoauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// A group has a Guard, and one of its routes a second one that wants more. The token is verified once.
func ExampleMiddleware_group() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	issuer, err := authtest.Start(ctx) // in the place of your authorization server
	if err != nil {
		fmt.Println(err)
		return
	}
	auth, err := middleware.New(issuer.Config("https://api.example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()

	e := echo.New()
	api := auth.Require("orders:read")
	orders := e.Group("/orders", echoauth.Middleware(api))
	orders.GET("", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	orders.POST("", func(c echo.Context) error { return c.NoContent(http.StatusCreated) },
		echoauth.Middleware(api.Require("orders:write")))

	token := issuer.Token(authtest.Claims{"scope": "orders:read"})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := httptest.NewRequest(method, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Println(method, w.Code)
	}
	// Output:
	// GET 200
	// POST 403
}
