package bindings_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func base64DER(c *x509.Certificate) string { return base64.StdEncoding.EncodeToString(c.Raw) }

// awsPEM leaves the characters + = / as they are.
func awsPEM(c *x509.Certificate) string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	return strings.NewReplacer(" ", "%20", "\n", "%0A").Replace(text)
}

func TestCertificatesAsTraefikAndOthersWriteThem(t *testing.T) {
	own, other := base64DER(kit.ClientCert()), base64DER(kit.OtherCert())
	escape := strings.NewReplacer("+", "%2B", "/", "%2F", "=", "%3D").Replace
	hash := kit.HexHash(kit.ClientCert())
	weak := make([]byte, 20) // as long as a SHA-1
	for _, group := range []struct {
		field     string
		encoding  middleware.CertificateEncoding
		good, bad map[string]string
	}{
		{"X-Forwarded-Tls-Client-Cert", middleware.Base64DER, map[string]string{
			"alone":                        own,
			"percent-encoded":              escape(own),
			"a chain":                      own + "," + other,
			"a chain with spaces":          own + ", " + other,
			"a percent-encoded chain":      escape(own) + "," + escape(other),
			"a chain, commas and all":      url.QueryEscape(own + "," + other),
			"between colons":               ":" + own + ":",
			"between colons, in a chain":   ":" + own + ":, :" + other + ":",
			"between percent-encoded ones": "%3A" + escape(own) + "%3A",
		}, map[string]string{
			"another certificate":               other,
			"a chain, of which it is not first": other + "," + own,
			"an empty element in front":         "," + own,
			"an empty element behind":           own + ",",
			"text behind it":                    own + ",x",
			"half of it":                        own[:len(own)/8*4],
			"the thumbprint":                    hash,
			"the thumbprint in base64":          kit.CertThumbprint(kit.ClientCert()) + "=",
			"one colon":                         ":" + own,
			"base64url":                         strings.NewReplacer("+", "-", "/", "_").Replace(own) + "-_",
			"two levels of percent-encoding":    escape(escape("+" + own)),
			"a line break":                      own[:64] + "%0A" + own[64:],
			"a semicolon":                       own + ";" + other,
			"a broken escape":                   own + "%",
			"nothing":                           "",
			"a colon and nothing":               "::",
		}},
		{"Cf-Client-Cert-Sha256", middleware.HexThumbprint, map[string]string{
			"small letters": hash,
			"capitals":      strings.ToUpper(hash),
		}, map[string]string{
			"another certificate": kit.HexHash(kit.OtherCert()),
			"a SHA-1":             hex.EncodeToString(weak),
			"half of it":          hash[:32],
			"more than it":        hash + "00",
			"two in a list":       hash + "," + hash,
			"with colons":         hash[:2] + ":" + hash[2:],
			"with a prefix":       "0x" + hash[2:],
			"in base64":           kit.CertThumbprint(kit.ClientCert()),
			"no digits":           strings.Repeat("g", 64),
			"full-width digits":   strings.Repeat("\uff11", 64),
			"spaces around it":    " " + hash + " ",
			"nothing":             "",
			"a word for nothing":  "(null)",
			"the certificate":     own,
		}},
	} {
		v := kit.ProxiedValidator(t, group.field, group.encoding)
		for name, value := range group.good {
			t.Run(group.field+": "+name, func(t *testing.T) {
				kit.WantServed(t, v.Require(), kit.FromProxy(kit.ProxyAddress, group.field, value), "200", "")
				kit.WantServed(t, v.Require(), kit.FromProxy("11.1.2.3:4567", group.field, value), kit.BadToken, middleware.ReasonConfirmation)
				kit.WantServed(t, v.Require(), kit.FromProxy(kit.ProxyAddress, group.field, value, value), kit.BadToken, middleware.ReasonConfirmation)
			})
		}
		for name, value := range group.bad {
			t.Run(group.field+": "+name, func(t *testing.T) {
				kit.WantServed(t, v.Require(), kit.FromProxy(kit.ProxyAddress, group.field, value), kit.BadToken, middleware.ReasonConfirmation)
			})
		}
	}
}

// The proxy writes one encoding, and none is guessed. What is written between colons is base64 as well, whatever it is called.
func TestNoEncodingReadsTheTextOfAnother(t *testing.T) {
	own := kit.ClientCert()
	texts := map[middleware.CertificateEncoding][]string{
		middleware.ClientCertField:     {kit.CertByteSequence(own)},
		middleware.ForwardedClientCert: {"Hash=" + kit.HexHash(own), `Cert="` + kit.EscapedPEM(own) + `"`},
		middleware.EscapedPEM:          {kit.EscapedPEM(own), awsPEM(own)},
		middleware.Base64DER:           {base64DER(own), url.QueryEscape(base64DER(own))},
		middleware.HexThumbprint:       {kit.HexHash(own), strings.ToUpper(kit.HexHash(own))},
	}
	for encoding := range texts {
		v := kit.ProxiedValidator(t, "X-Cert", encoding)
		for written, fields := range texts {
			for _, field := range fields {
				r := kit.FromProxy(kit.ProxyAddress, "X-Cert", field)
				if written == encoding || encoding == middleware.Base64DER && written == middleware.ClientCertField {
					kit.WantServed(t, v.Require(), r, "200", "")
					continue
				}
				kit.WantServed(t, v.Require(), r, kit.BadToken, middleware.ReasonConfirmation)
				var refused *middleware.Error
				if _, err := v.Require().Check(r); !errors.As(err, &refused) {
					t.Fatal(err)
				}
				if why := refused.Err.Error(); !strings.Contains(why, "as "+encoding.String()+" has it") && !strings.Contains(why, "MTLS.Element") {
					t.Errorf("%s as %s: %s", written, encoding, why)
				}
			}
		}
	}
}

