package authtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"
)

// ClientCertificate returns a self-signed certificate with a key of its own, for clients whose tokens are bound to it
// (RFC 8705 section 3). Its dates are a day around the time of SetClock, its Leaf is filled in. A server asks for it, and
// leaves it to the Guard to compare it with the token, under [tls.RequestClientCert] or [tls.RequireAnyClientCert]:
//
//	token := issuer.Token(authtest.Claims{"cnf": authtest.Claims{"x5t#S256": authtest.CertificateThumbprint(certificate.Leaf)}})
func (i *Issuer) ClientCertificate() tls.Certificate {
	i.tb.Helper()
	certificate, err := selfSigned(i.now())
	if err != nil {
		i.tb.Fatalf("authtest: ClientCertificate: %v", err)
	}
	return certificate
}

// CertificateThumbprint returns the SHA-256 thumbprint of a certificate, which is the x5t#S256 of a token that is bound to it
// (RFC 8705 section 3.1).
func CertificateThumbprint(c *x509.Certificate) string {
	digest := sha256.Sum256(c.Raw)
	return encode(digest[:])
}

func selfSigned(now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("no key could be made: %w", err)
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("no serial number could be made: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: number,
		Subject:      pkix.Name{CommonName: clientID},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("no certificate could be made: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
