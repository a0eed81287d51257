package adaptertest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/adapters/adaptertest"
	"github.com/cardea-auth/cardea/middleware"
)

type adapter = func(g *middleware.Guard, next http.Handler) http.Handler

// broken is an adapter with a mistake, and the clauses that must tell.
type broken struct {
	mistake string
	serve   adapter
	clauses []string
}

func TestEveryMistakeIsFound(t *testing.T) {
	for _, b := range mistakes() {
		t.Run(b.mistake, func(t *testing.T) {
			for _, name := range b.clauses {
				if adaptertest.Check(name, b.serve) == nil {
					t.Errorf("the clause %q does not notice it", name)
				}
			}
		})
	}
}

func TestEveryClauseFindsAMistake(t *testing.T) {
	found := map[string]bool{}
	for _, b := range mistakes() {
		for _, name := range b.clauses {
			found[name] = true
		}
	}
	for _, name := range adaptertest.Clauses() {
		if !found[name] {
			t.Errorf("no broken adapter shows that the clause %q can fail", name)
		}
	}
}

// The bubble's clock stands in for the patience of the kit.
func TestAnAdapterThatServesOneByOneIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		turn := make(chan struct{}, 1)
		err := adaptertest.Check("at once: many requests", func(g *middleware.Guard, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				turn <- struct{}{}
				defer func() { <-turn }()
				g.Handler(next).ServeHTTP(w, r)
			})
		})
		if err == nil || !strings.Contains(err.Error(), "do not run at the same time") {
			t.Errorf("got %v, want an error about handlers that do not run at the same time", err)
		}
	})
}

func TestAPanicOfTheAdapterIsABrokenClause(t *testing.T) {
	err := adaptertest.Check("admitted: the token", func(*middleware.Guard, http.Handler) http.Handler { panic("no hinge") })
	if err == nil || !strings.HasPrefix(err.Error(), "panic: no hinge\n") {
		t.Errorf("got %v, want the panic and its stack", err)
	}
}

func mistakes() []broken {
	return slices.Concat(mistakesOfAdmission(), mistakesOfRefusal(), mistakesOfWriting(), mistakesOfBinding())
}

// handle is an adapter made of what happens to one request.
func handle(do func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request)) adapter {
	return func(g *middleware.Guard, next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { do(g, next, w, r) })
	}
}

// before is an adapter that changes the request before the Guard sees it.
func before(change func(r *http.Request)) adapter {
	return handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
		change(r)
		g.Handler(next).ServeHTTP(w, r)
	})
}

func mistakesOfAdmission() []broken {
	return []broken{
		{"calls the handler after a refusal", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if admitted, ok := g.Admit(w, r); ok {
				r = admitted
			}
			next.ServeHTTP(w, r)
		}), []string{
			"refused: no credentials", "refused: another scheme", "refused: two Authorization lines", "refused: two tokens in one line",
			"refused: a forged token", "refused: an expired token", "refused: a missing scope", "refused: a login that is too old",
			"refused: keys out of reach", "refused: a zero Guard", "refused: a nil Guard", "ErrorHandler: its answer",
			"admitted: one after another", "nested: the outer refuses", "at once: many requests",
		}},
		{"passes on the request without the token", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if _, ok := g.Admit(w, r); ok {
				next.ServeHTTP(w, r)
			}
		}), []string{"admitted: the token", "nested: both admit", "nested: the inner refuses", "judged: once"}},
		{"moves the token into a context of its own", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if admitted, ok := g.Admit(w, r); ok {
				token, _ := middleware.TokenFromContext(admitted.Context())
				next.ServeHTTP(w, r.WithContext(middleware.ContextWithToken(context.Background(), token)))
			}
		}), []string{"admitted: the context", "nested: both admit"}},
		{"copies the standard fields of the token only", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if admitted, ok := g.Admit(w, r); ok {
				token, _ := middleware.TokenFromContext(admitted.Context())
				next.ServeHTTP(w, r.WithContext(middleware.ContextWithToken(r.Context(), &middleware.Token{Subject: token.Subject, Scopes: token.Scopes})))
			}
		}), []string{"admitted: the token"}},
		{"gives an anonymous request a token", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if admitted, ok := g.Admit(w, r); ok {
				if _, ok := middleware.TokenFromContext(admitted.Context()); !ok {
					admitted = r.WithContext(middleware.ContextWithToken(r.Context(), &middleware.Token{Subject: "guest"}))
				}
				next.ServeHTTP(w, admitted)
			}
		}), []string{"admitted: anonymous"}},
		{"keeps the context of the request before", remembering, []string{"admitted: one after another"}},
		{"reads the token from a place that requests share", sharing, []string{"at once: many requests"}},
		{"hands on the field alone", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			ctx, err := g.Authorize(r.Context(), middleware.Credentials{Header: http.Header{"Authorization": r.Header["Authorization"]}})
			if err != nil {
				g.Deny(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(ctx))
		}), []string{"refused: a cookie from another origin", "admitted: a form token"}},
		{"takes the token out of the query", before(func(r *http.Request) {
			if token := r.URL.Query().Get("access_token"); token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
		}), []string{"refused: a token in the query"}},
		{"takes the first Authorization line", before(func(r *http.Request) {
			if lines := r.Header["Authorization"]; len(lines) > 1 {
				r.Header["Authorization"] = lines[:1]
			}
		}), []string{"refused: two Authorization lines"}},
		{"answers handshakes before it asks", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Upgrade") != "" {
				next.ServeHTTP(w, r)
				return
			}
			g.Handler(next).ServeHTTP(w, r)
		}), []string{"refused: a WebSocket of another origin, by cookie"}},
		{"reads the form before the Guard", before(func(r *http.Request) { _ = r.ParseForm() }), []string{"admitted: a form token"}},
		{"takes the body away", before(func(r *http.Request) { r.Body = http.NoBody }), []string{"admitted: the request"}},
		{"cleans the target", before(func(r *http.Request) { r.URL.RawPath = "" }), []string{"admitted: the request"}},
		{"lets preflights through", func(g *middleware.Guard, next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodOptions {
					next.ServeHTTP(w, r)
					return
				}
				g.Handler(next).ServeHTTP(w, r)
			})
		}, []string{"refused: a preflight"}},
		{"protects nothing without a Guard", func(g *middleware.Guard, next http.Handler) http.Handler {
			if g == nil {
				return next
			}
			return g.Handler(next)
		}, []string{"refused: a nil Guard"}},
		{"lets everybody in where nobody must be known", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if _, err := g.Check(httptest.NewRequest("GET", "/", nil)); err == nil {
				next.ServeHTTP(w, r)
				return
			}
			g.Handler(next).ServeHTTP(w, r)
		}), []string{"refused: a forged token on an optional route", "nested: optional outside"}},
		{"asks twice", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if _, err := g.Check(r); err != nil {
				g.Deny(w, r, err)
				return
			}
			g.Handler(next).ServeHTTP(w, r)
		}), []string{"judged: once", "nested: both admit"}},
		{"asks again how to refuse", handle(func(g *middleware.Guard, next http.Handler, w http.ResponseWriter, r *http.Request) {
			if _, err := g.Check(r); err != nil {
				_, _ = g.Admit(w, r)
				return
			}
			next.ServeHTTP(w, r)
		}), []string{"judged: refused once"}},
	}
}
