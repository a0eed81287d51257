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

// Nothing is in Echo's own store: c.Get, known from other JWT middleware, finds no token, and a type assertion on it would
// panic. Read it from the request's context.
func ExampleMiddleware_get_incorrect() {
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
	e.GET("/orders", func(c echo.Context) error {
		fmt.Println("c.Get:", c.Get("user")) // Incorrect.
		token, _ := middleware.TokenFromContext(c.Request().Context())
		fmt.Println("c.Request().Context():", token.Subject)
		return c.NoContent(http.StatusOK)
	}, echoauth.Middleware(auth.Require()))

	r := httptest.NewRequest(http.MethodGet, "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"sub": "alice"}))
	e.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// c.Get: <nil>
	// c.Request().Context(): alice
}
