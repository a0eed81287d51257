package peer

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// Framework is Cardea in a web framework, the framework alone, and with a middleware that does nothing.
type Framework struct {
	Name                  string
	Guarded, Plain, Empty func(next http.Handler) http.Handler
}

// Frameworks are net/http first, then those that Cardea has adapters for. They share one Guard.
func Frameworks(ctx context.Context, i *issuer.Issuer) (_ []Framework, stop func(), _ error) {
	guard, stop, err := CardeaGuard(ctx, i, 0)
	if err != nil {
		return nil, nil, err
	}
	gin.SetMode(gin.ReleaseMode) // the other mode prints
	plain := func(next http.Handler) http.Handler { return next }
	return []Framework{
		{
			Name:    "net/http",
			Plain:   plain,
			Guarded: guard.Handler,
			Empty: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
			},
		},
		{
			Name:    "Echo",
			Plain:   func(next http.Handler) http.Handler { return InEcho(next) },
			Guarded: func(next http.Handler) http.Handler { return InEcho(next, echoauth.Middleware(guard)) },
			Empty:   func(next http.Handler) http.Handler { return InEcho(next, emptyInEcho) },
		},
		{
			Name:    "Gin",
			Plain:   func(next http.Handler) http.Handler { return inGin(next) },
			Guarded: func(next http.Handler) http.Handler { return inGin(next, ginauth.Middleware(guard)) },
			Empty:   func(next http.Handler) http.Handler { return inGin(next, func(c *gin.Context) { c.Next() }) },
		},
	}, stop, nil
}

func emptyInEcho(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error { return next(c) }
}

func inGin(next http.Handler, m ...gin.HandlerFunc) http.Handler {
	engine := gin.New()
	engine.GET(Path, append(m, gin.WrapH(next))...)
	return engine
}
