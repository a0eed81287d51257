package attacks_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// What proxies and frameworks around others let through. Each test is named by what must not happen.

// CVE-2025-64484, CVE-2026-54763, CVE-2026-52845: a field of another spelling, which a proxy did not strip, counted as the real one.
func TestUnderscoresAreNotHyphens(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(nil))
	bound := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	certBound := kit.CertBoundToken()
	pem := kit.CertByteSequence(kit.ClientCert())
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Access-Token")}
		cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	})
	proof := testkit.Proof{Key: testkit.EdKey(), Token: bound}.String()
	for _, row := range []struct {
		name    string
		right   string // the field as it must be spelt
		header  http.Header
		outcome string // with any other spelling
	}{
		{"a token", "X-Access-Token", kit.Fields("X-Access-Token", token), "401"},
		{"a certificate", "Client-Cert", kit.Fields("Client-Cert", pem, "Authorization", "Bearer "+certBound), kit.BadToken},
		{"a proof", "Dpop", kit.Fields("Dpop", proof, "Authorization", "DPoP "+bound), kit.BadProof},
	} {
		value := row.header.Get(row.right)
		for _, spelling := range []string{
			strings.ReplaceAll(row.right, "-", "_"), strings.ToUpper(
				strings.ReplaceAll(row.right, "-", "_"),
			), strings.ReplaceAll(row.right, "-", "."), strings.ReplaceAll(row.right, "-", ""),
			row.right + "_", row.right + "-", "_" + row.right, "HTTP_" + row.right, "X-" + row.right, "D_pop",
		} {
			if http.CanonicalHeaderKey(spelling) == row.right {
				continue
			}
			header := row.header.Clone()
			header.Del(row.right)
			header[spelling] = []string{value} // as it came, and
			r := kit.Request("GET", header)
			r.RemoteAddr = kit.ProxyAddress
			if got := kit.OutcomeOf(v.Require(), r); got != row.outcome {
				t.Errorf("%s in %s: outcome is %q, want %q", row.name, spelling, got, row.outcome)
			}
			wire := append(lines(row.header, row.right), spelling+": "+value) // as net/http reads it
			r = kit.ParseRequest(t, append([]string{"GET /orders HTTP/1.1", "Host: api.example.com"}, wire...)...)
			r.RemoteAddr = kit.ProxyAddress
			if got := kit.OutcomeOf(v.Require(), r); got != row.outcome {
				t.Errorf("%s in %s, on the wire: outcome is %q, want %q", row.name, spelling, got, row.outcome)
			}
		}
		r := kit.Request("GET", row.header)
		r.RemoteAddr = kit.ProxyAddress
		if got := kit.OutcomeOf(v.Require(), r); got != "200" {
			t.Errorf("%s in %s: outcome is %q, so the test shows nothing", row.name, row.right, got)
		}
	}
}

// lines writes a header without one field.
func lines(h http.Header, without string) (wire []string) {
	for name, values := range h {
		for _, value := range values {
			if name != without {
				wire = append(wire, name+": "+value)
			}
		}
	}
	return wire
}

// CVE-2026-30851, CVE-2026-33495, CVE-2026-40575, CVE-2026-34457, CVE-2026-35051, CVE-2026-39858, CVE-2026-54764: what a client wrote into a
// field of proxies, or called itself, opened the door.
func TestWhatAClientSaysOfItselfOpensNothing(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.MTLS = middleware.MTLS{
			Header: "X-Forwarded-Client-Cert", Encoding: middleware.ForwardedClientCert,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		}
	})
	for _, field := range []string{
		"User-Agent: kube-probe/1.31", "User-Agent: GoogleHC/1.0", "User-Agent: ELB-HealthChecker/2.0", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-For: 10.0.0.1", "X-Real-Ip: 10.0.0.1", "Forwarded: for=10.0.0.1",
		"X-Forwarded-User: admin", "X-Auth-Request-User: admin", "X-Auth-Subject: admin", "X-Forwarded-Uri: /health", "X-Original-Url: /health", "X-Rewrite-Url: /health", "X-Forwarded-Path: /health",
		"X-Http-Method-Override: OPTIONS", "X-Forwarded-Method: OPTIONS", "X-Envoy-Internal: true", "X-Internal: 1", "Upgrade: websocket",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "HEAD", "TRACE", "PROPFIND"} {
			r := kit.ParseRequest(t, method+" /health HTTP/1.1", "Host: localhost", field)
			r.RemoteAddr = "192.0.2.1:4711"
			if got := kit.OutcomeOf(v.Require(), r); got != "401" {
				t.Errorf("%s, %s: outcome is %q, want 401", method, field, got)
			}
		}
	}
	certificate := fmt.Sprintf(`Cert="%s"`, kit.EscapedPEM(kit.ClientCert()))
	for _, spoof := range []string{"X-Forwarded-For: 10.0.0.1", "X-Real-Ip: 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Forwarded-Proto: https", "Via: 1.1 proxy"} {
		r := kit.ParseRequest(
			t, "GET /orders HTTP/1.1", "Host: api.example.com", "Authorization: Bearer "+kit.CertBoundToken(),
			"X-Forwarded-Client-Cert: "+certificate, spoof,
		)
		r.RemoteAddr = "192.0.2.1:4711" // no proxy of ours
		if got := kit.OutcomeOf(v.Require(), r); got != kit.BadToken {
			t.Errorf("%s: outcome is %q", spoof, got)
		}
		r.RemoteAddr = kit.ProxyAddress
		if got := kit.OutcomeOf(v.Require(), r); got != "200" {
			t.Errorf("from the proxy: outcome is %q, so the test shows nothing", got)
		}
	}
}

