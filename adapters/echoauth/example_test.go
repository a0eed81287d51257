package echoauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/middleware"
)

// One route needs a token with one scope. Without a token Echo's handler does not run, and the client learns what it needs.
func ExampleMiddleware() {
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
	e.GET("/orders", func(c echo.Context) error {
		token, _ := middleware.TokenFromContext(c.Request().Context()) // the Guard has put it there
		return c.String(http.StatusOK, "orders of "+token.Subject)
	}, echoauth.Middleware(auth.Require("orders:read")))

	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 Bearer realm="api", scope="orders:read"
}
