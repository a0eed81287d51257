package ginauth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

const audience = "https://api.example.com"

// api is a Validator with the issuer of its tokens.
func api(t *testing.T, change func(*middleware.Config)) (*middleware.Validator, *authtest.Issuer) {
	t.Helper()
	issuer := authtest.NewIssuer(t)
	cfg := issuer.Config(audience)
	if change != nil {
		change(&cfg)
	}
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	return auth, issuer
}

// call returns the answer to a request with this token; "" sends none.
func call(h http.Handler, method, target, token string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// greet answers with the subject that the standard request context knows.
func greet(c *gin.Context) {
	token, ok := middleware.TokenFromContext(c.Request.Context())
	if !ok {
		c.String(http.StatusOK, "nobody")
		return
	}
	c.String(http.StatusOK, token.Subject)
}
