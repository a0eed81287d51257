package jwks_test

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

// FuzzConfig gives New whatever there is. It makes a Cache that may fetch from an https server, or this machine, or names the field
// that is wrong, without user information or query.
func FuzzConfig(f *testing.F) {
	f.Add("https://issuer.example/keys?tenant=1", "", int64(0), int64(0), int64(0))
	f.Add("", "https://issuer.example/a", int64(time.Minute), int64(time.Second), int64(-1))
	f.Add("https://user:password@issuer.example/", "", int64(0), int64(0), int64(0))
	f.Add("https://issuer.example/", "", int64(-1), int64(1), int64(time.Second))
	f.Add("http://127.0.0.1:1/", "http://localhost.evil.example/", int64(0), int64(0), int64(0))
	f.Add("", "http://[::1]#", int64(time.Hour), int64(0), int64(time.Minute))
	f.Fuzz(func(t *testing.T, address, issuer string, refresh, cooldown, stale int64) {
		c, err := jwks.New(jwks.Config{
			URL: address, Issuer: issuer, HTTPClient: &http.Client{}, Refresh: time.Duration(refresh), Cooldown: time.Duration(cooldown), MaxStale: time.Duration(stale),
		})
		if (c == nil) == (err == nil) {
			t.Fatalf("New returned %v, %v", c, err)
		}
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "jwks: Config") {
					t.Errorf("names no field: %q", line)
				}
			}
			for _, text := range []string{address, issuer} {
				wantNoSecret(t, err, text)
			}
			return
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		source := address + issuer // one of them is empty
		u, err := url.Parse(source)
		if address != "" && issuer != "" || err != nil || u.User != nil || u.Hostname() == "" || strings.Contains(source, "#") {
			t.Fatalf("accepted %q and %q", address, issuer)
		}
		ip, _ := netip.ParseAddr(u.Hostname())
		if u.Scheme != "https" && (u.Scheme != "http" || !strings.EqualFold(u.Hostname(), "localhost") && !ip.IsLoopback()) {
			t.Fatalf("accepted %q", source)
		}
		if refresh < 0 || cooldown < 0 || stale > 0 && refresh > stale {
			t.Fatalf("accepted the times %v, %v and %v", time.Duration(refresh), time.Duration(cooldown), time.Duration(stale))
		}
	})
}

// wantNoSecret wants an error to repeat neither the password nor the query of an address.
func wantNoSecret(t *testing.T, err error, address string) {
	t.Helper()
	u, problem := url.Parse(address)
	if problem != nil {
		return
	}
	password, _ := u.User.Password()
	for _, secret := range []string{password, u.RawQuery} {
		if public := u.Host + u.Path + " " + u.Fragment; len(secret) >= 12 && !strings.Contains(public, secret) && strings.Contains(err.Error(), secret) {
			t.Errorf("%v shows %q", err, secret)
		}
	}
}
