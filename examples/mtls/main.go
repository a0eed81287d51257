// Mtls protects an API whose tokens are bound to the client's certificate (RFC 8705), which here is self-signed. Whoever has
// the token and not the certificate's key is refused:
//
//	go run ./examples/mtls
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

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
	config := issuer.Config("https://api.example.com")
	config.MTLS.Required = true // without it, tokens that are bound to nothing are welcome as well
	auth, err := middleware.New(config)
	if err != nil {
		return err
	}
	defer auth.Close()

	server := httptest.NewUnstartedServer(newAPI(auth))
	server.TLS = askingForCertificates()
	server.StartTLS()
	defer server.Close()
	return play(ctx, out, server, issuer)
}

// askingForCertificates lets the server ask every client for a certificate and take any, also one that is self-signed (RFC
// 8705 section 2.2), or none. The Guard judges whether it is the one of the token, and answers with a challenge if not.
// With a certification authority of one's own, it is VerifyClientCertIfGiven and ClientCAs.
func askingForCertificates() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
}

func newAPI(auth *middleware.Validator) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := middleware.TokenFromContext(r.Context())
		fmt.Fprintf(w, "orders of %s\n", token.Subject)
	}))
	return mux
}

// play calls the API as its owner does, and as a thief would, and prints the answers.
func play(ctx context.Context, out io.Writer, server *httptest.Server, issuer *authtest.Issuer) error {
	own, other := issuer.ClientCertificate(), issuer.ClientCertificate()
	bound := issuer.Token(authtest.Claims{
		"scope": "orders:read",
		"cnf":   authtest.Claims{"x5t#S256": authtest.CertificateThumbprint(own.Leaf)},
	})
	loose := issuer.Token(authtest.Claims{"scope": "orders:read"})

	for _, row := range []struct {
		name, token  string
		certificates []tls.Certificate
	}{
		{"the owner, with the certificate of the token", bound, []tls.Certificate{own}},
		{"the same token with another certificate", bound, []tls.Certificate{other}},
		{"the same token without a certificate", bound, nil},
		{"a token that is bound to nothing", loose, []tls.Certificate{own}},
	} {
		answer, err := call(ctx, server, row.token, row.certificates)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %s\n", row.name, answer)
	}
	return nil
}

func call(ctx context.Context, server *httptest.Server, token string, certificates []tls.Certificate) (answer string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/orders", nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	transport, _ := server.Client().Transport.(*http.Transport) // it trusts the server's certificate
	transport = transport.Clone()
	transport.TLSClientConfig.Certificates = certificates
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.Status, nil
	}
	body, err := io.ReadAll(response.Body)
	return response.Status + ", " + strings.TrimSpace(string(body)), err
}
