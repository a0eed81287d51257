package introspection_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

// http and loopback are one exception, and neither half of it is one alone.
func TestLoopbackIsTheOnlyPlaceWithoutTLS(t *testing.T) {
	for _, url := range []string{
		"ftp://127.0.0.1/introspect", "ws://localhost/introspect", "file://localhost/etc/passwd",
		"http://192.0.2.1/introspect", "http://[2001:db8::1]/introspect", "http://0.0.0.0/", "http://localhost.example/",
	} {
		client, err := introspection.New(introspection.Config{URL: url, ClientAuth: introspection.NoClientAuth()})
		if err == nil || client != nil || !strings.Contains(err.Error(), "is not https") {
			t.Errorf("%s: %v, want a refusal", url, err)
		}
	}
}

func TestWhichClientsPresentACertificate(t *testing.T) {
	dial := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("not dialled") }
	choose := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return new(tls.Certificate), nil }
	for name, row := range map[string]struct {
		client *http.Client
		ok     bool
	}{
		"the transport of everybody":              {&http.Client{}, false},
		"a TLS configuration without one":         {&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{ServerName: "as.example"}}}, false},
		"one that is chosen when it is asked for": {&http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{GetClientCertificate: choose}}}, true},
		"a dialer that makes its own TLS":         {&http.Client{Transport: &http.Transport{DialTLSContext: dial}}, true},
		"a transport of another make":             {&http.Client{Transport: &transport{}}, true},
	} {
		client, err := introspection.New(introspection.Config{
			URL: "https://as.example/introspect", ClientAuth: introspection.TLSClientAuth("api"), HTTPClient: row.client,
		})
		if (err == nil) != row.ok {
			t.Errorf("%s: %v", name, err)
		}
		if client != nil {
			client.Close()
		}
	}
}

func TestOneMistakeIsReportedOnce(t *testing.T) {
	_, err := introspection.New(introspection.Config{URL: "https://as.example/", Issuer: "https://as.example", SignedBy: jwks.NewSet()})
	if err == nil || strings.Count(err.Error(), "\n") != 0 || !strings.Contains(err.Error(), "Config.ClientAuth is required") {
		t.Errorf("no ClientAuth, beside SignedBy: %v", err)
	}
	_, err = introspection.New(introspection.Config{URL: "https://as.example/", ClientAuth: introspection.SecretPost("api", "secret\x7f")})
	if err == nil || !strings.Contains(err.Error(), "control character") {
		t.Errorf("a secret that ends in DEL: %v", err)
	}
}

// errors.As of another package may not expect a nil among what it unwraps.
func TestErrorsWrapNoNil(t *testing.T) {
	_, err := introspection.ParseResponse([]byte("{}"))
	for _, wrapped := range err.(interface{ Unwrap() []error }).Unwrap() {
		if wrapped == nil {
			t.Errorf("%v wraps nil", err)
		}
	}
}
