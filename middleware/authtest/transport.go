package authtest

import (
	"cmp"
	"crypto"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// DPoPTransport is a client of a DPoP-protected API (RFC 9449): it sends every request with Token under the DPoP scheme and
// with a fresh proof. It takes up nonces that the API hands out, one for each origin, and sends a request that was refused
// for want of one (use_dpop_nonce) a second time, if its body can be had again ([http.Request.GetBody]).
//
//	client := &http.Client{Transport: &authtest.DPoPTransport{Key: key, Token: token}}
//
// The URL of a request is also what its proof names: it must begin with the API's Config.PublicURL. A DPoPTransport is safe
// for concurrent use; its fields must not change while it is used. It is for tests: wherever a request goes, redirects
// included, the token goes with it.
type DPoPTransport struct {
	_ [0]func() // keyed literals only

	Key   crypto.Signer     // to which Token is bound; the kinds of Issuer.Proof
	Token string            // the access token
	Base  http.RoundTripper // sends the requests; nil: http.DefaultTransport
	Clock func() time.Time  // dates the proofs; nil: time.Now

	mu     sync.Mutex
	nonces map[string]string // by origin, RFC 9449 section 9
}

// RoundTrip implements [http.RoundTripper].
func (t *DPoPTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.send(r, r.Body)
	if err != nil || !wantsNonce(response) {
		return response, err
	}
	body := r.Body
	if body != nil && body != http.NoBody {
		if r.GetBody == nil {
			return response, nil
		}
		if body, err = r.GetBody(); err != nil {
			return response, nil //nolint:nilerr // the refusal is an answer, too
		}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10)) // so that the connection can be used again
	_ = response.Body.Close()
	return t.send(r, body)
}

// send leaves r as it is, as a RoundTripper must.
func (t *DPoPTransport) send(r *http.Request, body io.ReadCloser) (*http.Response, error) {
	origin := r.URL.Scheme + "://" + r.URL.Host
	claims := proofClaims(t.Token, cmp.Or(r.Method, http.MethodGet), origin+r.URL.EscapedPath())
	if nonce := t.nonce(origin); nonce != "" {
		claims["nonce"] = nonce
	}
	now := time.Now
	if t.Clock != nil {
		now = t.Clock
	}
	proof, err := mintProof(t.Key, now(), nil, claims)
	if err != nil {
		if body != nil {
			_ = body.Close() // a RoundTripper must, with an error too
		}
		return nil, err
	}
	proven := r.Clone(r.Context())
	proven.Body = body
	proven.Header.Set("Authorization", "DPoP "+t.Token)
	proven.Header.Set("DPoP", proof)
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	response, err := base.RoundTrip(proven)
	if err == nil {
		t.learn(origin, response.Header.Get("DPoP-Nonce"))
	}
	return response, err
}

func (t *DPoPTransport) nonce(origin string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nonces[origin]
}

func (t *DPoPTransport) learn(origin, nonce string) {
	if nonce == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.nonces == nil {
		t.nonces = make(map[string]string)
	}
	t.nonces[origin] = nonce
}

// wantsNonce reports whether a request was refused because its proof had no good nonce, and a nonce was sent along.
func wantsNonce(response *http.Response) bool {
	if response.StatusCode != http.StatusUnauthorized || response.Header.Get("DPoP-Nonce") == "" {
		return false
	}
	for _, challenge := range response.Header.Values("WWW-Authenticate") {
		if strings.HasPrefix(challenge, "DPoP ") && strings.Contains(challenge, `error="use_dpop_nonce"`) {
			return true
		}
	}
	return false
}

// withoutQuery is how a proof names an address (RFC 9449 section 4.2: htu has neither query nor fragment).
func withoutQuery(address string) string {
	if end := strings.IndexAny(address, "?#"); end >= 0 {
		return address[:end]
	}
	return address
}
