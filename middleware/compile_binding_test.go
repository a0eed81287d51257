package middleware_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

func TestMistakesAboutBindings(t *testing.T) {
	store := middleware.NewReplays(time.Now)
	for _, row := range []struct {
		name   string
		change func(*middleware.Config)
		want   string // of the text; empty: New accepts it
	}{
		{"DPoP alone with its address", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.Required = true }, ""},
		{"required without an address", func(cfg *middleware.Config) { cfg.DPoP.Required = true }, "PublicURL is empty"},
		{"a store without an address", func(cfg *middleware.Config) { cfg.DPoP.Replays = store }, "PublicURL is empty"},
		{"secrets without an address", func(cfg *middleware.Config) { cfg.DPoP.NonceSecrets = [][]byte{secret(1)} }, "PublicURL is empty"},
		{"a short secret", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.NonceSecrets = [][]byte{secret(1), secret(1)[:31]} }, "DPoP.NonceSecrets[1] has 31 bytes"},
		{"an empty secret", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.NonceSecrets = [][]byte{{}} }, "DPoP.NonceSecrets[0] has 0 bytes"},
		{"a negative age", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.MaxAge = -1 }, "DPoP.MaxAge is -1ns"},
		{"an age of five minutes", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.MaxAge = 5 * time.Minute }, ""},
		{"an age beyond five minutes", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.MaxAge = 5*time.Minute + 1 }, "DPoP.MaxAge is 5m0.000000001s"},
		{"an age of proofs without an address", func(cfg *middleware.Config) { cfg.DPoP.MaxAge = time.Minute }, "PublicURL is empty"},
		{"an age of nonces without an address", func(cfg *middleware.Config) { cfg.DPoP.NonceMaxAge = time.Minute }, "PublicURL is empty"},
		{"an age of nonces without secrets", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.NonceMaxAge = time.Minute }, "DPoP.NonceSecrets is empty"},
		{"a negative age of nonces", func(cfg *middleware.Config) { public(cfg); cfg.DPoP.NonceMaxAge = -1 }, "DPoP.NonceMaxAge is -1ns"},
		{"an address with a query", func(cfg *middleware.Config) { cfg.PublicURL = "https://api.ex/?a" }, `PublicURL "https://api.ex/?a"`},
		{"an address with a fragment", func(cfg *middleware.Config) { cfg.PublicURL = "https://api.ex/#a" }, `PublicURL "https://api.ex/#a"`},
		{"an address without a scheme", func(cfg *middleware.Config) { cfg.PublicURL = "api.ex" }, `PublicURL "api.ex"`},
		{"an address with a user", func(cfg *middleware.Config) { cfg.PublicURL = "https://u@api.ex" }, `PublicURL "https://xxxxx@api.ex"`},
		{"an address with two ports", func(cfg *middleware.Config) { cfg.PublicURL = "https://api.ex:1:2" }, `PublicURL "https://api.ex:1:2"`},
		{"a field without proxies", func(cfg *middleware.Config) { cfg.MTLS.Header = "Client-Cert" }, "MTLS.TrustedProxies is empty"},
		{"proxies without a field", func(cfg *middleware.Config) {
			cfg.MTLS.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}, "MTLS.Header is empty"},
		{"an encoding without a field", func(cfg *middleware.Config) { cfg.MTLS.Encoding = middleware.EscapedPEM }, "MTLS.Header is empty"},
		{"a field that is none", func(cfg *middleware.Config) { cfg.MTLS.Header = "Client Cert" }, `MTLS.Header "Client Cert"`},
		{"an encoding that is none", func(cfg *middleware.Config) { cfg.MTLS.Encoding = 3 }, "MTLS.Encoding is 3"},
		{"a negative encoding", func(cfg *middleware.Config) { cfg.MTLS.Encoding = -1 }, "MTLS.Encoding is -1"},
		{"a prefix that is none", func(cfg *middleware.Config) {
			cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{{}}}
		}, "MTLS.TrustedProxies[0]"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := config()
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

// A mistake about a secret says nothing of the secret.
func TestMistakesDoNotTellSecrets(t *testing.T) {
	cfg := config()
	public(&cfg)
	cfg.DPoP.NonceSecrets = [][]byte{[]byte("hunter2")}
	if _, err := middleware.New(cfg); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New: %v", err)
	}
}
