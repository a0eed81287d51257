package ginauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/middleware"
)

// Gin's Use counts for routes that are added after it: the route before it has no Guard. Say r.Use first, or name the Guard
// at the route.
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

	r := gin.New()
	r.GET("/export", func(c *gin.Context) { c.Status(http.StatusOK) }) // Incorrect: before r.Use.
	r.Use(ginauth.Middleware(auth.Require("orders:read")))
	r.GET("/orders", func(c *gin.Context) { c.Status(http.StatusOK) })

	for _, path := range []string{"/export", "/orders"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		fmt.Println(path, w.Code)
	}
	// Output:
	// /export 200
	// /orders 401
}
