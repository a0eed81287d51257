package middleware_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// certificate makes a self-signed client certificate (RFC 8705 section 2.2).
func certificate(key ed25519.PrivateKey) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour)}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
}

var (
	ownCert   = sync.OnceValue(func() *x509.Certificate { return certificate(edKey()) })
	otherCert = sync.OnceValue(func() *x509.Certificate { return certificate(strangeKey()) })
)

func x5tOf(c *x509.Certificate) string {
	digest := sha256.Sum256(c.Raw)
	return b64(digest[:])
}

// certBound is the token of the client with ownCert.
func certBound() string { return mint(good(claims{"cnf": claims{"x5t#S256": x5tOf(ownCert())}})) }

// overTLS sends a token over a connection whose client has shown these certificates.
func overTLS(token string, chain ...*x509.Certificate) *http.Request {
	r := bearer(token)
	r.TLS = &tls.ConnectionState{PeerCertificates: chain}
	return r
}

// RFC 8705 section 3.
func TestCertificateBoundTokens(t *testing.T) {
	eachWay(t, nil, func(t *testing.T, v *middleware.Validator) {
		for _, row := range []struct {
			name    string
			request *http.Request
			outcome string
		}{
			{"the certificate of the token", overTLS(certBound(), ownCert()), "200"},
			{"another certificate", overTLS(certBound(), otherCert()), badToken},
			{"the right certificate as somebody's issuer", overTLS(certBound(), otherCert(), ownCert()), badToken},
			{"no certificate", overTLS(certBound()), badToken},
			{"no TLS", bearer(certBound()), badToken},
			{"a token that is not bound", overTLS(mint(good(nil)), ownCert()), "200"},
		} {
			t.Run(row.name, func(t *testing.T) {
				for range 2 {
					wantServed(t, v.Require(), row.request, row.outcome, map[string]middleware.Reason{badToken: middleware.ReasonConfirmation}[row.outcome])
				}
			})
		}
	})
}

func TestMTLSRequired(t *testing.T) {
	v := withDPoP(t, func(cfg *middleware.Config) { cfg.MTLS.Required = true })
	wantServed(t, v.Require(), overTLS(certBound(), ownCert()), "200", "")
	wantServed(t, v.Require(), overTLS(mint(good(nil)), ownCert()), badToken, middleware.ReasonConfirmation)
	wantServed(t, v.Require(), proven(edKey()), badToken, middleware.ReasonConfirmation)
	wantServed(t, validator(t, nil).Require().Bound(), overTLS(certBound(), ownCert()), "200", "")
}

// A real handshake: any certificate is let in, and the middleware compares it.
func TestRequireAnyClientCert(t *testing.T) {
	server := httptest.NewUnstartedServer(validator(t, nil).Require().HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	for cert, status := range map[*x509.Certificate]int{ownCert(): 200, otherCert(): 401} {
		client := server.Client()
		transport := client.Transport.(*http.Transport).Clone()
		key := map[bool]ed25519.PrivateKey{true: edKey(), false: strangeKey()}[cert == ownCert()]
		transport.TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}
		r := must(http.NewRequestWithContext(t.Context(), "GET", server.URL, nil))
		r.Header.Set("Authorization", "Bearer "+certBound())
		response := must((&http.Client{Transport: transport}).Do(r))
		_ = response.Body.Close()
		transport.CloseIdleConnections()
		if response.StatusCode != status {
			t.Errorf("status %d, want %d", response.StatusCode, status)
		}
	}
}

func escapedPEM(c *x509.Certificate) string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

func sfBytes(c *x509.Certificate) string { return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":" }

func hexHash(c *x509.Certificate) string {
	digest := sha256.Sum256(c.Raw)
	return hex.EncodeToString(digest[:])
}