// Istio's gateway writes an element, and the sidecar of the service appends its own, about the gateway.
func TestTheElementOfForwardedClientCertIsCountedFromTheEnd(t *testing.T) {
	own, other := "Hash="+kit.HexHash(kit.ClientCert()), "Hash="+kit.HexHash(kit.OtherCert())
	gateway := `By=spiffe://mesh/orders;` + other + `;Subject="";URI=spiffe://mesh/gateway`
	for _, row := range []struct {
		name, field string
		element     int
		good        bool
	}{
		{"the gateway's, before the sidecar's", own + ";Subject=\"CN=a\"," + gateway, 2, true},
		{"with a space behind the comma", own + ", " + gateway, 2, true},
		{"what a client wrote in front counts for nothing", other + "," + own + "," + gateway, 2, true},
		{"a forged element in front is not taken", own + "," + other + "," + gateway, 2, false},
		{"the last alone", other + "," + own, 1, true},
		{"a forged element in front of the last", own + "," + other, 1, false},
		{"of three", own + "," + other + "," + gateway, 3, true},
		{"fewer elements than proxies", own, 2, false},
		{"a comma in quotes is none", own + `;Subject="CN=a,O=b",` + gateway, 2, true},
		{"a comma behind an escaped quote is none", own + `;Subject="CN=a\",O=b",` + gateway, 2, true},
		{"a quote that a client never closes changes nothing", `Subject="x,` + own + `;Subject="CN=a",` + gateway, 2, true},
		{"a quote that a client never closes gives it no element", `x;Subject="x,` + other + `;Subject=",` + own + `;x=",` + gateway, 2, false},
		{"a hash slipped in by a subject", other + `;Subject="CN=x\",` + own + `;y=\"",` + gateway, 2, false},
		{"a subject that ends in a backslash", own + `;Subject="CN=x\\",` + gateway, 2, true},
		{"an empty element", own + ",," + gateway, 2, false},
		{"an empty element behind", own + ",", 1, false},
		{"an element of the nearest proxy that is malformed", own + `,By="x"y`, 2, false},
		{"several, of which none was to be counted", own + "," + gateway, 0, false},
		{"two hashes in the element", own + ";" + own + "," + gateway, 2, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.MTLS = middleware.MTLS{
					Header:         "X-Forwarded-Client-Cert",
					Encoding:       middleware.ForwardedClientCert,
					Element:        row.element,
					TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
				}
			})
			outcome, reason := kit.BadToken, middleware.ReasonConfirmation
			if row.good {
				outcome, reason = "200", ""
			}
			kit.WantServed(t, v.Require(), kit.FromProxy(kit.ProxyAddress, "X-Forwarded-Client-Cert", row.field), outcome, reason)
		})
	}
}

// A proxy that computes the SHA-256 where there is no certificate writes that of nothing, and so may the server that binds tokens.
func TestTheThumbprintOfNothingIsNone(t *testing.T) {
	const nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	digest := testkit.Must(hex.DecodeString(nothing))
	token := kit.Mint(kit.GoodClaims(kit.Claims{"cnf": kit.Claims{"x5t#S256": testkit.B64(digest)}}))
	for encoding, field := range map[middleware.CertificateEncoding]string{
		middleware.HexThumbprint: nothing, middleware.ForwardedClientCert: "Hash=" + nothing,
	} {
		r := kit.FromProxy(kit.ProxyAddress, "X-Cert", field)
		r.Header.Set("Authorization", "Bearer "+token)
		kit.WantServed(t, kit.ProxiedValidator(t, "X-Cert", encoding).Require(), r, kit.BadToken, middleware.ReasonConfirmation)
	}
}

// FuzzElement writes what a client can choose in front of what two proxies have written. Whatever it is, it chooses no certificate.
func FuzzElement(f *testing.F) {
	v := kit.NewValidator(f, func(cfg *middleware.Config) {
		cfg.MTLS = middleware.MTLS{
			Header: "X-Forwarded-Client-Cert", Encoding: middleware.ForwardedClientCert, Element: 2,
			TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		}
	})
	own := "Hash=" + kit.HexHash(kit.ClientCert())
	for _, text := range []string{"", own + ",", `Subject="x,`, `Subject="x;`, own + `,x="`, `\`, `",` + own} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, front, subject string) {
		escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `,`, `\,`).Replace(subject)
		other := "Hash=" + kit.HexHash(kit.OtherCert()) + `;Subject="` + escaped + `"`
		field := front + "," + other + `,By=spiffe://mesh/a;` + "Hash=" + kit.HexHash(kit.OtherCert()) + `;Subject="";URI=spiffe://mesh/gateway`
		if got := kit.OutcomeOf(v.Require(), kit.FromProxy(kit.ProxyAddress, "X-Forwarded-Client-Cert", field)); got != kit.BadToken {
			t.Errorf("%q passed: %s", field, got)
		}
	})
}
