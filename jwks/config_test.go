package jwks_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const good = "https://issuer.example"
	for _, row := range []struct {
		what string
		cfg  jwks.Config
		says []string
	}{
		{"nothing", jwks.Config{}, []string{"neither URL nor Issuer"}},
		{"two places", jwks.Config{URL: good, Issuer: good}, []string{"both URL and Issuer"}},
		{"plain http", jwks.Config{URL: "http://issuer.example/keys"}, []string{`Config.URL "http://issuer.example/keys"`, "must begin with https://"}},
		{"plain http for an issuer", jwks.Config{Issuer: "http://issuer.example"}, []string{"Config.Issuer", "must begin with https://"}},
		{"a name that only begins like this machine", jwks.Config{URL: "http://localhost.attacker.example"}, []string{"must begin with https://"}},
		{"this machine with a long s", jwks.Config{URL: "http://localho\u017ft/"}, []string{"must begin with https://"}},
		{
			"a host with the Kelvin sign", jwks.Config{URL: "http://\u212aeycloak:8080/", DangerouslyAllowHTTP: []string{"keycloak:8080"}},
			[]string{"must begin with https://"},
		},
		{"a name below localhost", jwks.Config{URL: "http://a.localhost"}, []string{"must begin with https://"}},
		{"a private address", jwks.Config{URL: "http://10.0.0.1"}, []string{"must begin with https://"}},
		{"the address of cloud metadata", jwks.Config{URL: "http://169.254.169.254"}, []string{"must begin with https://"}},
		{
			"an issuer that is a name", jwks.Config{Issuer: "P2abc"},
			[]string{`Config.Issuer "P2abc"`, "must begin with https://", "say where the keys are (URL, or JWKSURI"},
		},
		{"an issuer that is a host", jwks.Config{Issuer: "accounts.google.com"}, []string{"must begin with https://", "JWKSURI"}},
		{"a file", jwks.Config{URL: "file:///etc/passwd"}, []string{"must begin with https://"}},
		{"no scheme", jwks.Config{URL: "issuer.example/keys"}, []string{"must begin with https://"}},
		{"no host", jwks.Config{URL: "https:///keys"}, []string{"no host"}},
		{"a port without a host", jwks.Config{URL: "https://:443/keys"}, []string{"no host"}},
		{"opaque", jwks.Config{URL: "https:issuer.example"}, []string{"no host"}},
		{"a password", jwks.Config{URL: "https://me:hunter2@issuer.example"}, []string{"user name or password"}},
		{"a fragment", jwks.Config{URL: good + "#keys"}, []string{"fragment"}},
		{"an empty fragment", jwks.Config{Issuer: good + "#"}, []string{"fragment"}},
		{"an issuer with a query", jwks.Config{Issuer: good + "?a=b"}, []string{"query"}},
		{"an issuer with an empty query", jwks.Config{Issuer: good + "?"}, []string{"query"}},
		{"no URL at all", jwks.Config{URL: "https://issuer.example/%zz"}, []string{"no URL"}},
		{
			"plain http for a host, and another port is named",
			jwks.Config{URL: "http://keycloak:8080/keys", DangerouslyAllowHTTP: []string{"keycloak:8081"}},
			[]string{"must begin with https://", "DangerouslyAllowHTTP"},
		},
		{
			"plain http for a host, and another name is named",
			jwks.Config{Issuer: "http://a.keycloak:8080", DangerouslyAllowHTTP: []string{"keycloak:8080"}},
			[]string{"must begin with https://"},
		},
		{
			"plain http on port 80, and another port is named",
			jwks.Config{URL: "http://keycloak/keys", DangerouslyAllowHTTP: []string{"keycloak:8080"}},
			[]string{"must begin with https://"},
		},
		{
			"a host without its port", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"keycloak"}},
			[]string{`Config.DangerouslyAllowHTTP "keycloak"`, "it must name the port"},
		},
		{"an empty host", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{""}}, []string{`Config.DangerouslyAllowHTTP ""`}},
		{"a port without a host", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{":8080"}}, []string{"a host and a port"}},
		{"port 0", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"keycloak:0"}}, []string{"it must name the port"}},
		{"a port beyond the last", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"keycloak:65536"}}, []string{"it must name the port"}},
		{"a port in another spelling", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"keycloak:08080"}}, []string{"it must name the port"}},
		{"a wildcard", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"*:8080"}}, []string{"no wildcards"}},
		{"a wildcard below a domain", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"*.internal:8080"}}, []string{"no wildcards"}},
		{"a whole address", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"http://keycloak:8080"}}, []string{"a host and a port"}},
		{"what is no host", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"key cloak:8080"}}, []string{"a host and a port"}},
		{"a path", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"keycloak:8080/keys"}}, []string{"a host and a port"}},
		{"a user", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"me@keycloak:8080"}}, []string{"a host and a port"}},
		{
			"one good host and two bad ones", jwks.Config{URL: good, DangerouslyAllowHTTP: []string{"a", "keycloak:8080", "b"}},
			[]string{`DangerouslyAllowHTTP "a"`, `DangerouslyAllowHTTP "b"`},
		},
		{"another scheme", jwks.Config{URL: "ftp://keycloak:8080", DangerouslyAllowHTTP: []string{"keycloak:8080"}}, []string{"must begin with https://"}},
		{"a negative time", jwks.Config{URL: good, Refresh: -1}, []string{"Config.Refresh is -1ns"}},
		{"a time without a unit", jwks.Config{URL: good, Cooldown: 30}, []string{"Config.Cooldown is 30ns", "with its unit"}},
		{
			"keys that die before they are fetched again", jwks.Config{URL: good, Refresh: time.Hour, MaxStale: time.Minute},
			[]string{"Config.MaxStale 1m0s is shorter than Refresh 1h0m0s"},
		},
		{"several mistakes at once", jwks.Config{URL: "ftp://x", Refresh: -1, MaxStale: 5}, []string{"Config.URL", "Config.Refresh", "Config.MaxStale"}},
	} {
		cache, err := jwks.New(row.cfg)
		for _, says := range row.says {
			if cache != nil || err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want an error with %q", row.what, err, says)
			}
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error shows the password: %v", row.what, err)
		}
	}
}

