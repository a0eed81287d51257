package introspection_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

func TestNewRefuses(t *testing.T) {
	p256, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	small := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}} // which Go makes no more in FIPS mode
	basic := introspection.SecretBasic("api", canarySecret)
	const url = "https://as.example/introspect"
	tests := []struct {
		name string
		cfg  introspection.Config
		want []string // parts of the report, every one of them
	}{
		{"a Config that is empty", introspection.Config{}, []string{"Config.URL is required", "Config.ClientAuth is required"}},
		{"every mistake at once", introspection.Config{URL: "http://as.example", Issuer: "as", Timeout: -1, MaxInFlight: -1, Entries: -1}, []string{
			"Config.URL", "Config.Issuer", "Config.ClientAuth", "Config.Timeout", "Config.MaxInFlight", "Config.Entries"}},
		{"neither id nor secret", introspection.Config{URL: "https://as.example/introspect", ClientAuth: introspection.SecretBasic("", "")}, []string{
			"introspection: Config.ClientAuth: the client id", "introspection: Config.ClientAuth: the client secret"}},
		{
			"plain http: tokens and secrets in the clear", introspection.Config{URL: "http://as.example/introspect", ClientAuth: basic},
			[]string{`Config.URL "http://as.example/introspect" is not https: use https`},
		},
		{"http for a host that only begins like loopback", introspection.Config{URL: "http://127.0.0.1.evil.example/", ClientAuth: basic}, []string{"is not https"}},
		{"http for a name below localhost", introspection.Config{URL: "http://as.localhost/", ClientAuth: basic}, []string{"is not https"}},
		{"another scheme", introspection.Config{URL: "ftp://as.example/", ClientAuth: basic}, []string{"is not https"}},
		{"a relative URL", introspection.Config{URL: "/introspect", ClientAuth: basic}, []string{"Config.URL is no absolute URL"}},
		{"a URL without a host", introspection.Config{URL: "https://:443/introspect", ClientAuth: basic}, []string{"Config.URL is no absolute URL"}},
		{
			"a URL that does not parse", introspection.Config{URL: "https://user:canary-Secret@as.example:port/", ClientAuth: basic},
			[]string{"Config.URL is no absolute URL"},
		},
		{
			"a URL with user information", introspection.Config{URL: "https://user:canary-Secret@as.example/", ClientAuth: basic},
			[]string{`Config.URL "https://as.example/" holds user information`},
		},
		{"a URL with a fragment", introspection.Config{URL: url + "#", ClientAuth: basic}, []string{"has a fragment"}},
		{
			"an issuer with a query", introspection.Config{URL: url, Issuer: "https://as.example?a=canary-Secret", ClientAuth: basic},
			[]string{`Config.Issuer "https://as.example" has a query`},
		},
		{
			"an issuer over http", introspection.Config{URL: url, Issuer: "http://as.example", ClientAuth: basic},
			[]string{`Config.Issuer "http://as.example" is not https`},
		},
		{
			"an empty client id", introspection.Config{URL: url, ClientAuth: introspection.SecretBasic("", canarySecret)},
			[]string{"Config.ClientAuth: the client id is empty"},
		},
		{
			"an empty client id and secret", introspection.Config{URL: url, ClientAuth: introspection.SecretPost("", "")},
			[]string{"the client id is empty", "the client secret is empty"},
		},
		{
			"a secret with the newline of its file",
			introspection.Config{URL: url, ClientAuth: introspection.SecretPost("api", canarySecret+"\n")},
			[]string{"the client secret holds a control character: trim the newline"},
		},
		{
			"a TLS client without an id",
			introspection.Config{URL: url, HTTPClient: certified(), ClientAuth: introspection.TLSClientAuth("")},
			[]string{"the client id is empty"},
		},
		{
			"a TLS client without an HTTPClient", introspection.Config{URL: url, ClientAuth: introspection.TLSClientAuth("api")},
			[]string{"Config.HTTPClient has no client certificate"},
		},
		{
			"a TLS client without a certificate",
			introspection.Config{URL: url, HTTPClient: &http.Client{Transport: &http.Transport{}}, ClientAuth: introspection.TLSClientAuth("api")},
			[]string{"Config.HTTPClient has no client certificate"},
		},
		{"a nil token function", introspection.Config{URL: url, ClientAuth: introspection.BearerToken(nil)}, []string{"BearerToken got a nil function"}},
		{
			"an assertion without an issuer to address it to",
			introspection.Config{URL: url, ClientAuth: introspection.PrivateKeyJWT("api", "", "ES256", p256)},
			[]string{"Config.Issuer is required by PrivateKeyJWT"},
		},
		{
			"an assertion without a key",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("api", "", "ES256", nil)},
			[]string{"the key is nil"},
		},
		{
			"an assertion with a nil key in the interface",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("api", "", "ES256", (*ecdsa.PrivateKey)(nil))},
			[]string{"the key is nil"},
		},
		{
			"an assertion without an id",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("", "", "ES256", p256)},
			[]string{"the client id is empty"},
		},
		{
			"an assertion signed with none",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("api", "", "none", p256)},
			[]string{`the algorithm "none" is unknown`},
		},
		{
			"an algorithm for another kind of key",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("api", "", "RS256", p256)},
			[]string{"does not sign with RS256"},
		},
		{
			"an algorithm for another curve",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("api", "", "ES384", p256)},
			[]string{"does not sign with ES384"},
		},
		{
			"an RSA key of 1024 bits",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.PrivateKeyJWT("api", "", "RS256", small)},
			[]string{"RSA needs 2048 bits"},
		},
		{
			"signed answers without an issuer", introspection.Config{URL: url, ClientAuth: basic, SignedBy: jwks.NewSet()},
			[]string{"Config.Issuer is required by SignedBy"},
		},
		{
			"a revocation that is seen tomorrow", introspection.Config{URL: url, ClientAuth: basic, ActiveTTL: 24 * time.Hour},
			[]string{"introspection: Config.ActiveTTL is 24h0m0s, so long that nobody would see a revocation: use at most 12h0m0s"},
		},
		{
			"an inactive token that is inactive for ever",
			introspection.Config{URL: url, ClientAuth: basic, InactiveTTL: 12*time.Hour + 1},
			[]string{"introspection: Config.InactiveTTL is 12h0m0.000000001s"},
		},
		{
			"signed answers for nobody in particular",
			introspection.Config{URL: url, Issuer: "https://as.example", ClientAuth: introspection.NoClientAuth(), SignedBy: jwks.NewSet()},
			[]string{"Config.SignedBy needs a client id"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, err := introspection.New(test.cfg)
			if err == nil || client != nil {
				t.Fatalf("accepted")
			}
			for _, part := range test.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("report %q does not say %q", err, part)
				}
			}
			if lines := strings.Split(err.Error(), "\n"); len(lines) < len(test.want) {
				t.Errorf("%d mistakes reported, want %d: %q", len(lines), len(test.want), err)
			}
			if strings.Contains(err.Error(), "canary-Secret") {
				t.Errorf("the report tells a secret: %q", err)
			}
		})
	}
}

