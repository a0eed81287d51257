// Package ginauth puts a Cardea [middleware.Guard] in front of Gin handlers:
//
//	api := auth.Require("api")
//	r.POST("/orders", ginauth.Middleware(api.Require("orders:write")), createOrder)
//
// The verified token is in the standard request context, so a handler reads it as with net/http, and code below the
// handler needs to know nothing of Gin:
//
//	token, ok := middleware.TokenFromContext(c.Request.Context())
//
// There is no key for c.Get: Gin's own store does not follow the request into other packages.
//
// Handlers of net/http that read the token, such as those of package revocation, are mounted behind it:
//
//	r.POST("/logout", ginauth.Middleware(api), gin.WrapH(list.RevokeOwn()))
//
// # Mistakes to avoid
//
//   - A *gin.Context is a context.Context too, but it finds the values of the request's context only if
//     gin.Engine.ContextWithFallback is set. Pass c.Request.Context(): then the setting does not matter.
//   - Middleware runs in the order in which it was added, and only for routes added after it: r.Use behind r.GET leaves
//     that route without a Guard.
//   - CORS belongs outside: before any Guard. Browsers send preflights without a token, so a Guard refuses them.
//   - Middleware behind the Guard that replaces c.Request must derive it from c.Request, or the token is lost.
//   - In Gin's debug mode, gin.Recovery writes the header of a request that panicked to the log and masks the Authorization
//     field only: tokens in cookies or fields of their own, and DPoP proofs, stand there in full. Run in release mode.
//   - A *gin.Context goes back to a pool when the request ends. A goroutine that outlives the handler uses c.Copy(), whose
//     Request still carries the token, under context.WithoutCancel if it must outlive the request's context.
//
// # Refusals
//
// The Guard has written a refusal, through middleware.Config.ErrorHandler if there is one, when Gin learns of it: the
// chain is aborted and the header is sent, so that middleware outside sees c.Writer.Written() and the status, and
// nothing can be added. No entry is made in c.Errors, which some error middleware would answer a second time.
package ginauth
