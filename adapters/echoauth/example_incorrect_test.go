package echoauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/middleware"
)

// A route that is added to the instance does not belong to the group, even if its path looks so: it has no Guard. Add it
// to the group, orders.GET("/export", …), or give the whole instance a Guard with e.Use.
func ExampleMiddleware_incorrect() {
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()

	e := echo.New()
	orders := e.Group("/orders", echoauth.Middleware(auth.Require("orders:read")))
	orders.GET("", func(c echo.Context) error { return c.NoContent(http.StatusOK) })
	e.GET("/orders/export", func(c echo.Context) error { // Incorrect: e instead of orders.
		_, known := middleware.TokenFromContext(c.Request().Context())
		return c.String(http.StatusOK, fmt.Sprintf("all orders, to somebody known: %v", known))
	})

	for _, path := range []string{"/orders", "/orders/export"} {
		w := httptest.NewRecorder()
		e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /orders 401
	// /orders/export 200
}
