package configs_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestMistakesAboutBindings(t *testing.T) {
	store := kit.ReplayStoreFunc(func(context.Context, string, time.Time) (bool, error) { return true, nil })
	for _, row := range []struct {
		name   string
		change func(*middleware.Config)
		want   string // of the text; empty: New accepts it
	}{
		{"DPoP alone with its address", func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.DPoP.Required = true }, ""},
		{"required without an address", func(cfg *middleware.Config) { cfg.DPoP.Required = true }, "PublicURL is empty"},
		{"a store without an address", func(cfg *middleware.Config) { cfg.DPoP.Replays = store }, "PublicURL is empty"},
		{"secrets without an address", func(cfg *middleware.Config) { cfg.DPoP.NonceSecrets = [][]byte{kit.NonceSecret(1)} }, "PublicURL is empty"},
		{"a short secret", func(cfg *middleware.Config) {
			kit.SetPublicURL(cfg)
			cfg.DPoP.NonceSecrets = [][]byte{kit.NonceSecret(1), kit.NonceSecret(1)[:31]}
		}, "DPoP.NonceSecrets[1] has 31 bytes"},
		{"an empty secret", func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.DPoP.NonceSecrets = [][]byte{{}} }, "DPoP.NonceSecrets[0] has 0 bytes"},
		{"a negative age", func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.DPoP.MaxAge = -1 }, "DPoP.MaxAge is -1ns"},
		{"an age of five minutes", func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.DPoP.MaxAge = 5 * time.Minute }, ""},
		{"an age beyond five minutes", func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.DPoP.MaxAge = 5*time.Minute + 1 }, "DPoP.MaxAge is 5m0.000000001s"},
		{"an age of proofs without an address", func(cfg *middleware.Config) { cfg.DPoP.MaxAge = time.Minute }, "PublicURL is empty"},
		{"an age of nonces without an address", func(cfg *middleware.Config) { cfg.DPoP.NonceMaxAge = time.Minute }, "PublicURL is empty"},
		{
			"an age of nonces without secrets", func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.DPoP.NonceMaxAge = time.Minute },
			"DPoP.NonceSecrets is empty",
		},
		{"a negative age of nonces", func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.DPoP.NonceMaxAge = -1 }, "DPoP.NonceMaxAge is -1ns"},
		{"an address with a query", func(cfg *middleware.Config) { cfg.PublicURL = "https://api.ex/?a" }, `PublicURL "https://api.ex/?a"`},
		{"an address with a fragment", func(cfg *middleware.Config) { cfg.PublicURL = "https://api.ex/#a" }, `PublicURL "https://api.ex/#a"`},
		{"an address without a scheme", func(cfg *middleware.Config) { cfg.PublicURL = "api.ex" }, `PublicURL "api.ex"`},
		{"an address with a user", func(cfg *middleware.Config) { cfg.PublicURL = "https://u@api.ex" }, `PublicURL "https://xxxxx@api.ex"`},
		{"an address with two ports", func(cfg *middleware.Config) { cfg.PublicURL = "https://api.ex:1:2" }, `PublicURL "https://api.ex:1:2"`},
		{
			"proofs of plain http", func(cfg *middleware.Config) { kit.SetFAPI2(nil)(cfg); cfg.PublicURL = "http://api.example.com" },
			`PublicURL "http://api.example.com": FAPI2 wants https`,
		},
		{"proofs of plain http on this machine", func(cfg *middleware.Config) { kit.SetFAPI2(nil)(cfg); cfg.PublicURL = "http://localhost:8080" }, ""},
		{"proofs of plain http on this machine by address", func(cfg *middleware.Config) { kit.SetFAPI2(nil)(cfg); cfg.PublicURL = "http://[::1]:8080" }, ""},
		{
			"plain http for another machine by address",
			func(cfg *middleware.Config) { kit.SetFAPI2(nil)(cfg); cfg.PublicURL = "http://192.0.2.1" }, "FAPI2 wants https",
		},
		{
			"plain http for a name below localhost",
			func(cfg *middleware.Config) { kit.SetFAPI2(nil)(cfg); cfg.PublicURL = "http://api.localhost" }, "FAPI2 wants https",
		},
		{"a field without proxies", func(cfg *middleware.Config) { cfg.MTLS.Header = "Client-Cert" }, "MTLS.TrustedProxies is empty"},
		{"proxies without a field", func(cfg *middleware.Config) {
			cfg.MTLS.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}, "MTLS.Header is empty"},
		{"an encoding without a field", func(cfg *middleware.Config) { cfg.MTLS.Encoding = middleware.EscapedPEM }, "MTLS.Header is empty"},
		{"a field that is none", func(cfg *middleware.Config) { cfg.MTLS.Header = "Client Cert" }, `MTLS.Header "Client Cert"`},
		{"an encoding that is none", func(cfg *middleware.Config) { cfg.MTLS.Encoding = 5 }, "MTLS.Encoding is 5"},
		{"a negative encoding", func(cfg *middleware.Config) { cfg.MTLS.Encoding = -1 }, "MTLS.Encoding is -1"},
		{"a negative element", func(cfg *middleware.Config) {
			cfg.MTLS = proxied(middleware.ForwardedClientCert, -1)
		}, "MTLS.Element is -1: count the proxies"},
		{"an element beyond all proxies", func(cfg *middleware.Config) {
			cfg.MTLS = proxied(middleware.ForwardedClientCert, 17)
		}, "MTLS.Element is 17: count the proxies"},
		{"the last element that there may be", func(cfg *middleware.Config) { cfg.MTLS = proxied(middleware.ForwardedClientCert, 16) }, ""},
		{"an element of what has none", func(cfg *middleware.Config) {
			cfg.MTLS = proxied(middleware.EscapedPEM, 2)
		}, "MTLS.Element is 2, but only ForwardedClientCert has elements"},
		{"a prefix that is none", func(cfg *middleware.Config) {
			cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{{}}}
		}, "MTLS.TrustedProxies[0]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := kit.Config()
			row.change(&cfg)
			_, err := middleware.New(cfg)
			if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
				t.Errorf("New: %v, want %q", err, row.want)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "middleware: ") {
				t.Errorf("New: %v", err)
			}
		})
	}
}

