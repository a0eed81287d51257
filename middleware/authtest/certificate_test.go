package authtest_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func TestClientCertificateProvesTheTokenThatIsBoundToIt(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	auth, err := middleware.New(issuer.Config(api))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	server := httptest.NewUnstartedServer(auth.Require().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	t.Cleanup(server.Close)

	own, other := issuer.ClientCertificate(), issuer.ClientCertificate()
	claims := authtest.Claims{"cnf": authtest.Claims{"x5t#S256": authtest.CertificateThumbprint(own.Leaf)}}
	for name, row := range map[string]struct {
		shown  []tls.Certificate
		status int
	}{
		"the certificate of the token":                    {[]tls.Certificate{own}, http.StatusOK},
		"another certificate, by one who stole the token": {[]tls.Certificate{other}, http.StatusUnauthorized},
		"no certificate, by one who stole the token":      {nil, http.StatusUnauthorized},
	} {
		for kind, token := range map[string]string{"a JWT": issuer.Token(claims), "an opaque token": issuer.OpaqueToken(claims)} {
			transport, _ := server.Client().Transport.(*http.Transport)
			transport = transport.Clone()
			transport.TLSClientConfig.Certificates = row.shown
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+token)
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			transport.CloseIdleConnections()
			if response.StatusCode != row.status {
				t.Errorf("%s, %s: status %d, want %d", name, kind, response.StatusCode, row.status)
			}
		}
	}
}
