// Package adaptertest states what an adapter of Cardea to a web framework must do, as tests that every adapter can run:
//
//	func TestContract(t *testing.T) {
//		adaptertest.Run(t, func(g *middleware.Guard, next http.Handler) http.Handler {
//			e := echo.New()
//			e.Any("/*", echo.WrapHandler(next), echoauth.Middleware(g))
//			return e
//		})
//	}
//
// An adapter translates [middleware.Guard.Admit] and decides nothing itself. In short: a refused request reaches no
// handler and gets exactly the answer that the Guard has written; an admitted one reaches its handler as it came, under
// a standard request context that also carries the token; and what the handler writes reaches the client untouched.
//
// The kit is for frameworks of the net/http family. It mints its own tokens and judges them by a clock of its own; what
// it sends over a socket stays on the loopback interface.
package adaptertest
