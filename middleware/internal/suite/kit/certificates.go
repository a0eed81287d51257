package kit

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// certificate makes a self-signed client certificate (RFC 8705 section 2.2).
func certificate(key ed25519.PrivateKey) *x509.Certificate {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "client"}, NotAfter: time.Now().Add(time.Hour)}
	return testkit.Must(x509.ParseCertificate(testkit.Must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))))
}

// ClientCert and OtherCert are the certificates of the client that the tokens are bound to and of another.
var (
	ClientCert = sync.OnceValue(func() *x509.Certificate { return certificate(testkit.EdKey()) })
	OtherCert  = sync.OnceValue(func() *x509.Certificate { return certificate(testkit.StrangeKey()) })
)

// CertThumbprint is what cnf has as x5t#S256 (RFC 8705 section 3.1).
func CertThumbprint(c *x509.Certificate) string {
	digest := sha256.Sum256(c.Raw)
	return testkit.B64(digest[:])
}

// CertBoundToken is the token of the client with ClientCert.
func CertBoundToken() string {
	return Mint(GoodClaims(Claims{"cnf": Claims{"x5t#S256": CertThumbprint(ClientCert())}}))
}

// EscapedPEM is a certificate as nginx and Envoy write it into a field.
func EscapedPEM(c *x509.Certificate) string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// CertByteSequence is a certificate as a Byte Sequence of RFC 8941, which RFC 9440 wants in Client-Cert.
func CertByteSequence(c *x509.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":"
}

// HexHash is the SHA-256 of a certificate as Envoy writes it.
func HexHash(c *x509.Certificate) string {
	digest := sha256.Sum256(c.Raw)
	return hex.EncodeToString(digest[:])
}

// ProxiedValidator is a Validator behind a proxy in 10.0.0.0/8.
func ProxiedValidator(t testing.TB, field string, encoding middleware.CertificateEncoding) *middleware.Validator {
	t.Helper()
	return NewValidator(t, func(cfg *middleware.Config) {
		cfg.MTLS = middleware.MTLS{
			Header: field, Encoding: encoding,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		}
	})
}

// FromProxy is a request with CertBoundToken from this peer, with these values of the proxy's field.
func FromProxy(peer, field string, values ...string) *http.Request {
	r := Bearer(CertBoundToken())
	r.RemoteAddr = peer
	r.Header[http.CanonicalHeaderKey(field)] = values
	return r
}

// ProxyAddress is a peer that ProxiedValidator trusts.
const ProxyAddress = "10.1.2.3:4567"
