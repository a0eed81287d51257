package configs_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// A field that means something else is no place for a token, however it is spelled.
func TestFieldsThatHoldNoToken(t *testing.T) {
	for _, name := range []string{
		"authorization", "proxy-authorization", "Proxy-Authenticate", "WWW-Authenticate", "DPoP", "DPoP-Nonce", "cookie", "Set-Cookie",
		"Host", "Origin", "Referer", "User-Agent", "Forwarded", "Via", "X-Real-IP",
		"X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Method",
		"X-Forwarded-User", "X-Forwarded-Email", "X-Original-URL", "X-HTTP-Method-Override",
		"Connection", "Keep-Alive", "Upgrade", "TE", "Trailer", "Transfer-Encoding", "Expect",
		"Accept", "Accept-Encoding", "Accept-Language", "Range", "Cache-Control", "Traceparent", "Tracestate", "X-Request-Id",
		"Content-Type", "Content-Length", "If-Match", "Access-Control-Request-Method", "Sec-Fetch-Site", "Sec-WebSocket-Key", "Sec-Ch-Ua",
		"Client-Cert", "Client-Cert-Chain", "X-Forwarded-Client-Cert", "X-Forwarded-Tls-Client-Cert",
	} {
		cfg := kit.Config()
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token"), middleware.FromHeader(name)}
		if _, err := middleware.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "middleware: TokenSources[1]: the ") {
			t.Errorf("a token in the field %s: %v", name, err)
		}
		cfg = kit.Config()
		cfg.MTLS = middleware.MTLS{Header: name, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		if _, err := middleware.New(cfg); (err == nil) != strings.Contains(name, "Client-Cert") {
			t.Errorf("a certificate in the field %s: %v", name, err)
		}
	}
	for _, name := range []string{
		"Cf-Access-Jwt-Assertion", "X-Forwarded-Access-Token", "X-Forwarded-Authorization", "X-Amzn-Oidc-Accesstoken", "X-Goog-Iap-Jwt-Assertion",
		"X-Auth-Token", "Sec-WebSocket-Protocol", "Second-Token", "Content",
	} {
		cfg := kit.Config()
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader(name)}
		if _, err := middleware.New(cfg); err != nil {
			t.Errorf("a token in the field %s: %v", name, err)
		}
	}
}

func TestFieldsThatHoldNoCertificate(t *testing.T) {
	for name, want := range map[string]string{
		"Authorization":            "middleware: MTLS.Header Authorization has another meaning: name the field in which the proxy passes the certificate on",
		"dpop":                     "middleware: MTLS.Header Dpop has another meaning: name the field in which the proxy passes the certificate on",
		"X-Forwarded-For":          "middleware: MTLS.Header X-Forwarded-For has another meaning: name the field in which the proxy passes the certificate on",
		"x-token":                  "middleware: MTLS.Header X-Token is among the TokenSources too: a field holds a certificate or a token",
		"Client-Cert":              "",
		"X-Forwarded-Client-Cert":  "",
		"X-Amzn-Mtls-Clientcert":   "",
		"Ssl-Client-Cert":          "",
		"X-Ssl-Client-Certificate": "",
	} {
		cfg := kit.Config()
		cfg.MTLS = middleware.MTLS{Header: name, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token")}
		_, err := middleware.New(cfg)
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("a certificate in the field %s: %v, want %q", name, err, want)
		}
	}
}
