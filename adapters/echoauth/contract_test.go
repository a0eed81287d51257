package echoauth_test

import (
	"net/http"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/adaptertest"
	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/middleware"
)

func TestContract(t *testing.T) {
	adaptertest.Run(t, func(g *middleware.Guard, next http.Handler) http.Handler {
		e := echo.New()
		e.Any("/*", echo.WrapHandler(next), echoauth.Middleware(g))
		return e
	})
}

// For the whole instance the middleware runs before Echo knows the handler's own route middleware.
func TestContractOfAnInstance(t *testing.T) {
	adaptertest.Run(t, func(g *middleware.Guard, next http.Handler) http.Handler {
		e := echo.New()
		e.Use(echoauth.Middleware(g))
		e.Any("/*", echo.WrapHandler(next))
		return e
	})
}
