package middleware

import (
	"bufio"
	"context"
	"net"
	"net/http"
)

// Handler wraps next, which runs only for requests that the Guard admits, under a context that carries the token. It
// fits every router that takes func(http.Handler) http.Handler: with chi, r.Use(g.Handler).
func (g *Guard) Handler(next http.Handler) http.Handler {
	if next == nil {
		panic("middleware: Handler: the handler to protect is nil")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if admitted, ok := g.Admit(w, r); ok {
			next.ServeHTTP(w, admitted)
		}
	})
}

// HandlerFunc is Handler for a function.
func (g *Guard) HandlerFunc(next http.HandlerFunc) http.Handler {
	if next == nil {
		panic("middleware: HandlerFunc: the handler to protect is nil")
	}
	return g.Handler(next)
}

// Admit is the whole middleware as one call, for adapters to frameworks of the net/http family: go on with the request
// returned, or stop, because the refusal has been written.
func (g *Guard) Admit(w http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	ctx, err := g.Check(r)
	if err != nil {
		g.Deny(w, r, err)
		return nil, false
	}
	for name, values := range ResponseHeader(ctx) {
		w.Header()[name] = values
	}
	return r.WithContext(ctx), true
}

// Check is the decision alone. On success it returns the context that carries the token, to run the handler under; the
// error is an *Error otherwise, and the context is nil. Check writes nothing; with FromForm it replaces r.Body by one that can
// be read again.
//
// Behind a Guard of the same Validator, Check takes over the verdict that r's context holds and sees the time pass, and nothing
// else: a handler that wants to see revocation calls Recheck.
func (g *Guard) Check(r *http.Request) (context.Context, error) {
	return g.authorize(r.Context(), credentialsOf(r), r)
}

// Recheck judges a request again that was admitted before, from scratch as Credentials.Anew says: for streams that outlive the
// check at their start and want to see revocation, a key withdrawn or a tenant shut out. A refusal with status 401 or 403 ends the
// stream; one with 503 (ErrUnavailable) says that nothing could be learned now, which is no reason to cut it. The
// context returned carries the token as it is now.
func (g *Guard) Recheck(r *http.Request) (context.Context, error) {
	c := credentialsOf(r)
	c.Anew = true
	return g.authorize(r.Context(), c, r)
}

// Authorize is Check for any transport: the caller gathers the Credentials.
func (g *Guard) Authorize(ctx context.Context, c Credentials) (context.Context, error) {
	return g.authorize(ctx, c, nil)
}

// Deny answers a refused request through Config.ErrorHandler, or WriteError without one. What is no *Error is answered
// with 500. A handler behind the Guard may use it as well, for a refusal of its own.
func (g *Guard) Deny(w http.ResponseWriter, r *http.Request, err error) {
	refusal := asError(err)
	if g == nil || g.validator.unusable() {
		WriteError(w, r, refusal)
		return
	}
	p := g.validator.policy
	if refusal.realm == "" { // made by a handler
		own := *refusal
		own.realm = p.realm
		refusal = &own
	}
	if p.errorHandler == nil {
		WriteError(w, r, refusal)
		return
	}
	watched := &responseWriter{ResponseWriter: w}
	p.errorHandler(watched, r, refusal)
	if !watched.begun {
		// net/http would answer 200 with an empty body.
		WriteError(w, r, refusal)
	}
}

// responseWriter notes whether an ErrorHandler has begun to write.
type responseWriter struct {
	http.ResponseWriter
	begun bool
}

func (w *responseWriter) WriteHeader(status int) {
	w.begun = w.begun || status >= 200 // 1xx are no answer yet
	w.ResponseWriter.WriteHeader(status)
}

func (w *responseWriter) Write(p []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(p)
}

// Unwrap lets [http.ResponseController] reach the optional methods of the writer underneath.
func (w *responseWriter) Unwrap() http.ResponseWriter {
	return w.ResponseWriter
}

// FlushError begins the answer too: net/http sends 200 with it.
func (w *responseWriter) FlushError() error {
	w.begun = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack begins the answer too: whoever takes the connection over writes it.
func (w *responseWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.begun = w.begun || err == nil
	return conn, rw, err
}
