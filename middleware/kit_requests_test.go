package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// arriving parses a request from the bytes that a client sends, so that it is what net/http makes of them.
func arriving(t testing.TB, lines ...string) *http.Request {
	t.Helper()
	text := strings.Join(lines, "\r\n") + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("the request is malformed: %v", err)
	}
	return r
}

// fields makes a header of alternating names and values; a name that is given twice has two lines.
func fields(namesAndValues ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(namesAndValues); i += 2 {
		h.Add(namesAndValues[i], namesAndValues[i+1])
	}
	return h
}

// witness collects decisions.
type witness struct {
	mu   sync.Mutex
	seen []middleware.Decision
}

func (w *witness) observe(_ context.Context, d middleware.Decision) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, d)
}

// last returns the newest decision.
func (w *witness) last(t testing.TB) middleware.Decision {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) == 0 {
		t.Fatal("Observe was not called")
	}
	return w.seen[len(w.seen)-1]
}

func (w *witness) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// noIO is a client that fails the test when anything is fetched.
func noIO(t testing.TB) *http.Client {
	return &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		t.Errorf("%s %s was fetched, want no I/O", r.Method, r.URL)
		return nil, errors.New("offline")
	})}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// fixedAnswer is an Introspector that gives one answer to every question.
type fixedAnswer struct {
	answer string
	err    error
}

func (a fixedAnswer) Introspect(context.Context, string) (*introspection.Response, error) {
	if a.err != nil {
		return nil, a.err
	}
	return introspection.ParseResponse([]byte(a.answer))
}

// challenge is a parsed WWW-Authenticate field.
type challenge struct {
	scheme string
	params map[string]string
}

// parseChallenge reads one challenge with auth-params as RFC 9110 sections 11.6.1 and 5.6.4 write it. It is written
// apart from the code that it tests, and knows nothing but the grammar.
func parseChallenge(field string) (challenge, error) {
	scheme, rest, found := strings.Cut(field, " ")
	if !found || !allOf(scheme, isTchar) {
		return challenge{}, fmt.Errorf("no scheme and space in %q", field)
	}
	c := challenge{scheme, make(map[string]string)}
	for {
		name, tail, found := strings.Cut(rest, "=")
		if !found || !allOf(name, isTchar) {
			return c, fmt.Errorf("no parameter name in %q", rest)
		}
		value, tail, err := quoted(tail)
		if err != nil {
			return c, err
		}
		if _, twice := c.params[name]; twice {
			return c, fmt.Errorf("parameter %s occurs twice in %q", name, field)
		}
		c.params[name] = value
		if tail == "" {
			return c, nil
		}
		if rest, found = strings.CutPrefix(tail, ", "); !found {
			return c, fmt.Errorf("%q follows parameter %s", tail, name)
		}
	}
}

func quoted(s string) (value, rest string, err error) {
	if s == "" || s[0] != '"' {
		return "", "", fmt.Errorf("%q is no quoted-string", s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '\t' || c >= ' ' && c != 0x7f:
			b.WriteByte(c)
		default:
			return "", "", fmt.Errorf("byte %#x in quoted-string %q", c, s)
		}
	}
	return "", "", fmt.Errorf("quoted-string %q does not end", s)
}

func isTchar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func allOf(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }
