package ginauth_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/middleware"
)

// One route needs a token with one scope. Without a token the handler does not run, and the client learns what it needs.
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

	r := gin.New()
	r.GET("/orders", ginauth.Middleware(auth.Require("orders:read")), func(c *gin.Context) {
		token, _ := middleware.TokenFromContext(c.Request.Context()) // the Guard has put it there
		c.String(http.StatusOK, "orders of "+token.Subject)
	})

	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	// Output:
	// 401 Bearer realm="api", scope="orders:read"
}
