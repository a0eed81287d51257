package bindings_test

import (
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// RFC 8705 section 3.
func TestCertificateBoundTokens(t *testing.T) {
	kit.WithAndWithoutCache(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			name    string
			request *http.Request
			outcome string
		}{
			{"the certificate of the token", kit.OverTLS(kit.CertBoundToken(), kit.ClientCert()), "200"},
			{"another certificate", kit.OverTLS(kit.CertBoundToken(), kit.OtherCert()), kit.BadToken},
			{"the right certificate as somebody's issuer", kit.OverTLS(kit.CertBoundToken(), kit.OtherCert(), kit.ClientCert()), kit.BadToken},
			{"no certificate", kit.OverTLS(kit.CertBoundToken()), kit.BadToken},
			{"no TLS", kit.Bearer(kit.CertBoundToken()), kit.BadToken},
			{"a token that is not bound", kit.OverTLS(kit.Mint(kit.GoodClaims(nil)), kit.ClientCert()), "200"},
		} {
			t.Run(row.name, func(t *testing.T) {
				for range 2 {
					kit.WantServed(t, v.Require(), row.request, row.outcome, map[string]middleware.Reason{kit.BadToken: middleware.ReasonConfirmation}[row.outcome])
				}
			})
		}
	})
}

func TestMTLSRequired(t *testing.T) {
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) { cfg.MTLS.Required = true })
	kit.WantServed(t, v.Require(), kit.OverTLS(kit.CertBoundToken(), kit.ClientCert()), "200", "")
	kit.WantServed(t, v.Require(), kit.OverTLS(kit.Mint(kit.GoodClaims(nil)), kit.ClientCert()), kit.BadToken, middleware.ReasonConfirmation)
	kit.WantServed(t, v.Require(), kit.ProvenRequest(testkit.EdKey()), kit.BadToken, middleware.ReasonConfirmation)
	kit.WantServed(t, kit.NewValidator(t, nil).Require().Bound(), kit.OverTLS(kit.CertBoundToken(), kit.ClientCert()), "200", "")
}

