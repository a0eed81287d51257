//go:build unix

package redisstore_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/adapters/redisstore"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
)

const apiURL = "https://api.example.com"

// instance is one of an API: everything that Cardea shares, above one Store.
type instance struct {
	issuer *authtest.Issuer
	list   *revocation.List // nil: revocations are not shared
	asking *introspection.Client
	guard  *middleware.Guard
	warn   lines // what the Store, the list and the introspection client have to say
}

// secrets are those of a deployment.
type secrets struct{ list, cache string }

var ours = secrets{list: "the list's secret of 32 bytes ...", cache: "the cache's secret of 32 bytes .."}

// with makes an instance. The Store gets its logger.
func with(t *testing.T, issuer *authtest.Issuer, s secrets, newStore func(*slog.Logger) *redisstore.Store, shareList bool,
	change ...func(*introspection.Config),
) *instance {
	t.Helper()
	a := &instance{issuer: issuer}
	logger := slog.New(slog.NewTextHandler(&a.warn, &slog.HandlerOptions{Level: slog.LevelWarn}))
	store := newStore(logger)
	var err error
	asking := introspection.Config{
		URL: issuer.URL() + string(authtest.EndpointIntrospection), ClientAuth: introspection.SecretBasic(issuer.Client()),
		ActiveTTL: time.Minute, Shared: store, SharedSecrets: [][]byte{[]byte(s.cache)}, SharedTimeout: time.Second, Logger: logger,
	}
	for _, c := range change {
		c(&asking)
	}
	a.asking, err = introspection.New(asking)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.asking.Close() })
	cfg := middleware.Config{
		Issuers:   []middleware.Issuer{{URL: issuer.URL(), Introspector: a.asking}},
		Audiences: []string{apiURL},
		PublicURL: apiURL,
		DPoP:      middleware.DPoP{Replays: store},
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	if shareList {
		a.list, err = revocation.New(revocation.Config{Store: store, Secrets: [][]byte{[]byte(s.list)}, Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = a.list.Close() })
		cfg.Revocations = []middleware.Revocations{a.list}
	}
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := auth.Warm(ctx); err != nil {
		t.Fatal(err)
	}
	a.guard = auth.Require()
	return a
}

// status is that of the answer to a request.
func (a *instance) status(authorization, proof string) int {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", authorization)
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	_, err := a.guard.Check(r)
	if refusal := new(middleware.Error); errors.As(err, &refusal) {
		return refusal.Status()
	}
	return http.StatusOK
}

// asked is how often the authorization server was asked about tokens.
func (a *instance) asked() int { return a.issuer.Requests(authtest.EndpointIntrospection) }

func (a *instance) jwt(id string) string {
	return "Bearer " + a.issuer.Token(authtest.Claims{"aud": apiURL, "jti": id})
}

func (a *instance) opaque() string {
	return "Bearer " + a.issuer.OpaqueToken(authtest.Claims{"aud": apiURL})
}

func (a *instance) entry(id string) revocation.Entry {
	return revocation.Entry{Kind: revocation.Token, Issuer: a.issuer.URL(), Value: id}
}

// bound is a client with a token that is bound to its key.
type bound struct {
	issuer *authtest.Issuer
	key    crypto.Signer
	token  string
}

func newBound(t *testing.T, issuer *authtest.Issuer) bound {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return bound{issuer, key, issuer.Token(authtest.Claims{"aud": apiURL, "cnf": authtest.Claims{"jkt": authtest.Thumbprint(key)}})}
}

func (b bound) authorization() string { return "DPoP " + b.token }

func (b bound) proof() string { return b.issuer.Proof(b.key, b.token, http.MethodGet, apiURL+"/") }

// lines is a log that several write to.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var message = regexp.MustCompile(`msg="([^"]*)"`)

// messages counts the lines by what they say.
func (l *lines) messages() map[string]int {
	n := make(map[string]int)
	for _, found := range message.FindAllStringSubmatch(l.String(), -1) {
		n[found[1]]++
	}
	return n
}
