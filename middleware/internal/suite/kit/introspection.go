package kit

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// AnswerFunc is a middleware.Introspector that answers with these claims.
type AnswerFunc func(ctx context.Context, token string) Claims

func (f AnswerFunc) Introspect(ctx context.Context, token string) (*introspection.Response, error) {
	return introspection.ParseResponse(testkit.JSON(f(ctx, token)))
}

// NewIntrospectionClient is a Client of the issuer's introspection endpoint, which is server.
func NewIntrospectionClient(t testing.TB, server http.RoundTripper, changes ...func(*introspection.Config)) *introspection.Client {
	t.Helper()
	cfg := introspection.Config{
		URL: testkit.Issuer + "/introspect", ClientAuth: introspection.SecretBasic("api", "secret"), HTTPClient: &http.Client{Transport: server},
	}
	for _, change := range changes {
		change(&cfg)
	}
	client, err := introspection.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// IntrospectionServer answers by the token.
type IntrospectionServer struct {
	Answer func(token string) Claims
	Asked  atomic.Int64
}

// Say makes it answer every token so.
func (s *IntrospectionServer) Say(answer Claims) { s.Answer = func(string) Claims { return answer } }

func (s *IntrospectionServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.Asked.Add(1)
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	body := string(testkit.JSON(s.Answer(r.PostForm.Get("token"))))
	return &http.Response{
		StatusCode: http.StatusOK, Header: Fields("Content-Type", "application/json"), Body: io.NopCloser(strings.NewReader(body)),
		Request: r,
	}, nil
}

// CountingIntrospector answers every token with the same Response, and counts.
type CountingIntrospector struct {
	Response *introspection.Response
	Err      error
	Asked    atomic.Int64
	Last     atomic.Value // the token
}

func (i *CountingIntrospector) Introspect(_ context.Context, token string) (*introspection.Response, error) {
	i.Asked.Add(1)
	i.Last.Store(token)
	return i.Response, i.Err
}

// Answering is an introspector with this answer.
func Answering(answer Claims) *CountingIntrospector {
	return &CountingIntrospector{Response: testkit.Must(introspection.ParseResponse(testkit.JSON(answer)))}
}

// RetryLaterError knows when to come again.
type RetryLaterError struct{}

func (RetryLaterError) Error() string { return "down" }

func (RetryLaterError) RetryAfter() time.Duration { return 7*time.Second + 1 }

// EchoIntrospector answers with the token as its subject.
type EchoIntrospector struct{}

func (EchoIntrospector) Introspect(_ context.Context, token string) (*introspection.Response, error) {
	return introspection.ParseResponse(testkit.JSON(ActiveAnswer(Claims{"sub": token})))
}

// FixedAnswer is an Introspector that gives one answer to every question.
type FixedAnswer struct {
	Answer string
	Err    error
}

func (a FixedAnswer) Introspect(context.Context, string) (*introspection.Response, error) {
	if a.Err != nil {
		return nil, a.Err
	}
	return introspection.ParseResponse([]byte(a.Answer))
}

// IntrospectFunc is an Introspector that prints as an address.
type IntrospectFunc func(ctx context.Context, token string) (*introspection.Response, error)

func (f IntrospectFunc) Introspect(ctx context.Context, token string) (*introspection.Response, error) {
	return f(ctx, token)
}