func certified() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: make([]tls.Certificate, 1)}}}
}

func TestNewAccepts(t *testing.T) {
	for _, url := range []string{
		"https://as.example/introspect?tenant=1", "https://as.example:8443", "HTTPS://as.example/",
		"http://localhost/", "http://LOCALHOST:9000/", "http://127.0.0.1:1/", "http://127.255.1.2/", "http://[::1]:8080/introspect",
	} {
		client, err := introspection.New(introspection.Config{URL: url, ClientAuth: introspection.NoClientAuth()})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		client.Close()
	}
	client, err := introspection.New(introspection.Config{
		URL: "https://as.example/", ClientAuth: introspection.TLSClientAuth("api"), HTTPClient: certified(),
		Timeout: time.Hour, MaxInFlight: 1, ActiveTTL: -1, InactiveTTL: -1, Entries: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}

func TestSecretsDoNotPrint(t *testing.T) {
	auth := introspection.SecretPost("api", canarySecret)
	cfg := introspection.Config{URL: "https://as.example/", ClientAuth: auth}
	cfg.Shared, cfg.SharedSecrets = new(engine), [][]byte{[]byte(sharedSecret)}
	client, err := introspection.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	cfg.URL += "?key=canary-Secret"
	hidden := struct{ auth introspection.ClientAuth }{auth} // whose methods fmt may not call
	for _, value := range []any{auth, &auth, cfg, &cfg, client, *client, hidden, &hidden} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			if text := fmt.Sprintf(verb, value); len(shows(text, canarySecret, sharedSecret)) > 0 || strings.Contains(text, "canary-Secret") {
				t.Errorf("%s of %T tells the secret: %s", verb, value, text)
			}
		}
	}
	if field, _ := reflect.TypeFor[introspection.Config]().FieldByName("SharedSecrets"); field.Tag.Get("json") != "-" {
		t.Error("JSON would hold the shared secrets")
	}
	if got, want := fmt.Sprint(cfg), `introspection.Config("https://as.example/", issuer "", introspection.ClientAuth(client_secret_post, id "api"), timeout 0s,`+
		` active for 0s, inactive for 0s, shared true with 1 secrets)`; got != want {
		t.Errorf("prints as %s", got)
	}
	var logged strings.Builder
	textLogger(&logged).Info("configured", "config", cfg, "auth", auth)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("configured", "config", cfg)
	if len(shows(logged.String(), canarySecret, sharedSecret)) > 0 || strings.Contains(logged.String(), "canary-Secret") {
		t.Errorf("the log tells the secret: %s", &logged)
	}
	if got := fmt.Sprint(auth); got != `introspection.ClientAuth(client_secret_post, id "api")` {
		t.Errorf("prints as %s", got)
	}
	if got := fmt.Sprint(introspection.ClientAuth{}); got != `introspection.ClientAuth(unset, id "")` {
		t.Errorf("the zero value prints as %s", got)
	}
}

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

