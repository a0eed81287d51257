package clientcert

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/url"
	"strings"
)

// Encoding is a way to write a certificate into a header field.
type Encoding int

// The encodings that proxies use.
const (
	ClientCertField     Encoding = iota // RFC 9440: base64 between colons
	ForwardedClientCert                 // Envoy's X-Forwarded-Client-Cert, with its Cert or Hash element
	EscapedPEM                          // nginx's $ssl_client_escaped_cert
)

// read returns the thumbprint of the certificate in a field.
func (e Encoding) read(field string) (thumbprint string, err error) {
	switch e {
	case ForwardedClientCert:
		return fromXFCC(field)
	case EscapedPEM:
		return fromPEM(field)
	default:
		return fromClientCert(field)
	}
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
		return "", errField
	}
	return thumbprintOf(der), nil
}

// fromPEM reads one certificate, percent-encoded.
func fromPEM(field string) (string, error) {
	text, err := url.PathUnescape(field)
	if err != nil {
		return "", errField
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return "", errField
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
			return "", errField
		}
		key, value, _ := strings.Cut(pair, "=")
		key = strings.ToLower(key)
		if _, twice := found[key]; twice && (key == "cert" || key == "hash") {
			return "", errField
		}
		found[key] = strings.Trim(value, `"`)
	}
	cert, hasCert := found["cert"]
	hash, hasHash := found["hash"]
	digest, err := hex.DecodeString(hash)
	named := base64.RawURLEncoding.EncodeToString(digest)
	switch {
	case !hasCert && !hasHash, hasHash && (err != nil || len(digest) != sha256.Size):
		return "", errField
	case !hasCert:
		return named, nil
	}
	shown, err := fromPEM(cert)
	if err == nil && hasHash && shown != named {
		err = errField
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
