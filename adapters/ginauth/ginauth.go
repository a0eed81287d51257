package ginauth

import (
	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/middleware"
)

// Middleware makes g a Gin middleware, for a route, a group or the whole engine. Handlers behind it run only for
// requests that g admits, and find the token in c.Request.Context(). A nil g refuses every request with 500. The
// middleware is safe for concurrent use.
func Middleware(g *middleware.Guard) gin.HandlerFunc {
	return func(c *gin.Context) {
		if c.Request.Pattern == "" {
			c.Request.Pattern = c.FullPath() // what Gin calls the route, for log lines and decisions; never the path of the request
		}
		admitted, ok := g.Admit(c.Writer, c.Request)
		if !ok {
			c.Abort()
			// Gin holds the status back until a body follows, and the answer to HEAD has none: middleware outside would
			// take it for unanswered.
			c.Writer.WriteHeaderNow()
			return
		}
		c.Request = admitted
	}
}