// A real handshake: any certificate is let in, and the middleware compares it.
func TestRequireAnyClientCert(t *testing.T) {
	server := httptest.NewUnstartedServer(kit.NewValidator(t, nil).Require().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	for cert, status := range map[*x509.Certificate]int{kit.ClientCert(): 200, kit.OtherCert(): 401} {
		client := server.Client()
		transport := client.Transport.(*http.Transport).Clone()
		key := map[bool]ed25519.PrivateKey{true: testkit.EdKey(), false: testkit.StrangeKey()}[cert == kit.ClientCert()]
		transport.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
		r := testkit.Must(http.NewRequestWithContext(t.Context(), "GET", server.URL, nil))
		r.Header.Set("Authorization", "Bearer "+kit.CertBoundToken())
		response := testkit.Must((&http.Client{Transport: transport}).Do(r))
		_ = response.Body.Close()
		transport.CloseIdleConnections()
		if response.StatusCode != status {
			t.Errorf("status %d, want %d", response.StatusCode, status)
		}
	}
}

func TestCertificatesFromAProxy(t *testing.T) {
	own, other := kit.ClientCert(), kit.OtherCert()
	hash, cert := "Hash="+kit.HexHash(own), `Cert="`+kit.EscapedPEM(own)+`"`
	for _, group := range []struct {
		field     string
		encoding  middleware.CertificateEncoding
		good, bad map[string][]string
	}{
		{"Client-Cert", middleware.ClientCertField, map[string][]string{"a byte sequence": {kit.CertByteSequence(own)}}, map[string][]string{
			"another certificate":     {kit.CertByteSequence(other)},
			"twice":                   {kit.CertByteSequence(own), kit.CertByteSequence(own)},
			"two in a list":           {kit.CertByteSequence(own) + ", " + kit.CertByteSequence(own)},
			"another one behind":      {kit.CertByteSequence(own), kit.CertByteSequence(other)},
			"nothing":                 {""},
			"no field":                nil,
			"an empty sequence":       {"::"},
			"without colons":          {strings.Trim(kit.CertByteSequence(own), ":")},
			"without its end":         {strings.TrimSuffix(kit.CertByteSequence(own), ":")},
			"one colon":               {":"},
			"with a line break":       {kit.CertByteSequence(own)[:9] + "\n" + kit.CertByteSequence(own)[9:]},
			"escaped PEM":             {kit.EscapedPEM(own)},
			"characters of base64url": {":" + testkit.B64(own.Raw) + "-_:"},
		}},
		{"X-SSL-Client-Cert", middleware.EscapedPEM, map[string][]string{
			"one certificate":                {kit.EscapedPEM(own)},
			"a chain, of which it is first":  {kit.EscapedPEM(own) + kit.EscapedPEM(other)},
			"as AWS load balancers write it": {awsPEM(own) + awsPEM(other)},
		}, map[string][]string{
			"another certificate":                        {kit.EscapedPEM(other)},
			"twice":                                      {kit.EscapedPEM(own), kit.EscapedPEM(own)},
			"a chain, of which it is not first":          {kit.EscapedPEM(other) + kit.EscapedPEM(own)},
			"a chain whose first certificate is broken":  {strings.Replace(kit.EscapedPEM(other), "M", "!", 1) + kit.EscapedPEM(own)},
			"a chain whose first certificate never ends": {kit.EscapedPEM(other)[:80] + kit.EscapedPEM(own)},
			"a chain whose second certificate is broken": {kit.EscapedPEM(own) + kit.EscapedPEM(other)[:80]},
			"text in front of it":                        {"x%0A" + kit.EscapedPEM(own)},
			"an empty certificate in front of it":        {"-----BEGIN%20CERTIFICATE-----%0A-----END%20CERTIFICATE-----%0A" + kit.EscapedPEM(own)},
			"a key in front of it": {
				url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: own.Raw}))) + kit.EscapedPEM(own),
			},
			"a certificate that is said to be a trusted one": {strings.ReplaceAll(kit.EscapedPEM(own), "CERTIFICATE", "TRUSTED%20CERTIFICATE")},
			"text behind it":  {kit.EscapedPEM(own) + "x"},
			"a broken escape": {kit.EscapedPEM(own) + "%"},
			"a key":           {url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: own.Raw})))},
			"no PEM":          {"(null)"},
			"nothing":         {""},
		}},
		{"X-Forwarded-Client-Cert", middleware.ForwardedClientCert, map[string][]string{
			"the hash":              {hash},
			"the certificate":       {cert},
			"both":                  {hash + ";" + cert},
			"names in another case": {"hash=" + kit.HexHash(own)},
			"as Envoy writes it": {
				`By=spiffe://cluster/server;` + hash + `;` + cert + `;Subject="CN=a\,b,O=\"x\";\\";URI=spiffe://a;URI=spiffe://b;DNS=a.ex;DNS=b.ex`,
			},
		}, map[string][]string{
			"another hash":                                     {"Hash=" + kit.HexHash(other)},
			"another certificate":                              {`Cert="` + kit.EscapedPEM(other) + `"`},
			"hash and certificate that differ":                 {hash + `;Cert="` + kit.EscapedPEM(other) + `"`},
			"the other way round":                              {"Hash=" + kit.HexHash(other) + ";" + cert},
			"two hashes":                                       {hash + ";" + hash},
			"two certificates":                                 {cert + ";" + cert},
			"two elements":                                     {hash + "," + hash},
			"an element that a client has sent, in front":      {hash + ",Hash=" + kit.HexHash(other)},
			"two lines":                                        {hash, hash},
			"a hash slipped in by a subject":                   {`Subject="CN=\";` + hash + `;x=\""`},
			"a certificate slipped in by a subject":            {"Hash=" + kit.HexHash(other) + `;Subject="CN=x\";` + cert + `"`},
			"a certificate slipped in by a URI":                {"Hash=" + kit.HexHash(other) + ";URI=x;" + cert},
			"a quote that closes too early":                    {`Subject="x\\"\;` + hash + `;y="`},
			"a quote that never closes":                        {`Subject="x;` + hash},
			"no hash and no certificate":                       {`Subject="CN=x"`},
			"a hash that is too short":                         {hash[:len(hash)-2]},
			"a hash that is no hex":                            {"Hash=" + strings.Repeat("x", 64)},
			"a hash with a good certificate and a broken hash": {"Hash=zz;" + cert},
			"nothing": {""},
		}},
	} {
		v := kit.ProxiedValidator(t, group.field, group.encoding)
		for name, values := range group.good {
			t.Run(group.field+": "+name, func(t *testing.T) {
				for _, peer := range []string{kit.ProxyAddress, "[::ffff:10.1.2.3]:4567", "[fd00::1%eth0]:1"} {
					kit.WantServed(t, v.Require(), kit.FromProxy(peer, group.field, values...), "200", "")
				}
			})
			t.Run(group.field+": "+name+", forged by a direct peer", func(t *testing.T) {
				for _, peer := range []string{"11.1.2.3:4567", "192.0.2.1:1", "", "10.1.2.3", "@", "[::1]:1"} {
					kit.WantServed(t, v.Require(), kit.FromProxy(peer, group.field, values...), kit.BadToken, middleware.ReasonConfirmation)
				}
			})
		}
		for name, values := range group.bad {
			t.Run(group.field+": "+name, func(t *testing.T) {
				kit.WantServed(t, v.Require(), kit.FromProxy(kit.ProxyAddress, group.field, values...), kit.BadToken, middleware.ReasonConfirmation)
			})
		}
	}
}

// One place counts, the configured one.
func TestOnlyOnePlaceForCertificatesCounts(t *testing.T) {
	direct, behind := kit.NewValidator(t, nil).Require(), kit.ProxiedValidator(t, "Client-Cert", middleware.ClientCertField).Require()
	forged := kit.FromProxy(kit.ProxyAddress, "Client-Cert", kit.CertByteSequence(kit.ClientCert()))
	kit.WantServed(t, direct, forged, kit.BadToken, middleware.ReasonConfirmation)
	forged.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{kit.OtherCert()}}
	kit.WantServed(t, direct, forged, kit.BadToken, middleware.ReasonConfirmation)
	kit.WantServed(t, behind, forged, "200", "") // the certificate of TLS is the proxy's own

	bare := kit.OverTLS(kit.CertBoundToken(), kit.ClientCert())
	bare.RemoteAddr = kit.ProxyAddress
	kit.WantServed(t, behind, bare, kit.BadToken, middleware.ReasonConfirmation)
}