// CVE-2024-45410, CVE-2026-29054, GHSA-w9mr-28mw-j8hg: a client named fields in Connection, and proxies removed what they had verified. A field
// that is gone refuses the request; one that is there counts, whatever Connection says.
func TestConnectionFieldRemovesNoCheck(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.MTLS = middleware.MTLS{Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Access-Token")}
	})
	token, bound := kit.Mint(kit.GoodClaims(nil)), kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	cert := "Client-Cert: " + kit.CertByteSequence(kit.ClientCert())
	for _, named := range []string{"close", "authorization", "Authorization, DPoP", "client-cert, dpop, x-access-token", "keep-alive, Client-Cert", "upgrade"} {
		for _, row := range []struct {
			name, outcome string
			wire          []string
		}{
			{"no token", "401", nil},
			{"a token", "200", []string{"Authorization: Bearer " + token}},
			{"an expired token", kit.BadToken, []string{"Authorization: Bearer " + kit.Mint(kit.GoodClaims(kit.Claims{"exp": 1}))}},
			{"two tokens", "400 invalid_request", []string{"Authorization: Bearer " + token, "X-Access-Token: " + token}},
			{"a bound token without its proof", kit.BadProof, []string{"Authorization: DPoP " + bound}},
			{"a bound token without its certificate", kit.BadToken, []string{"Authorization: Bearer " + kit.CertBoundToken()}},
			{"a bound token with its certificate", "200", []string{"Authorization: Bearer " + kit.CertBoundToken(), cert}},
		} {
			r := kit.ParseRequest(t, append([]string{"GET /orders HTTP/1.1", "Host: api.example.com", "Connection: " + named}, row.wire...)...)
			r.RemoteAddr = kit.ProxyAddress
			if got := kit.OutcomeOf(v.Require(), r); got != row.outcome {
				t.Errorf("Connection: %s, %s: outcome is %q, want %q", named, row.name, got, row.outcome)
			}
		}
	}
}

// CVE-2025-54576, CVE-2026-41059, CVE-2026-33494, CVE-2023-47106, CVE-2025-66490, CVE-2026-40912, CVE-2026-33186, GHSA-hrxh-6v49-42gf: a path that
// two readers read differently slipped past a rule about paths. Here a Guard knows no paths, so none of them changes its mind.
func TestNoPathOpensAGuard(t *testing.T) {
	v := kit.NewValidator(t, nil)
	token := kit.Mint(kit.GoodClaims(nil))
	for _, target := range []string{
		"/health", "/orders/../health", "/orders/%2e%2e/health", "/orders%2f..%2fhealth", "//health", "/./health", "/health;/orders", "/health%00", "/health%23/orders", "/health?x=/orders", "/HEALTH", "/orders/", "*",
		"", "orders", "health", "orders.Service/List", "/grpc.health.v1.Health/Check", "grpc.health.v1.Health/Check", "/", "//", "/orders\\..\\health", "http://other.example/health", "/\u202ehtlaeh", strings.Repeat(
			"/a", 9000,
		),
	} {
		for _, method := range []string{"GET", "OPTIONS", "CONNECT", "", "get"} {
			call := middleware.Credentials{Header: http.Header{}, Method: method, Target: target}
			if _, err := v.Require().Authorize(t.Context(), call); kit.ReasonIn(err) != middleware.ReasonNoToken {
				t.Errorf("%s %.40q without a token: %v", method, target, err)
			}
			call.Header = kit.Fields("Authorization", "Bearer "+token)
			if _, err := v.Require("admin").Authorize(t.Context(), call); kit.ReasonIn(err) != middleware.ReasonScope {
				t.Errorf("%s %.40q without the scope: %v", method, target, err)
			}
			if _, err := v.Require("read").Authorize(t.Context(), call); err != nil {
				t.Errorf("%s %.40q with a good token: %v", method, target, err)
			}
		}
	}
}

// CVE-2026-58425: an answer that says no counted as one.
func TestInactiveAnswerIsNoToken(t *testing.T) {
	for name, answer := range map[string]kit.Claims{
		"alone":                    {"active": false},
		"with everything it needs": kit.ActiveAnswer(kit.Claims{"active": false}),
	} {
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = kit.Answering(answer) })
		t.Run(name, func(t *testing.T) { kit.WantRefused(t, v, kit.OpaqueToken, kit.BadToken, middleware.ReasonInactive) })
	}
}

// CVE-2025-53864, CVE-2025-30204: what is nested deeply, or split often, cost stack and memory. Beyond what the length allows, too.
func TestDeepClaimsAreRefusedCheaply(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.MaxTokenBytes = 1 << 20 })
	for name, payload := range map[string]string{
		"20 000 lists":   `{"a":` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`,
		"20 000 objects": strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000),
		"an open list":   `{"a":` + strings.Repeat("[", 100_000),
	} {
		token := kit.MintText(payload)
		kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonMalformed)
		guard := v.Require()
		call := middleware.Credentials{Header: kit.Fields("Authorization", "Bearer "+token), Method: "GET", Target: "/"}
		if n := testing.AllocsPerRun(5, func() { _, _ = guard.Authorize(context.Background(), call) }); n > 40 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
