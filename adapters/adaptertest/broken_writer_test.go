package adaptertest_test

import (
	"errors"
	"net/http"
	"net/http/httptest"

	"github.com/cardea-auth/cardea/middleware"
)

func mistakesOfRefusal() []broken {
	return []broken{
		{"answers with a status of its own", refuseWith(func(_ *middleware.Guard, w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(http.StatusUnauthorized)
		}), []string{
			"refused: no credentials", "refused: two tokens in one line", "refused: a forged token", "refused: a missing scope",
			"refused: keys out of reach", "refused: a zero Guard", "ErrorHandler: silence",
		}},
		{"forgets the header fields", refuseWith(func(_ *middleware.Guard, w http.ResponseWriter, _ *http.Request, err error) {
			var refused *middleware.Error
			if errors.As(err, &refused) {
				document, _ := refused.MarshalJSON()
				w.WriteHeader(refused.Status())
				_, _ = w.Write(document)
			}
		}), []string{"refused: no credentials", "refused: a login that is too old", "refused: keys out of reach"}},
		{"adds the challenge a second time", refuseWith(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, err error) {
			g.Deny(twice{w}, r, err)
		}), []string{"refused: an expired token"}},
		{"writes a second body", refuseWith(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, err error) {
			g.Deny(w, r, err)
			_, _ = w.Write([]byte("Unauthorized\n"))
		}), []string{"ErrorHandler: status alone"}},
		{"writes the status a second time", refuseWith(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, err error) {
			g.Deny(w, r, err)
			w.WriteHeader(http.StatusUnauthorized)
		}), []string{"refused: another scheme", "ErrorHandler: silence"}},
		{"answers HEAD with 200", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				w = httptest.NewRecorder()
			}
			g.Handler(next).ServeHTTP(w, r)
		}), []string{"refused: a missing scope", "answered: HEAD"}},
		{"takes no notice of ErrorHandler", refuseWith(func(_ *middleware.Guard, w http.ResponseWriter, r *http.Request, err error) {
			middleware.WriteError(w, r, err)
		}), []string{"ErrorHandler: its answer", "ErrorHandler: its arguments", "ErrorHandler: status alone"}},
		{"adds its fields to the answer of ErrorHandler", refuseWith(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, err error) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			g.Deny(w, r, err)
		}), []string{"ErrorHandler: its answer", "ErrorHandler: status alone"}},
	}
}

func refuseWith(deny func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, err error)) adapter {
	return handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
		ctx, err := g.Check(r)
		if err != nil {
			deny(g, w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// twice repeats the challenge.
type twice struct{ http.ResponseWriter }

func (t twice) WriteHeader(status int) {
	t.Header().Add("WWW-Authenticate", t.Header().Get("WWW-Authenticate"))
	t.ResponseWriter.WriteHeader(status)
}

func mistakesOfWriting() []broken {
	return []broken{
		{"loses the status of the handler", through(func(w http.ResponseWriter) http.ResponseWriter { return statusless{w} }),
			[]string{"answered: created", "answered: nothing", "answered: HEAD"}},
		{"answers failures itself", through(func(w http.ResponseWriter) http.ResponseWriter { return plain{w} }),
			[]string{"answered: not found", "answered: a refusal of its own", "answered: failure"}},
		{"answers where the handler is silent", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if admitted, ok := g.Admit(w, r); ok {
				next.ServeHTTP(w, admitted)
				_, _ = w.Write([]byte("ok"))
			}
		}), []string{"answered: silence"}},
		{"holds the answer back", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			held := httptest.NewRecorder()
			g.Handler(next).ServeHTTP(held, r)
			w.WriteHeader(held.Code)
			_, _ = w.Write(held.Body.Bytes())
		}), []string{"answered: streaming", "answered: deadlines", "answered: created"}},
		{"hides the server's writer", through(func(w http.ResponseWriter) http.ResponseWriter {
			return struct{ http.ResponseWriter }{w}
		}), []string{"answered: streaming", "answered: deadlines"}},
		{"recovers panics", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			g.Handler(next).ServeHTTP(w, r)
		}), []string{"answered: panic", "answered: abort"}},
	}
}

// through is an adapter that puts a writer of its own between handler and server.
func through(wrap func(http.ResponseWriter) http.ResponseWriter) adapter {
	return handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
		g.Handler(next).ServeHTTP(wrap(w), r)
	})
}

type statusless struct{ http.ResponseWriter }

func (statusless) WriteHeader(int) {}

type plain struct{ http.ResponseWriter }

func (p plain) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		http.Error(p.ResponseWriter, http.StatusText(status), status)
		return
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p plain) Unwrap() http.ResponseWriter { return p.ResponseWriter }
