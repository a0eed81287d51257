package introspection_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
)

type oddError struct{}

func (oddError) Error() string { return "canary-Secret" }

// The operator must learn what happened, though not in words that the server may have chosen.
func TestCausesOfFailedExchanges(t *testing.T) {
	lookup := &net.DNSError{Err: "no such host", Name: "as.example"}
	for name, row := range map[string]struct{ cause, wrapped error }{
		"a name that does not resolve":       {lookup, lookup},
		"an answer that is cut":              {fmt.Errorf("canary-Secret: %w", io.ErrUnexpectedEOF), io.ErrUnexpectedEOF},
		"a connection that is closed":        {fmt.Errorf("canary-Secret: %w", io.EOF), io.EOF},
		"anything else is named by its type": {oddError{}, nil},
	} {
		tr := &transport{serve: func(*http.Request, string) (*http.Response, error) { return nil, row.cause }}
		response, err := newClient(t, introspection.Config{}, tr).Introspect(t.Context(), "token")
		mustBeUnavailable(t, response, err)
		switch {
		case row.wrapped != nil && !errors.Is(err, row.wrapped):
			t.Errorf("%s: %v hides its cause", name, err)
		case row.wrapped == nil && !strings.Contains(err.Error(), "(introspection_test.oddError)"):
			t.Errorf("%s: %v does not name the type", name, err)
		}
	}
}

// A request that the server has begun to answer was received: it is not sent again.
func TestRequestWithHalfAnAnswerIsNotRepeated(t *testing.T) {
	var calls atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, activeText)
			return
		}
		connection, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(connection, "HTTP/1.1 200 OK\r\nContent-")
		_ = connection.Close()
	}))
	defer server.Close()
	client := newClient(t, introspection.Config{URL: server.URL}, nil)
	mustIntrospect(t, client, "first")
	response, err := client.Introspect(t.Context(), "second")
	mustBeUnavailable(t, response, err)
	if calls.Load() != 2 {
		t.Errorf("%d requests, want 2", calls.Load())
	}
}
