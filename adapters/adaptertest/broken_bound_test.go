package adaptertest_test

import (
	"net/http"
	"net/http/httptest"

	"github.com/cardea-auth/cardea/middleware"
)

func mistakesOfBinding() []broken {
	return []broken{
		{"calls the handler whatever the proof says", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if admitted, ok := g.Admit(w, r); ok {
				r = admitted
			}
			next.ServeHTTP(w, r)
		}), []string{"bound: a proof in two lines", "bound: no proof", "bound: a downgrade", "bound: a proof"}},
		{"hands on a request-target without escapes", before(func(r *http.Request) { r.RequestURI = r.URL.Path }), []string{"bound: a proof"}},
		{"takes the first line of a field", before(func(r *http.Request) {
			if lines := r.Header["Dpop"]; len(lines) > 1 {
				r.Header["Dpop"] = lines[:1]
			}
		}), []string{"bound: a proof in two lines"}},
		{"checks and forgets what the answer must carry", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			ctx, err := g.Check(r)
			if err != nil {
				g.Deny(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		}), []string{"bound: the next nonce"}},
		{"writes one challenge and no nonce", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			copied := httptest.NewRecorder()
			admitted, ok := g.Admit(copied, r)
			if ok {
				next.ServeHTTP(w, admitted)
				return
			}
			for name, values := range copied.Header() {
				if name != "Dpop-Nonce" {
					w.Header().Set(name, values[0])
				}
			}
			w.WriteHeader(copied.Code)
			_, _ = w.Write(copied.Body.Bytes())
		}), []string{"bound: no proof", "bound: a downgrade", "bound: no nonce"}},
		{"hides the credentials from the handler", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if admitted, ok := g.Admit(w, r); ok {
				admitted.Header.Del("Authorization")
				next.ServeHTTP(w, admitted)
			}
		}), []string{"rechecked", "nested: both admit", "nested: the inner refuses"}},
		{"loses the connection", before(func(r *http.Request) { r.TLS = nil }), []string{"bound: a certificate"}},
		{"lets everybody with a certificate in", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.TLS != nil {
				next.ServeHTTP(w, r)
				return
			}
			g.Handler(next).ServeHTTP(w, r)
		}), []string{"bound: another certificate"}},
	}
}