// proxied is a Validator behind a proxy in 10.0.0.0/8.
func proxied(t testing.TB, field string, encoding middleware.CertificateEncoding) *middleware.Validator {
	t.Helper()
	return validator(t, func(cfg *middleware.Config) {
		cfg.MTLS = middleware.MTLS{Header: field, Encoding: encoding, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	})
}

func fromProxy(peer, field string, values ...string) *http.Request {
	r := bearer(certBound())
	r.RemoteAddr = peer
	r.Header[http.CanonicalHeaderKey(field)] = values
	return r
}

const proxy = "10.1.2.3:4567"

func TestCertificatesFromAProxy(t *testing.T) {
	own, other := ownCert(), otherCert()
	hash, cert := "Hash="+hexHash(own), `Cert="`+escapedPEM(own)+`"`
	for _, group := range []struct {
		field     string
		encoding  middleware.CertificateEncoding
		good, bad map[string][]string
	}{
		{"Client-Cert", middleware.ClientCertField, map[string][]string{"a byte sequence": {sfBytes(own)}}, map[string][]string{
			"another certificate":     {sfBytes(other)},
			"twice":                   {sfBytes(own), sfBytes(own)},
			"two in a list":           {sfBytes(own) + ", " + sfBytes(own)},
			"another one behind":      {sfBytes(own), sfBytes(other)},
			"nothing":                 {""},
			"no field":                nil,
			"an empty sequence":       {"::"},
			"without colons":          {strings.Trim(sfBytes(own), ":")},
			"without its end":         {strings.TrimSuffix(sfBytes(own), ":")},
			"one colon":               {":"},
			"with a line break":       {sfBytes(own)[:9] + "\n" + sfBytes(own)[9:]},
			"escaped PEM":             {escapedPEM(own)},
			"characters of base64url": {":" + b64(own.Raw) + "-_:"},
		}},
		{"X-SSL-Client-Cert", middleware.EscapedPEM, map[string][]string{"one certificate": {escapedPEM(own)}}, map[string][]string{
			"another certificate": {escapedPEM(other)},
			"twice":               {escapedPEM(own), escapedPEM(own)},
			"a chain":             {escapedPEM(own) + escapedPEM(other)},
			"text behind it":      {escapedPEM(own) + "x"},
			"a broken escape":     {escapedPEM(own) + "%"},
			"a key":               {url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: own.Raw})))},
			"no PEM":              {"(null)"},
			"nothing":             {""},
		}},
		{"X-Forwarded-Client-Cert", middleware.ForwardedClientCert, map[string][]string{
			"the hash":              {hash},
			"the certificate":       {cert},
			"both":                  {hash + ";" + cert},
			"names in another case": {"hash=" + hexHash(own)},
			"as Envoy writes it":    {`By=spiffe://cluster/server;` + hash + `;` + cert + `;Subject="CN=a\,b,O=\"x\";\\";URI=spiffe://a;URI=spiffe://b;DNS=a.ex;DNS=b.ex`},
		}, map[string][]string{
			"another hash":                                     {"Hash=" + hexHash(other)},
			"another certificate":                              {`Cert="` + escapedPEM(other) + `"`},
			"hash and certificate that differ":                 {hash + `;Cert="` + escapedPEM(other) + `"`},
			"the other way round":                              {"Hash=" + hexHash(other) + ";" + cert},
			"two hashes":                                       {hash + ";" + hash},
			"two certificates":                                 {cert + ";" + cert},
			"two elements":                                     {hash + "," + hash},
			"an element that a client has sent, in front":      {hash + ",Hash=" + hexHash(other)},
			"two lines":                                        {hash, hash},
			"a hash slipped in by a subject":                   {`Subject="CN=\";` + hash + `;x=\""`},
			"a certificate slipped in by a subject":            {"Hash=" + hexHash(other) + `;Subject="CN=x\";` + cert + `"`},
			"a certificate slipped in by a URI":                {"Hash=" + hexHash(other) + ";URI=x;" + cert},
			"a quote that closes too early":                    {`Subject="x\\"\;` + hash + `;y="`},
			"a quote that never closes":                        {`Subject="x;` + hash},
			"no hash and no certificate":                       {`Subject="CN=x"`},
			"a hash that is too short":                         {hash[:len(hash)-2]},
			"a hash that is no hex":                            {"Hash=" + strings.Repeat("x", 64)},
			"a hash with a good certificate and a broken hash": {"Hash=zz;" + cert},
			"nothing": {""},
		}},
	} {
		v := proxied(t, group.field, group.encoding)
		for name, values := range group.good {
			t.Run(group.field+": "+name, func(t *testing.T) {
				for _, peer := range []string{proxy, "[::ffff:10.1.2.3]:4567", "[fd00::1%eth0]:1"} {
					wantServed(t, v.Require(), fromProxy(peer, group.field, values...), "200", "")
				}
			})
			t.Run(group.field+": "+name+", forged by a direct peer", func(t *testing.T) {
				for _, peer := range []string{"11.1.2.3:4567", "192.0.2.1:1", "", "10.1.2.3", "@", "[::1]:1"} {
					wantServed(t, v.Require(), fromProxy(peer, group.field, values...), badToken, middleware.ReasonConfirmation)
				}
			})
		}
		for name, values := range group.bad {
			t.Run(group.field+": "+name, func(t *testing.T) {
				wantServed(t, v.Require(), fromProxy(proxy, group.field, values...), badToken, middleware.ReasonConfirmation)
			})
		}
	}
}

// One place counts, the configured one.
func TestOnlyOnePlaceForCertificatesCounts(t *testing.T) {
	direct, behind := validator(t, nil).Require(), proxied(t, "Client-Cert", middleware.ClientCertField).Require()
	forged := fromProxy(proxy, "Client-Cert", sfBytes(ownCert()))
	wantServed(t, direct, forged, badToken, middleware.ReasonConfirmation)
	forged.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{otherCert()}}
	wantServed(t, direct, forged, badToken, middleware.ReasonConfirmation)
	wantServed(t, behind, forged, "200", "") // the certificate of TLS is the proxy's own

	bare := overTLS(certBound(), ownCert())
	bare.RemoteAddr = proxy
	wantServed(t, behind, bare, badToken, middleware.ReasonConfirmation)
}

// FuzzXFCC writes what an attacker can choose, a name in a certificate, as Envoy writes it. Whatever the name is, it does not
// choose the certificate.
func FuzzXFCC(f *testing.F) {
	guard := proxied(f, "X-Forwarded-Client-Cert", middleware.ForwardedClientCert).Require()
	for _, name := range []string{`CN=x`, `";Hash=` + hexHash(ownCert()) + `;x="`, `\";Cert=`, `x,Hash=` + hexHash(ownCert()), `\`} {
		f.Add(name, name, false)
		f.Add(name, name, true)
	}
	f.Fuzz(func(t *testing.T, subject, uri string, cert bool) {
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `;`, `\;`, `,`, `\,`).Replace(subject) // RFC 4514 section 2.4
		field := "Hash=" + hexHash(otherCert())
		if cert {
			field += `;Cert="` + escapedPEM(otherCert()) + `"`
		}
		field += `;Subject="` + escaped + `";URI=` + uri
		if got := outcomeOf(guard, fromProxy(proxy, "X-Forwarded-Client-Cert", field)); got != badToken {
			t.Errorf("%s passed: %q", field, got)
		}
	})
}
