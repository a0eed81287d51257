// Package echoauth puts a Cardea [middleware.Guard] in front of Echo v4 handlers:
//
//	api := auth.Require("api")
//	e.POST("/orders", createOrder, echoauth.Middleware(api.Require("orders:write")))
//
// The verified token is in the standard request context, so a handler reads it as with net/http, and code below the
// handler needs to know nothing of Echo:
//
//	token, ok := middleware.TokenFromContext(c.Request().Context())
//
// There is no key for c.Get: Echo's own store does not follow the request into other packages.
//
// Handlers of net/http that read the token, such as those of package revocation, are mounted behind it:
//
//	e.POST("/logout", echo.WrapHandler(list.RevokeOwn()), echoauth.Middleware(api))
//
// # Mistakes to avoid
//
//   - A group's middleware runs for the routes of that group only. A route added to the Echo instance beside the group has
//     no Guard, whatever its path. Echo answers unknown paths below a group with 404 under the group's middleware.
//   - CORS belongs outside: e.Use(echomiddleware.CORS()) before any Guard, not inside a guarded group. Browsers send
//     preflights without a token, so a Guard refuses them.
//   - Middleware behind the Guard that replaces the request, with c.SetRequest, must derive it from c.Request(), or the
//     token is lost.
//   - An echo.Context goes back to a pool when the request ends. A goroutine that outlives the handler takes what it
//     needs along: the token, or context.WithoutCancel of the request's context.
//
// # Refusals
//
// The Guard has written a refusal, through middleware.Config.ErrorHandler if there is one, when Echo learns of it. The
// response is committed and the middleware returns nil, so Echo's HTTPErrorHandler stays out, and logging middleware
// reads the status from c.Response().Status as usual. Errors of the handlers themselves go to the HTTPErrorHandler
// untouched.
package echoauth
