package clientcert

import (
	"errors"
	"fmt"
	"net/netip"
	"net/textproto"
	"slices"
)

// Config says where client certificates come from.
type Config struct {
	Header         string // empty: the TLS layer
	Encoding       Encoding
	Element        int            // of a ForwardedClientCert, counted from the end; 0: the only one
	TrustedProxies []netip.Prefix // from which Header is believed
}

// New makes the Source of a Config without mistakes.
func New(c Config) Source {
	return Source{textproto.CanonicalMIMEHeaderKey(c.Header), c.Encoding, c.Element, slices.Clone(c.TrustedProxies)}
}

// Mistakes lists what is wrong with c, each with the name of the field. Whether Header is the name of a field, and of one that means
// nothing else, is left to others.
func (c Config) Mistakes() []error {
	var found []error
	if c.Encoding < ClientCertField || c.Encoding >= encodings {
		found = append(found, fmt.Errorf("Encoding is %d: use ClientCertField, ForwardedClientCert, EscapedPEM, Base64DER or HexThumbprint", c.Encoding))
	}
	const element = "Element" // the name of the field
	switch {
	case c.Element < 0 || c.Element > maxElement:
		found = append(found, fmt.Errorf("%s is %d: count the proxies that write the field from the nearest, 1 to %d, or leave it 0 where only one does",
			element, c.Element, maxElement))
	case c.Element > 0 && c.Encoding != ForwardedClientCert:
		found = append(found, fmt.Errorf("%s is %d, but only ForwardedClientCert has elements: leave it out, or set Encoding", element, c.Element))
	}
	if c.Header == "" && (len(c.TrustedProxies) > 0 || c.Encoding != ClientCertField) {
		found = append(found, errors.New("Header is empty, but TrustedProxies or Encoding is set: name the field in which the proxy passes the certificate on"))
	}
	if c.Header != "" && len(c.TrustedProxies) == 0 {
		found = append(found, fmt.Errorf("TrustedProxies is empty: anybody could send %s, so name the proxies whose word counts", c.Header))
	}
	for i, prefix := range c.TrustedProxies {
		if mistake := mistakeIn(i, prefix); mistake != nil {
			found = append(found, mistake)
		}
	}
	return found
}

// maxElement is more than the proxies in any row.
const maxElement = 16

// mapped is where IPv6 has the IPv4 addresses. A peer is never looked for there: its address is in IPv4 form first.
var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// mistakeIn refuses what is no network of proxies. A certificate is public, so if anybody may show one, a token that is bound to
// it is a bearer token again.
func mistakeIn(i int, prefix netip.Prefix) error {
	switch {
	case !prefix.IsValid():
		return fmt.Errorf("TrustedProxies[%d] is not a valid prefix: use netip.MustParsePrefix(\"10.0.0.0/8\")", i)
	case prefix.Addr().Is4In6() && prefix.Bits() >= mapped.Bits():
		return fmt.Errorf("TrustedProxies[%d] is %v, which is IPv4 inside IPv6 and would match no peer: write %v", i, prefix,
			netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped.Bits()).Masked())
	case prefix.Addr().Is4() && prefix.Bits() < 8, prefix.Addr().Is6() && prefix.Bits() < 16 && !isPrivate(prefix):
		return fmt.Errorf("TrustedProxies[%d] is %v, from where anybody could send a certificate: name the networks of the proxies", i, prefix)
	case prefix.Overlaps(mapped):
		return fmt.Errorf("TrustedProxies[%d] is %v, in which the IPv4 addresses would match no peer: name IPv4 and IPv6 networks apart", i, prefix)
	default:
		return nil
	}
}

// isPrivate reports whether an IPv6 network is one that the internet cannot reach: of unique local or link-local addresses.
func isPrivate(prefix netip.Prefix) bool {
	for _, private := range []netip.Prefix{netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10")} {
		if private.Bits() <= prefix.Bits() && private.Contains(prefix.Addr()) {
			return true
		}
	}
	return false
}
