package peer

import (
	"context"
	"net/http"

	echojwt "github.com/labstack/echo-jwt/v4"
	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// EchoJWT is echo-jwt over golang-jwt and keyfunc. Its own parsing checks neither issuer nor audience, so it is given the
// ParseTokenFunc that its documentation offers for that.
func EchoJWT(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	p, err := newGolangParser(ctx, i)
	if err != nil {
		return nil, err
	}
	auth := echojwt.WithConfig(echojwt.Config{
		ParseTokenFunc: func(_ echo.Context, raw string) (any, error) {
			token, claims, err := p.parse(raw)
			if err != nil {
				return nil, err
			}
			return token, granted(claims.Scope)
		},
	})
	return &Peer{
		Name:    "echo-jwt + keyfunc",
		Handler: func(next http.Handler) http.Handler { return InEcho(next, auth) },
		Close:   p.close,
	}, nil
}

// Path is the one route of every handler in the benchmark.
const Path = "/orders"

// InEcho is Echo with one route and m before it.
func InEcho(next http.Handler, m ...echo.MiddlewareFunc) http.Handler {
	e := echo.New()
	e.GET(Path, echo.WrapHandler(next), m...)
	return e
}
