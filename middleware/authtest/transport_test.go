package authtest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// exchange keeps what a server was sent.
type exchange struct{ proof, body string }

// newNonceServer serves an API that demands proofs with nonces of its own, and echoes bodies.
func newNonceServer(t *testing.T, issuer *authtest.Issuer, secret byte) (url string, exchanges func() []exchange) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	cfg := issuer.Config(api)
	cfg.PublicURL = "http://" + server.Listener.Addr().String()
	cfg.DPoP = middleware.DPoP{Required: true, NonceSecrets: [][]byte{bytes.Repeat([]byte{secret}, 32)}}
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	protected := auth.Require().HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	var mu sync.Mutex
	var seen []exchange
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		seen = append(seen, exchange{r.Header.Get("DPoP"), string(body)})
		mu.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		protected.ServeHTTP(w, r)
	})
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, func() []exchange {
		mu.Lock()
		defer mu.Unlock()
		return seen
	}
}

func TestDPoPTransportTakesUpTheNonce(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	url, exchanges := newNonceServer(t, issuer, 1)
	key := newClientKey(t)
	client := &http.Client{Transport: &authtest.DPoPTransport{Key: key, Token: issuer.Token(boundTo(key))}}

	for range 2 {
		response, err := client.Post(url+"/orders/a%2fb?page=2", "text/plain", strings.NewReader("two hinges"))
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || string(answer) != "two hinges" {
			t.Fatalf("status %d, %q: %s", response.StatusCode, answer, response.Header.Values("WWW-Authenticate"))
		}
	}
	sent := exchanges()
	if len(sent) != 3 {
		t.Fatalf("%d requests were sent, want one without a nonce and two with it", len(sent))
	}
	for n, e := range sent {
		if e.body != "two hinges" || e.proof == sent[(n+1)%len(sent)].proof {
			t.Errorf("request %d: body %q, proof used before or after", n, e.body)
		}
	}
}

func TestDPoPTransportLeavesTheRequestAsItIs(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	url, _ := newNonceServer(t, issuer, 1)
	key := newClientKey(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&authtest.DPoPTransport{Key: key, Token: issuer.Token(boundTo(key))}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK || len(request.Header) != 0 {
		t.Errorf("status %d; the caller's request has got the fields %v", response.StatusCode, request.Header)
	}
}

func TestDPoPTransportReturnsARefusalThatItCannotMend(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	url, exchanges := newNonceServer(t, issuer, 1)
	key := newClientKey(t)
	for name, row := range map[string]struct {
		transport *authtest.DPoPTransport
		body      io.Reader
		sent      int
	}{
		"a body that can be read once":    {&authtest.DPoPTransport{Key: key, Token: issuer.Token(boundTo(key))}, io.MultiReader(strings.NewReader("once")), 1},
		"a token that is bound otherwise": {&authtest.DPoPTransport{Key: key, Token: issuer.Token(boundTo(newClientKey(t)))}, nil, 1},
		"a clock that is an hour late": {&authtest.DPoPTransport{Key: key, Token: issuer.Token(boundTo(key)),
			Clock: func() time.Time { return time.Now().Add(-time.Hour) }}, nil, 1},
	} {
		before := len(exchanges())
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, row.body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := row.transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if sent := len(exchanges()) - before; response.StatusCode != http.StatusUnauthorized || sent != row.sent {
			t.Errorf("%s: status %d after %d requests, want 401 after %d", name, response.StatusCode, sent, row.sent)
		}
	}
}

func TestDPoPTransportKeepsANonceForEachOrigin(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	one, toOne := newNonceServer(t, issuer, 1)
	two, toTwo := newNonceServer(t, issuer, 2)
	key := newClientKey(t)
	client := &http.Client{Transport: &authtest.DPoPTransport{Key: key, Token: issuer.Token(boundTo(key))}}
	get := func(url string) {
		response, err := client.Get(url)
		if err != nil {
			t.Error(err)
			return
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("status %d", response.StatusCode)
		}
	}
	for _, url := range []string{one, two, one, two} {
		get(url)
	}
	if len(toOne()) != 3 || len(toTwo()) != 3 {
		t.Errorf("%d and %d requests were sent, want each server to be asked for a nonce once", len(toOne()), len(toTwo()))
	}
	var clients sync.WaitGroup
	for _, url := range []string{one, two, one, two} {
		clients.Go(func() { get(url) })
	}
	clients.Wait()
	if len(toOne()) != 5 || len(toTwo()) != 5 {
		t.Errorf("%d and %d requests were sent, want no more to be asked for a nonce", len(toOne()), len(toTwo()))
	}
}

// stubborn is a server that answers everything in the same way, and keeps what it was sent. Unlike http.Transport it never
// sends a request twice by itself.
type stubborn struct {
	status int
	fields http.Header
	bodies []string
}

func (s *stubborn) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	s.bodies = append(s.bodies, string(body))
	return &http.Response{StatusCode: s.status, Header: s.fields, Body: http.NoBody, Request: r}, errors.Join(err, r.Body.Close())
}

func TestDPoPTransportRepeatsOnceAndOnlyForWantOfANonce(t *testing.T) {
	t.Parallel()
	const refusal = `DPoP algs="ES256", error="use_dpop_nonce"`
	for name, row := range map[string]struct {
		server stubborn
		sent   int
	}{
		"a nonce, and the wish for it": {
			stubborn{status: 401, fields: http.Header{"Dpop-Nonce": {"n"}, "Www-Authenticate": {`Bearer realm="api"`, refusal}}}, 2,
		},
		"the wish for a nonce, and none": {stubborn{status: 401, fields: http.Header{"Www-Authenticate": {refusal}}}, 1},
		"a nonce, and another refusal": {
			stubborn{status: 401, fields: http.Header{"Dpop-Nonce": {"n"}, "Www-Authenticate": {`DPoP error="invalid_token"`}}}, 1,
		},
		"a nonce for next time with the success": {stubborn{status: 200, fields: http.Header{"Dpop-Nonce": {"n"}}}, 1},
		"a wish under another scheme": {
			stubborn{status: 401, fields: http.Header{"Dpop-Nonce": {"n"}, "Www-Authenticate": {`Bearer error="use_dpop_nonce"`}}}, 1,
		},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, api, strings.NewReader("two hinges"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := (&authtest.DPoPTransport{Key: newClientKey(t), Token: "token", Base: &row.server}).RoundTrip(request)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = response.Body.Close()
		want := slices.Repeat([]string{"two hinges"}, row.sent)
		if response.StatusCode != row.server.status || !slices.Equal(row.server.bodies, want) {
			t.Errorf("%s: status %d after bodies %q, want %q", name, response.StatusCode, row.server.bodies, want)
		}
	}
}

// closeTold tells whether it was closed.
type closeTold struct {
	io.Reader
	closed bool
}

func (c *closeTold) Close() error {
	c.closed = true
	return nil
}

func TestDPoPTransportRefusesAKeyThatMakesNoProofs(t *testing.T) {
	t.Parallel()
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	body := &closeTold{Reader: strings.NewReader("body")}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:9", body)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := (&authtest.DPoPTransport{Key: small, Token: "token"}).RoundTrip(request); err == nil {
		_ = response.Body.Close()
		t.Error("there was no error")
	}
	if !body.closed {
		t.Error("the body was left open")
	}
}