// A proxy whose word about certificates counts is somebody in particular.
func TestTrustedProxies(t *testing.T) {
	const anybody, mixed = "from where anybody could send a certificate", "in which the IPv4 addresses would match no peer"
	for _, row := range []struct{ name, prefix, want string }{
		{"all of IPv4", "0.0.0.0/0", anybody},
		{"half of IPv4", "128.0.0.0/1", anybody},
		{"more than any network of IPv4", "10.0.0.0/7", anybody},
		{"all of IPv6", "::/0", anybody},
		{"all of IPv6 that is assigned", "2000::/3", anybody},
		{"more than any network of IPv6", "2a00::/15", anybody},
		{"unique local addresses, and others", "fc00::/6", anybody},
		{"link-local addresses, and others", "fe80::/9", anybody},
		{"all of IPv4 inside IPv6", "::ffff:0:0/96", "is ::ffff:0.0.0.0/96, which is IPv4 inside IPv6 and would match no peer: write 0.0.0.0/0"},
		{"a network of IPv4 inside IPv6", "::ffff:10.1.2.3/104", "is ::ffff:10.1.2.3/104, which is IPv4 inside IPv6 and would match no peer: write 10.0.0.0/8"},
		{"one address of IPv4 inside IPv6", "::ffff:10.1.2.3/128", "write 10.1.2.3/32"},
		{"a network of IPv6 that holds all of IPv4", "::/64", mixed},
		{"the same, one address of it named", "::ffff:10.1.2.3/80", mixed},

		{"a private network of IPv4", "10.0.0.0/8", ""},
		{"one address", "192.0.2.1/32", ""},
		{"a large network of IPv6", "2a00::/16", ""},
		{"unique local addresses", "fc00::/7", ""},
		{"link-local addresses", "fe80::/10", ""},
		{"this machine", "::1/128", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := kit.Config()
			cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix(row.prefix)}}
			_, err := middleware.New(cfg)
			if row.want == "" && err != nil {
				t.Errorf("New: %v", err)
			}
			if row.want != "" && (err == nil || !strings.HasPrefix(
				err.Error(), "middleware: MTLS.TrustedProxies[1] is ",
			) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n")) {
				t.Errorf("New: %v, want %q", err, row.want)
			}
		})
	}
}

// A mistake about a secret says nothing of the secret.
func TestMistakesDoNotTellSecrets(t *testing.T) {
	cfg := kit.Config()
	kit.SetPublicURL(&cfg)
	cfg.DPoP.NonceSecrets = [][]byte{[]byte("hunter2")}
	if _, err := middleware.New(cfg); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New: %v", err)
	}
}

func TestNonceSecretsWithAMaxAge(t *testing.T) {
	kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.PublicURL = testkit.Audience
		cfg.DPoP.NonceSecrets, cfg.DPoP.NonceMaxAge = [][]byte{[]byte(strings.Repeat("s", 32))}, time.Minute
	})
}

func proxied(encoding middleware.CertificateEncoding, element int) middleware.MTLS {
	return middleware.MTLS{
		Header:         "X-Forwarded-Client-Cert",
		Encoding:       encoding,
		Element:        element,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}
}
