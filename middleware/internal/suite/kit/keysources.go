package kit

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cardea-auth/cardea/jwks"
)

// PublishedKeys is a transport that serves a key set, or fails.
type PublishedKeys struct {
	mu       sync.Mutex
	document string // empty: an outage
	fetches  int    // since it was last asked for
}

// Publish serves this document from now on; an empty one is an outage.
func (p *PublishedKeys) Publish(document string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.document = document
}

// Count is how often the keys were fetched since it was last asked for.
func (p *PublishedKeys) Count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.fetches
	p.fetches = 0
	return n
}

func (p *PublishedKeys) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetches++
	if p.document == "" {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(p.document)), Request: r}, nil
}

// Ed25519JWKS is a JWK Set of one key, whose x is left to be filled in.
const Ed25519JWKS = `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","alg":"EdDSA","x":%q}]}`

// RefreshableKeys is a KeySource that can be refreshed, closed and asked for its status.
type RefreshableKeys struct {
	*jwks.Set
	Err       error
	Refreshed atomic.Int32
	Closed    atomic.Bool
	Reported  jwks.Status
}

func (r *RefreshableKeys) Refresh(context.Context) error {
	r.Refreshed.Add(1)
	return r.Err
}

func (r *RefreshableKeys) Close() error {
	r.Closed.Store(true)
	return nil
}

func (r *RefreshableKeys) Status() jwks.Status { return r.Reported }

// KeySourceFunc is a middleware.KeySource.
type KeySourceFunc func(ctx context.Context, kid, alg string) ([]*jwks.Key, error)

func (f KeySourceFunc) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	return f(ctx, kid, alg)
}

// CountedKeys counts the questions that reach the test issuer's keys.
type CountedKeys struct {
	*jwks.Set

	Asked atomic.Int64
}

func (c *CountedKeys) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	c.Asked.Add(1)
	return c.Set.VerificationKeys(ctx, kid, alg)
}