// FuzzXFCC writes what an attacker can choose, a name in a certificate, as Envoy writes it. Whatever the name is, it does not
// choose the certificate.
func FuzzXFCC(f *testing.F) {
	guard := kit.ProxiedValidator(f, "X-Forwarded-Client-Cert", middleware.ForwardedClientCert).Require()
	for _, name := range []string{`CN=x`, `";Hash=` + kit.HexHash(kit.ClientCert()) + `;x="`, `\";Cert=`, `x,Hash=` + kit.HexHash(kit.ClientCert()), `\`} {
		f.Add(name, name, false)
		f.Add(name, name, true)
	}
	f.Fuzz(func(t *testing.T, subject, uri string, cert bool) {
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `;`, `\;`, `,`, `\,`).Replace(subject) // RFC 4514 section 2.4
		field := "Hash=" + kit.HexHash(kit.OtherCert())
		if cert {
			field += `;Cert="` + kit.EscapedPEM(kit.OtherCert()) + `"`
		}
		field += `;Subject="` + escaped + `";URI=` + uri
		if got := kit.OutcomeOf(guard, kit.FromProxy(kit.ProxyAddress, "X-Forwarded-Client-Cert", field)); got != kit.BadToken {
			t.Errorf("%s passed: %q", field, got)
		}
	})
}

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

// Whoever gets text of his own into the field must not thereby choose the certificate; what no proxy writes is refused.
func TestForwardedClientCertThatNoProxyWrites(t *testing.T) {
	hash, other := "Hash="+kit.HexHash(kit.ClientCert()), "Hash="+kit.HexHash(kit.OtherCert())
	for name, value := range map[string]string{
		"an element in front, ended by a name":           hash + ";By=a," + other + ";By=b",
		"an element behind, begun by a name":             "By=a," + other + ";" + hash,
		"a hash and more than hex":                       hash + "zz",
		"a hash and half a byte":                         hash + "0",
		"a quote that never closes, behind a hash":       hash + `;Subject="x`,
		"text behind a closing quote":                    hash + `;Subject="x"y`,
		"a second quoted text behind the first":          hash + `;Subject="x""y"`,
		"a quote inside a bare value":                    hash + `;Subject=x"y`,
		"a quote in the place of a name":                 hash + `;"Subject"=x`,
		"a quote at the very beginning":                  `"x";` + hash,
		"a backslash outside quotes":                     hash + `;Subject=x\y`,
		"a backslash that would hide a semicolon":        `Subject=x\;` + hash,
		"a backslash at the end of an unclosed quote":    hash + `;Subject="\`,
		"a comma behind a quoted value":                  hash + `;Subject="x",` + other,
		"a list whose second element is empty":           hash + ",",
		"a list whose first element is empty":            "," + hash,
		"a hash in quotes that close and go on":          `Hash="` + kit.HexHash(kit.ClientCert()) + `"zz`,
		"an escaped quote in front of a quoted hash":     `Subject="\"` + hash + `"`,
		"a hash of the right length in another spelling": "Hash=" + strings.Repeat("g", 64),
	} {
		t.Run(name, func(t *testing.T) {
			guard := kit.ProxiedValidator(t, "X-Forwarded-Client-Cert", middleware.ForwardedClientCert).Require()
			kit.WantServed(t, guard, kit.FromProxy(kit.ProxyAddress, "X-Forwarded-Client-Cert", value), kit.BadToken, middleware.ReasonConfirmation)
		})
	}
}

func TestByteSequenceWithoutItsFirstColon(t *testing.T) {
	guard := kit.ProxiedValidator(t, "Client-Cert", middleware.ClientCertField).Require()
	kit.WantServed(
		t, guard, kit.FromProxy(kit.ProxyAddress, "Client-Cert", kit.CertByteSequence(kit.ClientCert())[1:]), kit.BadToken,
		middleware.ReasonConfirmation,
	)
}

// Quotes stand around a whole value. Elsewhere they would hide what stands between them, such as another Hash.
func TestForwardedClientCertWithQuotesInsideAValue(t *testing.T) {
	guard := kit.ProxiedValidator(t, "X-Forwarded-Client-Cert", middleware.ForwardedClientCert).Require()
	hash := "Hash=" + kit.HexHash(kit.ClientCert())
	for _, value := range []string{hash + `;Subject=x"y"`, `Subject=x";Hash=0;";` + hash, `Subject=x"y";` + hash} {
		kit.WantServed(t, guard, kit.FromProxy(kit.ProxyAddress, "X-Forwarded-Client-Cert", value), kit.BadToken, middleware.ReasonConfirmation)
	}
}
