package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/middleware/authtest"
)

// client is what somebody has who calls the API.
type client struct {
	base  http.RoundTripper // trusts the certificate of the proxy
	url   string            // of the API, as everybody outside knows it
	key   crypto.Signer
	token string
}

// play calls the API as its owner does, and as a thief would, and prints the answers.
func play(ctx context.Context, out io.Writer, issuer *authtest.Issuer, c client) error {
	orders := c.url + "/orders"
	thief, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	// The transport makes a proof for every request, and takes up the nonce that the first answer brings.
	owner := &authtest.DPoPTransport{Key: c.key, Token: c.token, Base: c.base}
	withOtherKey := &authtest.DPoPTransport{Key: thief, Token: c.token, Base: c.base}
	early := issuer.Proof(c.key, c.token, http.MethodGet, orders)
	inside := issuer.Proof(c.key, c.token, http.MethodGet, strings.Replace(orders, prefix, "", 1))
	loose := issuer.Token(authtest.Claims{"scope": "orders:read"})

	for _, row := range []struct {
		name      string
		transport http.RoundTripper
	}{
		{"the owner, with a proof for each request", owner},
		{"the same token as Bearer, without a proof", fields{c.base, "Bearer " + c.token, ""}},
		{"a proof without a nonce of this API", fields{c.base, "DPoP " + c.token, early}},
		{"a proof for the address behind the proxy", fields{c.base, "DPoP " + c.token, inside}},
		{"the token with a proof by another key", withOtherKey},
		{"a token that is bound to nothing", fields{c.base, "Bearer " + loose, ""}},
	} {
		if err := show(ctx, out, row.name, row.transport, orders); err != nil {
			return err
		}
	}
	return nil
}

// fields sends requests with an Authorization and a DPoP field of one's choice.
type fields struct {
	base                http.RoundTripper
	authorization, dpop string
}

func (f fields) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", f.authorization)
	if f.dpop != "" {
		r.Header.Set("DPoP", f.dpop)
	}
	return f.base.RoundTrip(r)
}

// show prints the status of the answer, and the error of its challenge.
func show(ctx context.Context, out io.Writer, name string, transport http.RoundTripper, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, rest, _ := strings.Cut(strings.Join(response.Header.Values("WWW-Authenticate"), " "), `error="`)
	code, _, _ := strings.Cut(rest, `"`)
	_, err = fmt.Fprintln(out, strings.TrimSpace(fmt.Sprintf("%d  %s  %s", response.StatusCode, name, code)))
	return err
}
