package echoauth

import (
	"github.com/labstack/echo/v4"

	"github.com/cardea-auth/cardea/middleware"
)

// Middleware makes g an Echo middleware, for a route, a group or the whole instance. Handlers behind it run only for
// requests that g admits, and find the token in c.Request().Context(). It never returns an error of its own. A nil g
// refuses every request with 500. The middleware is safe for concurrent use.
func Middleware(g *middleware.Guard) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			if r.Pattern == "" {
				r.Pattern = c.Path() // what Echo calls the route, for log lines and decisions; never the path of the request
			}
			// Written through Echo's own response, a refusal is committed and its status known to logging middleware.
			admitted, ok := g.Admit(c.Response(), r)
			if !ok {
				return nil
			}
			c.SetRequest(admitted)
			return next(c)
		}
	}
}
