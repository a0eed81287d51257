package introspection_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

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
