package ginauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
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

	r := gin.New()
	api := auth.Require("orders:read")
	orders := r.Group("/orders", ginauth.Middleware(api))
	orders.GET("", func(c *gin.Context) { c.Status(http.StatusOK) })
	orders.POST("", ginauth.Middleware(api.Require("orders:write")), func(c *gin.Context) { c.Status(http.StatusCreated) })

	token := issuer.Token(authtest.Claims{"scope": "orders:read"})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		request := httptest.NewRequest(method, "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, request)
		fmt.Println(method, w.Code)
	}
	// Output:
	// GET 200
	// POST 403
}