func TestNewAccepts(t *testing.T) {
	t.Parallel()
	for _, cfg := range []jwks.Config{
		{URL: "https://issuer.example/keys?tenant=a"},
		{Issuer: "https://issuer.example/tenant/"},
		{URL: "http://127.0.0.1:8080/keys"},
		{URL: "http://127.9.9.9/keys"},
		{URL: "http://[::1]:8080/keys"},
		{Issuer: "http://LOCALHOST:8080"},
		{URL: "http://keycloak:8080/keys", DangerouslyAllowHTTP: []string{"other:1", "keycloak:8080"}},
		{Issuer: "http://Keycloak:8080/realms/main", DangerouslyAllowHTTP: []string{"keycloak:8080"}},
		{URL: "http://keycloak/keys", DangerouslyAllowHTTP: []string{"keycloak:80"}},
		{URL: "http://[fd00::1]:8080/keys", DangerouslyAllowHTTP: []string{"[fd00::1]:8080"}},
		{URL: "https://issuer.example/keys", DangerouslyAllowHTTP: []string{"keycloak:8080"}},
		{URL: "https://issuer.example", MaxStale: -1},
		{URL: "https://issuer.example", MaxStale: 30 * time.Second},
		{URL: "https://issuer.example", Refresh: 48 * time.Hour},
	} {
		cache, err := jwks.New(cfg)
		if err != nil {
			t.Errorf("%s%s: %v", cfg.URL, cfg.Issuer, err)
			continue
		}
		if s := cache.Status(); !s.NextRefresh.IsZero() || !s.LoadedAt.IsZero() || s.LastError != nil {
			t.Errorf("%s%s: New has done something: %+v", cfg.URL, cfg.Issuer, s)
		}
		_ = cache.Close()
	}
}

func TestPlainHTTPIsToldOnce(t *testing.T) {
	t.Parallel()
	for address, lines := range map[string]int{
		"http://keycloak:8080/keys": 1, "https://keycloak:8080/keys": 0, "http://127.0.0.1:8080/keys": 0, "http://localhost/keys": 0,
	} {
		var log record
		cache, err := jwks.New(jwks.Config{
			URL: address, DangerouslyAllowHTTP: []string{"keycloak:8080"}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		_ = cache.Close()
		if n := strings.Count(log.String(), "level=WARN"); n != lines || n > 0 && !strings.Contains(log.String(), "host=keycloak:8080") {
			t.Errorf("%s: %d warnings, want %d: %s", address, n, lines, &log)
		}
	}
}

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
