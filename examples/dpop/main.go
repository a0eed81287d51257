// Dpop protects an API that only takes tokens which are bound to a key of the client (RFC 9449), behind a proxy that ends TLS
// and strips a path prefix. It plays the client, too, the honest one and the thief, and prints what each is answered:
//
//	go run ./examples/dpop
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return err
	}

	// The proxy comes first, because the API must be told under which address it is known outside.
	proxy, publicURL := newProxy()
	defer proxy.Close()
	api, closeAPI, err := newAPI(issuer.Config("https://shop.example.com"), publicURL)
	if err != nil {
		return err
	}
	defer closeAPI()
	backend := httptest.NewServer(api)
	defer backend.Close()
	proxy.to(backend.URL)

	// The client has a key, and a token from its authorization server that is bound to it.
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	token := issuer.Token(authtest.Claims{
		"scope": "orders:read",
		"cnf":   authtest.Claims{"jkt": authtest.Thumbprint(key)},
	})
	return play(ctx, out, issuer, client{proxy.Client().Transport, publicURL, key, token})
}

// newAPI demands proofs, and in each a nonce that is no older than some minutes.
func newAPI(config middleware.Config, publicURL string) (api http.Handler, done func() error, err error) {
	config.PublicURL = publicURL // never taken from the Host field, which is the client's word
	config.DPoP.Required = true  // without it, tokens that are bound to nothing are welcome as well
	config.DPoP.NonceSecrets, err = newSecrets()
	if err != nil {
		return nil, nil, err
	}
	auth, err := middleware.New(config)
	if err != nil {
		return nil, nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))
	return mux, auth.Close, nil
}

// newSecrets makes the secrets of nonces anew with every start, which costs each client one more request. Several replicas
// get them from where they get their other secrets, so that each takes the nonces of all: the newest first.
func newSecrets() ([][]byte, error) {
	secret := make([]byte, 32)
	_, err := rand.Read(secret)
	return [][]byte{secret}, err
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	fmt.Fprintf(w, "orders of %s\n", token.Subject)
}
