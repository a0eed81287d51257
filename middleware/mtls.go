package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// MTLS says where client certificates come from and whether tokens must be bound to one (RFC 8705 section 3). A token
// that is bound is always judged by it. Whether the certificate is valid is for the TLS layer to judge, which may accept any
// (RFC 8705 section 2.2): what counts here is that it is the one that the token names.
type MTLS struct {
	_ [0]func() // keyed literals only

	// Required refuses tokens that are bound to no certificate.
	Required bool

	// Header is the field in which a proxy that terminates TLS passes the certificate on, such as "Client-Cert". It is
	// believed from TrustedProxies only, and the proxy must remove what clients send in it. With it, certificates of the TLS
	// layer are the proxy's own and do not count. Zero: the TLS layer.
	Header string

	// Encoding is how Header is written; zero: ClientCertField.
	Encoding CertificateEncoding

	// TrustedProxies are the addresses from which Header is believed. Required with Header. IPv4 networks are written as IPv4.
	// The peer is http.Request.RemoteAddr (Credentials.RemoteAddr): no middleware in front may replace it by what a header field
	// says, which is the client's word. New cannot see such a middleware; it refuses networks that hold more than
	// anybody's own (IPv4 prefixes under 8 bits, public IPv6 under 16).
	TrustedProxies []netip.Prefix
}

// CertificateEncoding is a way to write a certificate into a header field.
type CertificateEncoding int

// The encodings that proxies use.
const (
	// ClientCertField is the Client-Cert field of RFC 9440: base64 between colons.
	ClientCertField CertificateEncoding = iota
	// ForwardedClientCert is Envoy's X-Forwarded-Client-Cert, with its Cert or Hash element.
	ForwardedClientCert
	// EscapedPEM is nginx's $ssl_client_escaped_cert.
	EscapedPEM
)

// mtls is Config.MTLS in its compiled form.
type mtls struct {
	required bool
	header   string
	encoding CertificateEncoding
	proxies  []netip.Prefix
}

var (
	errNoCertificate    = errors.New("the token is bound to a certificate, and the connection has none")
	errOtherCertificate = errors.New("the client's certificate is not the one that the token is bound to")
	errCertificateField = errors.New("the field with the client's certificate occurs twice or is malformed")
	errStrangeProxy     = errors.New("the peer is not among MTLS.TrustedProxies, so its word about a certificate does not count")
)

// check judges whether the caller has shown the certificate of this thumbprint (RFC 8705 section 3).
func (m *mtls) check(c Credentials, thumbprint string) *Error {
	shown, err := m.thumbprint(c)
	if err == nil && shown != thumbprint {
		err = errOtherCertificate
	}
	if err != nil {
		return invalid(ReasonConfirmation, err)
	}
	return nil
}

func (m *mtls) thumbprint(c Credentials) (string, error) {
	if m.header == "" {
		if c.Certificate == nil {
			return "", errNoCertificate
		}
		return thumbprintOf(c.Certificate.Raw), nil
	}
	if !m.trusted(c.RemoteAddr) {
		return "", errStrangeProxy
	}
	fields := c.values(m.header)
	switch {
	case len(fields) == 0 || len(fields) == 1 && fields[0] == "":
		return "", errNoCertificate
	case len(fields) > 1:
		return "", errCertificateField
	}
	switch m.encoding {
	case ForwardedClientCert:
		return fromXFCC(fields[0])
	case EscapedPEM:
		return fromPEM(fields[0])
	default:
		return fromClientCert(fields[0])
	}
}

func (m *mtls) trusted(remoteAddr string) bool {
	peer, err := netip.ParseAddrPort(remoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, prefix := range m.proxies {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

func thumbprintOf(der []byte) string {
	digest := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// fromClientCert reads a Byte Sequence (RFC 9440 section 2.2, RFC 9651 section 3.3.5).
func fromClientCert(field string) (string, error) {
	inner, ok := strings.CutPrefix(field, ":")
	inner, closed := strings.CutSuffix(inner, ":")
	der, err := base64.StdEncoding.Strict().DecodeString(inner)
	if !ok || !closed || err != nil || len(der) == 0 || strings.ContainsAny(inner, "\r\n") {
		return "", errCertificateField
	}
	return thumbprintOf(der), nil
}

// fromPEM reads one certificate, percent-encoded.
func fromPEM(field string) (string, error) {
	text, err := url.PathUnescape(field)
	if err != nil {
		return "", errCertificateField
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return "", errCertificateField
	}
	return thumbprintOf(block.Bytes), nil
}

// fromXFCC reads the one element that the nearest proxy has written, with Cert, Hash or both. Several elements are several
// proxies, of which only one was configured. The names of the certificate in it (Subject, URI, DNS) are its owner's words:
// they may occur several times, and must not be able to slip a Cert or a Hash in, hence the care with quotes, and that
// Cert and Hash must agree.
func fromXFCC(field string) (string, error) {
	found := make(map[string]string)
	for rest, more := field, true; more; {
		var pair string
		var ok bool
		if pair, rest, more, ok = nextPair(rest); !ok {
			return "", errCertificateField
		}
		key, value, _ := strings.Cut(pair, "=")
		key = strings.ToLower(key)
		if _, twice := found[key]; twice && (key == "cert" || key == "hash") {
			return "", errCertificateField
		}
		found[key] = strings.Trim(value, `"`)
	}
	cert, hasCert := found["cert"]
	hash, hasHash := found["hash"]
	digest, err := hex.DecodeString(hash)
	named := base64.RawURLEncoding.EncodeToString(digest)
	switch {
	case !hasCert && !hasHash, hasHash && (err != nil || len(digest) != sha256.Size):
		return "", errCertificateField
	case !hasCert:
		return named, nil
	}
	shown, err := fromPEM(cert)
	if err == nil && hasHash && shown != named {
		err = errCertificateField
	}
	return shown, err
}

// nextPair cuts off the text up to the next semicolon outside quotes. In quotes a backslash escapes. Outside them a comma
// would begin another element, and a quote stands only around a whole value.
func nextPair(s string) (pair, rest string, more, ok bool) {
	quoted, closed := false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case quoted:
			quoted, closed = c != '"', c == '"'
		case c == ';':
			return s[:i], s[i+1:], true, true
		case closed, c == ',', c == '\\', c == '"' && (i == 0 || s[i-1] != '='):
			return "", "", false, false
		case c == '"':
			quoted = true
		}
	}
	return s, "", false, !quoted
}
