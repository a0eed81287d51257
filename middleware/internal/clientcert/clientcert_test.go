package clientcert_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A thumbprint is of the bytes, whatever they are.
var own, other = &x509.Certificate{Raw: []byte("own")}, &x509.Certificate{Raw: []byte("other")}

func thumbprint(c *x509.Certificate) string { return testkit.Hash(string(c.Raw)) }

func TestTheCertificateOfTheTLSLayer(t *testing.T) {
	source := clientcert.New(clientcert.Config{})
	for name, row := range map[string]struct {
		call clientcert.Call
		good bool
	}{
		"its own":              {clientcert.Call{Certificate: own}, true},
		"another":              {clientcert.Call{Certificate: other}, false},
		"none":                 {clientcert.Call{}, false},
		"a field in its place": {clientcert.Call{Fields: []string{bytesOf(own)}, RemoteAddr: "10.0.0.1:1"}, false},
	} {
		if err := source.Check(row.call, thumbprint(own)); (err == nil) != row.good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheCertificateOfATrustedProxy(t *testing.T) {
	digest := sha256.Sum256(own.Raw)
	for encoding, field := range map[clientcert.Encoding]string{
		clientcert.ClientCertField: bytesOf(own), clientcert.ForwardedClientCert: "Hash=" + hex.EncodeToString(digest[:]),
		clientcert.EscapedPEM: "-----BEGIN%20CERTIFICATE-----%0A" + base64.StdEncoding.EncodeToString(own.Raw) + "%0A-----END%20CERTIFICATE-----",
	} {
		source := clientcert.New(clientcert.Config{
			Header: "client-cert", Encoding: encoding, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		})
		if source.Header() != "Client-Cert" {
			t.Errorf("the field is %q", source.Header())
		}
		for name, row := range map[string]struct {
			peer   string
			fields []string
			good   bool
		}{
			"the proxy":                      {"10.1.2.3:4", []string{field}, true},
			"the proxy, as IPv4 in IPv6":     {"[::ffff:10.1.2.3]:4", []string{field}, true},
			"a stranger":                     {"11.1.2.3:4", []string{field}, false},
			"a peer without an address":      {"", []string{field}, false},
			"the proxy, twice":               {"10.1.2.3:4", []string{field, field}, false},
			"the proxy, without it":          {"10.1.2.3:4", nil, false},
			"the proxy, empty":               {"10.1.2.3:4", []string{""}, false},
			"the proxy, with half of it":     {"10.1.2.3:4", []string{field[:len(field)/2]}, false},
			"the proxy, of another encoding": {"10.1.2.3:4", []string{"x" + field}, false},
		} {
			call := clientcert.Call{Certificate: other, Fields: row.fields, RemoteAddr: row.peer} // the proxy's own counts for nothing
			if err := source.Check(call, thumbprint(own)); (err == nil) != row.good {
				t.Errorf("encoding %d, %s: %v", encoding, name, err)
			}
		}
	}
}

func TestMistakesNameTheirFields(t *testing.T) {
	ten := netip.MustParsePrefix("10.0.0.0/8")
	for want, cfg := range map[string]clientcert.Config{
		"":                               {Header: "Client-Cert", TrustedProxies: []netip.Prefix{ten, netip.MustParsePrefix("fd00::/8")}},
		"Encoding is -1":                 {Header: "Client-Cert", Encoding: -1, TrustedProxies: []netip.Prefix{ten}},
		"Header is empty":                {TrustedProxies: []netip.Prefix{ten}},
		"TrustedProxies is empty":        {Header: "Client-Cert"},
		"TrustedProxies[1] is not":       {Header: "Client-Cert", TrustedProxies: []netip.Prefix{ten, {}}},
		"TrustedProxies[0] is 0.0.0.0/0": {Header: "Client-Cert", TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
	} {
		switch found := cfg.Mistakes(); {
		case want == "" && len(found) > 0:
			t.Errorf("a good Config has mistakes: %v", found)
		case want != "" && (len(found) != 1 || !strings.HasPrefix(found[0].Error(), want)):
			t.Errorf("mistakes are %v, want one of %q", found, want)
		}
	}
}

func bytesOf(c *x509.Certificate) string { return ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":" }
