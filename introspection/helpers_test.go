package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

// Tests provoke failures by the thousand; one that wants to read a line brings a Logger.
func init() { slog.SetDefault(slog.New(slog.DiscardHandler)) }

// Canaries that must show up nowhere but on the wire.
const (
	canaryToken  = "canary-Token_0123456789"
	canarySecret = "canary-Secret%+:9876543210"
)

// transport is a fake authorization server for tests that need a clock or a misbehaving peer, not a network.
type transport struct {
	serve func(r *http.Request, token string) (*http.Response, error)

	mu      sync.Mutex
	calls   int
	running int
	highest int // of running
}

func (tr *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	tr.mu.Lock()
	tr.calls++
	tr.running++
	tr.highest = max(tr.highest, tr.running)
	tr.mu.Unlock()
	defer func() {
		tr.mu.Lock()
		tr.running--
		tr.mu.Unlock()
	}()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	heard := *r
	heard.PostForm = form
	return tr.serve(&heard, form.Get("token"))
}

func (tr *transport) count() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.calls
}

func (tr *transport) peak() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.highest
}

// answers gives every token the same JSON text.
func answers(text string) func(*http.Request, string) (*http.Response, error) {
	return func(*http.Request, string) (*http.Response, error) { return respond(200, text), nil }
}

func respond(status int, text string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(text)),
	}
}

// wait sleeps on the request's own time, as a network would.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newClient fills in what a test does not care about.
func newClient(t *testing.T, cfg introspection.Config, tr http.RoundTripper) *introspection.Client {
	t.Helper()
	if cfg.URL == "" {
		cfg.URL = "https://as.example/introspect"
	}
	if fmt.Sprint(cfg.ClientAuth) == fmt.Sprint(introspection.ClientAuth{}) {
		cfg.ClientAuth = introspection.SecretBasic("api", canarySecret)
	}
	if tr != nil {
		cfg.HTTPClient = &http.Client{Transport: tr}
	}
	client, err := introspection.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func mustIntrospect(t *testing.T, client *introspection.Client, token string) *introspection.Response {
	t.Helper()
	response, err := client.Introspect(t.Context(), token)
	if err != nil {
		t.Fatalf("Introspect: %v", err)
	}
	return response
}

// mustBeUnavailable checks the promise about every failure: it says so, and tells no secret.
func mustBeUnavailable(t *testing.T, response *introspection.Response, err error) {
	t.Helper()
	if response != nil {
		t.Errorf("a response came with the error %v", err)
	}
	if !errors.Is(err, introspection.ErrUnavailable) {
		t.Fatalf("error %v does not wrap ErrUnavailable", err)
	}
	if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, canaryToken) || strings.Contains(text, "canary-Secret") {
		t.Errorf("error tells a secret: %s", text)
	}
	if !strings.HasPrefix(err.Error(), "introspection: ") {
		t.Errorf("error does not name its package: %s", err)
	}
}

func retryAfter(err error) time.Duration {
	var hint interface{ RetryAfter() time.Duration }
	if !errors.As(err, &hint) {
		return -1
	}
	return hint.RetryAfter()
}

func textLogger(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

func tokenError(err error) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return "", err }
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keySet(t *testing.T, kid, algorithm string, public crypto.PublicKey) *jwks.Set {
	t.Helper()
	key, err := jwks.NewKey(kid, algorithm, public)
	if err != nil {
		t.Fatal(err)
	}
	return jwks.NewSet(key)
}
