package ginauth_test

import (
	"net/http"
	"os"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/adaptertest"
	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/middleware"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode) // global in Gin; silent
	os.Exit(m.Run())
}

func TestContract(t *testing.T) {
	adaptertest.Run(t, func(g *middleware.Guard, next http.Handler) http.Handler {
		e := gin.New()
		e.Any("/*path", ginauth.Middleware(g), gin.WrapH(next))
		return e
	})
}

func TestContractOfAnEngine(t *testing.T) {
	adaptertest.Run(t, func(g *middleware.Guard, next http.Handler) http.Handler {
		e := gin.New()
		e.Use(ginauth.Middleware(g))
		e.Any("/*path", gin.WrapH(next))
		return e
	})
}
