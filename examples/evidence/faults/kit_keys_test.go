package faults_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

const ordersAPI = "https://api.example.com"

// signingKey signs tokens with the standard library alone, so that nothing under test also makes the test's input.
type signingKey struct {
	kid     string
	private ed25519.PrivateKey
}

func newSigningKey(kid string) signingKey {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return signingKey{kid, private}
}

func (k signingKey) jwk() map[string]any {
	public := k.private.Public().(ed25519.PublicKey)
	return map[string]any{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": k.kid, "x": base64url(public)}
}

// sign makes a token that names this key. Members of header replace those of the usual one.
func (k signingKey) sign(header, claims map[string]any) string {
	h := map[string]any{"typ": "at+jwt", "alg": "EdDSA", "kid": k.kid}
	maps.Copy(h, header)
	input := base64url(toJSON(h)) + "." + base64url(toJSON(claims))
	return input + "." + base64url(ed25519.Sign(k.private, []byte(input)))
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func toJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

func keySetOf(keys ...signingKey) []byte {
	list := []any{}
	for _, k := range keys {
		list = append(list, k.jwk())
	}
	return toJSON(map[string]any{"keys": list})
}

// transport is an answer to a GET, in memory.
type transport func(*http.Request) (*http.Response, error)

// authority is an authorization server in memory: metadata, a key set, and a fault in the place of both.
type authority struct {
	url  string
	host string

	mu       sync.Mutex
	keys     []signingKey
	fault    transport // nil: none
	metadata int       // requests for it
	fetches  []fetch   // requests for the key set
}

type fetch struct{ began, ended time.Time }

// newAuthority publishes one key.
func newAuthority(host string) *authority {
	return &authority{url: "https://" + host, host: host, keys: []signingKey{newSigningKey(host + "-0")}}
}

// key is the one that signs: the first.
func (a *authority) key() signingKey {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.keys[0]
}

func (a *authority) publish(keys ...signingKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = keys
}

// fail puts a fault in the place of every answer; nil ends it.
func (a *authority) fail(fault transport) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fault = fault
}

// fetched returns the requests for the key set that came at since or later.
func (a *authority) fetched(since time.Time) []fetch {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(a.fetches), func(f fetch) bool { return f.began.Before(since) })
}

func (a *authority) requests() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.metadata + len(a.fetches)
}

func (a *authority) answer(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	fault, keys, n := a.fault, a.keys, -1
	if r.URL.Path == "/keys" {
		n = len(a.fetches)
		a.fetches = append(a.fetches, fetch{began: time.Now()})
	} else {
		a.metadata++
	}
	a.mu.Unlock()
	defer func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if n >= 0 {
			a.fetches[n].ended = time.Now()
		}
	}()
	switch {
	case fault != nil:
		return fault(r)
	case n >= 0:
		return respond(200, keySetOf(keys...)), nil
	case r.URL.Path == "/.well-known/openid-configuration":
		return respond(200, toJSON(map[string]any{"issuer": a.url, "jwks_uri": a.url + "/keys"})), nil
	}
	return respond(404, nil), nil
}

func respond(status int, body []byte, header ...string) *http.Response {
	h := http.Header{}
	for n := 0; n < len(header); n += 2 {
		h.Set(header[n], header[n+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(bytes.NewReader(body))}
}

func always(status int, body []byte, header ...string) transport {
	return func(*http.Request) (*http.Response, error) { return respond(status, body, header...), nil }
}

func failing(err error) transport {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

var reset = failing(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET})

// hang never answers. It ends when the request is given up.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// delayed answers as usual, but only after d.
func (a *authority) delayed(d time.Duration) transport {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(d):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
		if r.URL.Path == "/keys" {
			a.mu.Lock()
			defer a.mu.Unlock()
			return respond(200, keySetOf(a.keys...)), nil
		}
		return respond(200, toJSON(map[string]any{"issuer": a.url, "jwks_uri": a.url + "/keys"})), nil
	}
}

// claims are those of a good token of the authority, good for three days.
func (a *authority) claims(change map[string]any) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss": a.url, "sub": "alice", "aud": ordersAPI, "scope": "orders:read",
		"iat": now.Unix(), "exp": now.Add(72 * time.Hour).Unix(), "jti": fmt.Sprint(now.UnixNano()),
	}
	maps.Copy(c, change)
	return c
}

// token is a good one, if its key is published.
func (a *authority) token(k signingKey) string { return k.sign(nil, a.claims(nil)) }

// another is as good as token, and differs from it and from all others of this number.
func (a *authority) another(k signingKey, number int) string {
	return k.sign(nil, a.claims(map[string]any{"jti": fmt.Sprint("another-", number)}))
}

// forged is a good token but for its signature, by a key that the authority does not publish under that name.
func (a *authority) forged() string { return newSigningKey(a.key().kid).sign(nil, a.claims(nil)) }

// bad are tokens that must be refused whatever happens, and that need no fetch to be told.
func (a *authority) bad() []string {
	key, past := a.key(), time.Now().Add(-time.Hour).Unix()
	good := a.token(key)
	input, signature, _ := strings.Cut(good[strings.Index(good, ".")+1:], ".")
	unsigned := base64url(toJSON(map[string]any{"typ": "at+jwt", "alg": "none"})) + "." + input + "."
	return []string{
		key.sign(nil, a.claims(map[string]any{"iat": past - 60, "exp": past})),
		key.sign(nil, a.claims(map[string]any{"aud": "https://other.example.com"})),
		key.sign(nil, a.claims(map[string]any{"iss": "https://unlisted.example"})),
		key.sign(map[string]any{"typ": "JWT"}, a.claims(map[string]any{"nonce": "n", "at_hash": "h"})), // an ID token
		unsigned,
		unsigned + signature,
	}
}

// network leads requests to authorities by their host, and counts what goes elsewhere.
type network struct {
	hosts map[string]*authority

	mu      sync.Mutex
	strayed []string
}

func networkOf(authorities ...*authority) *network {
	n := &network{hosts: make(map[string]*authority)}
	for _, a := range authorities {
		n.hosts[a.host] = a
	}
	return n
}

var errNoHost = errors.New("no such host")

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if a := n.hosts[r.URL.Host]; a != nil {
		return a.answer(r)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.strayed = append(n.strayed, r.URL.String())
	return nil, errNoHost
}

// trusting is the configuration that a user would write: the issuers, and nothing else but the network under them.
func trusting(authorities ...*authority) middleware.Config {
	cfg := middleware.Config{Audiences: []string{ordersAPI}, HTTPClient: &http.Client{Transport: networkOf(authorities...)}}
	for _, a := range authorities {
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: a.url})
	}
	return cfg
}

// warm wants the keys of all issuers to load.
func warm(t *testing.T, v *middleware.Validator) {
	t.Helper()
	if err := v.Warm(context.Background()); err != nil {
		t.Fatalf("the keys do not load: %v", err)
	}
}

// fetchedEach replaces how the keys of a are fetched: from a known address, and so often.
func fetchedEach(t *testing.T, cfg middleware.Config, a *authority, refresh time.Duration) middleware.Config {
	t.Helper()
	cache, err := jwks.New(jwks.Config{URL: a.url + "/keys", HTTPClient: cfg.HTTPClient, Refresh: refresh})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cache.Close() })
	for i := range cfg.Issuers {
		if cfg.Issuers[i].URL == a.url {
			cfg.Issuers[i].Keys = cache
		}
	}
	return cfg
}