// FuzzConfig gives New whatever there is. It makes a Client that may ask an https server, or this machine, or names the field that is
// wrong, without the client's secret, user information or query.
func FuzzConfig(f *testing.F) {
	f.Add("https://as.example/introspect", "", "api", "pa55word-pa55word", uint8(1), int64(0), 0, 0)
	f.Add("https://user:password@as.example/?x=y", "https://as.example?", "", "", uint8(2), int64(-1), -1, -1)
	f.Add("http://[::1]/", "https://as.example", "a:b", "é\n", uint8(9), int64(time.Hour), 1, 1)
	f.Fuzz(func(t *testing.T, address, issuer, id, secret string, way uint8, timeout int64, inFlight, entries int) {
		cfg := introspection.Config{
			URL: address, Issuer: issuer, HTTPClient: &http.Client{}, Timeout: time.Duration(timeout), MaxInFlight: inFlight, Entries: entries,
		}
		switch way % 6 {
		case 1:
			cfg.ClientAuth = introspection.SecretBasic(id, secret)
		case 2:
			cfg.ClientAuth = introspection.SecretPost(id, secret)
		case 3:
			cfg.ClientAuth = introspection.NoClientAuth()
		case 4:
			cfg.ClientAuth = introspection.TLSClientAuth(id)
		case 5:
			cfg.ClientAuth = introspection.PrivateKeyJWT(id, secret, "ES256", nil)
		}
		if way >= 128 {
			cfg.SignedBy = jwks.NewSet()
		}
		c, err := introspection.New(cfg)
		if (c == nil) == (err == nil) {
			t.Fatalf("New returned %v, %v", c, err)
		}
		if err != nil {
			if text := err.Error(); !strings.HasPrefix(text, "introspection: Config.") {
				t.Errorf("names no field: %q", text)
			}
			if public := address + issuer + id; len(secret) >= 12 && !strings.Contains(public, secret) && strings.Contains(err.Error(), secret) {
				t.Errorf("%v shows the secret", err)
			}
			return
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		u, err := url.Parse(address)
		if err != nil || u.User != nil || u.Hostname() == "" || strings.Contains(address, "#") {
			t.Fatalf("accepted %q", address)
		}
		ip, _ := netip.ParseAddr(u.Hostname())
		if u.Scheme != "https" && (u.Scheme != "http" || !strings.EqualFold(u.Hostname(), "localhost") && !ip.IsLoopback()) {
			t.Fatalf("accepted %q", address)
		}
		if way%6 == 0 || timeout < 0 || inFlight < 0 || entries < 0 || cfg.SignedBy != nil && issuer == "" {
			t.Fatalf("accepted %+v", cfg)
		}
	})
}
