package peer

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/examples/benchmark/internal/issuer"
)

// Framework is Cardea in a web framework, and the framework alone.
type Framework struct {
	Name           string
	Guarded, Plain func(next http.Handler) http.Handler
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
		{Name: "net/http", Plain: plain, Guarded: guard.Handler},
		{
			Name:    "Echo",
			Plain:   func(next http.Handler) http.Handler { return InEcho(next) },
			Guarded: func(next http.Handler) http.Handler { return InEcho(next, echoauth.Middleware(guard)) },
		},
		{
			Name:    "Gin",
			Plain:   func(next http.Handler) http.Handler { return inGin(next) },
			Guarded: func(next http.Handler) http.Handler { return inGin(next, ginauth.Middleware(guard)) },
		},
	}, stop, nil
}

func inGin(next http.Handler, m ...gin.HandlerFunc) http.Handler {
	engine := gin.New()
	engine.GET(Path, append(m, gin.WrapH(next))...)
	return engine
}
