package kit

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// Served is the answer to one request, and whether the protected handler ran.
type Served struct {
	*http.Response
	Ran     bool
	Token   *middleware.Token
	Context context.Context
}

// Serve sends r through a guard.
func Serve(g *middleware.Guard, r *http.Request) Served {
	var s Served
	w := httptest.NewRecorder()
	g.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.Ran, s.Context = true, r.Context()
		s.Token, _ = middleware.TokenFromContext(r.Context())
	}).ServeHTTP(w, r)
	s.Response = w.Result()
	return s
}

// String is the outcome in short: the status, and the error code of the first challenge if there is one.
func (s Served) String() string {
	text := s.Status[:3]
	if challenge := s.Header.Get("WWW-Authenticate"); challenge != "" {
		if _, rest, ok := strings.Cut(challenge, `error="`); ok {
			code, _, _ := strings.Cut(rest, `"`)
			text += " " + code
		}
	}
	if s.Ran != (s.StatusCode == 200) {
		text += " (handler ran: wrongly)"
	}
	return text
}

// ReasonOf asks the guard for its reason.
func ReasonOf(t testing.TB, g *middleware.Guard, r *http.Request) middleware.Reason {
	t.Helper()
	_, err := g.Check(r)
	if err == nil {
		return ""
	}
	e, ok := err.(*middleware.Error)
	if !ok {
		t.Fatalf("Check returned a %T, want an *Error", err)
	}
	return e.Reason
}

// ofAnyScheme is String with the error of whichever challenge has one.
func (s Served) ofAnyScheme() string {
	lines := slices.Clone(s.Header["Www-Authenticate"])
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Count(b, `error="`) - strings.Count(a, `error="`)
	})
	copied := *s.Response
	copied.Header = http.Header{"Www-Authenticate": lines}
	s.Response = &copied
	return s.String()
}

// OutcomeOf is the outcome of a request in short, with the error of whichever challenge has one.
func OutcomeOf(g *middleware.Guard, r *http.Request) string { return Serve(g, r).ofAnyScheme() }

// ReasonIn is the Reason of a refusal; empty for any other error.
func ReasonIn(err error) middleware.Reason {
	var refusal *middleware.Error
	if !errors.As(err, &refusal) {
		return ""
	}
	return refusal.Reason
}

// AnswerTo sends r through h and returns the whole answer.
func AnswerTo(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// MustNotRun is a protected handler that fails the test.
func MustNotRun(t testing.TB) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the protected handler ran") })
}

// Refuse is a rule that refuses everybody.
func Refuse(text string) middleware.Rule {
	return func(context.Context, *middleware.Token, middleware.Credentials) error { return errors.New(text) }
}

// Pass is a rule that lets everybody pass.
func Pass(context.Context, *middleware.Token, middleware.Credentials) error { return nil }

// ServeNested runs r through guards, the outermost first; between is what happens in front of the innermost.
func ServeNested(r *http.Request, between func(*http.Request) *http.Request, guards ...*middleware.Guard) Served {
	var s Served
	inner := guards[len(guards)-1]
	h := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if between != nil {
			r = between(r)
		}
		inner.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			s.Ran, s.Context = true, r.Context()
			s.Token, _ = middleware.TokenFromContext(r.Context())
		}).ServeHTTP(w, r)
	}))
	for i := len(guards) - 2; i >= 0; i-- {
		h = guards[i].Handler(h)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	s.Response = w.Result()
	return s
}
