package clientcert

import (
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"net/url"
	"strings"
)

// Encoding is a way to write a certificate into a header field.
type Encoding int

// The encodings that proxies use. A field is read by the one that is configured, and never by whichever fits.
const (
	ClientCertField     Encoding = iota // RFC 9440: base64 between colons
	ForwardedClientCert                 // Envoy's X-Forwarded-Client-Cert, with its Cert or Hash element
	EscapedPEM                          // PEM, percent-encoded: nginx's $ssl_client_escaped_cert
	Base64DER                           // base64 without armour: Traefik
	HexThumbprint                       // the SHA-256 of the certificate in hexadecimal digits: Cloudflare, HAProxy

	encodings
)

// encodingErrors say what a field is not. They hold nothing of the field, which is written by whoever reaches the proxy.
var encodingErrors = [encodings]error{
	ClientCertField:     errors.New("MTLS.Header holds no Byte Sequence of RFC 9440, base64 between colons, as ClientCertField has it"),
	ForwardedClientCert: errors.New("MTLS.Header holds no X-Forwarded-Client-Cert with one Cert or Hash in the element that MTLS.Element names"),
	EscapedPEM:          errors.New("MTLS.Header holds no percent-encoded PEM that begins with a certificate, as EscapedPEM has it"),
	Base64DER:           errors.New("MTLS.Header holds no base64 of a certificate's DER, as Base64DER has it"),
	HexThumbprint:       errors.New("MTLS.Header holds no SHA-256 in 64 hexadecimal digits, as HexThumbprint has it (40 digits are a SHA-1)"),
}

// read returns the thumbprint of the certificate in a field. element counts for ForwardedClientCert alone.
func (e Encoding) read(field string, element int) (thumbprint string, err error) {
	ok := false
	switch e {
	case ForwardedClientCert:
		thumbprint, ok = fromXFCC(field, element)
	case EscapedPEM:
		thumbprint, ok = fromPEM(field, true)
	case Base64DER:
		thumbprint, ok = fromBase64(field)
	case HexThumbprint:
		thumbprint, ok = fromHex(field)
	default:
		thumbprint, ok = fromClientCert(field)
	}
	if !ok {
		return "", encodingErrors[e]
	}
	return thumbprint, nil
}

func thumbprintOf(der []byte) string {
	digest := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// decoded reads base64 as RFC 4648 section 4 has it, in its one spelling.
func decoded(text string) (der []byte, ok bool) {
	der, err := base64.StdEncoding.Strict().DecodeString(text)
	return der, err == nil && len(der) > 0 && !strings.ContainsAny(text, "\r\n")
}

// fromClientCert reads a Byte Sequence (RFC 9440 section 2.2, RFC 9651 section 3.3.5).
func fromClientCert(field string) (thumbprint string, ok bool) {
	inner, ok := betweenColons(field)
	if !ok {
		return "", false
	}
	der, ok := decoded(inner)
	return thumbprintOf(der), ok
}

func betweenColons(field string) (inner string, ok bool) {
	inner, opened := strings.CutPrefix(field, ":")
	inner, closed := strings.CutSuffix(inner, ":")
	return inner, opened && closed
}

// fromBase64 reads the first certificate of a list, which is the client's own: those after it certify the one before (RFC 8446
// section 4.4.2). Percent-encoding and colons change nothing: neither occurs in base64, so there is one reading of each text. All
// of the list must be certificates.
func fromBase64(field string) (thumbprint string, ok bool) {
	text, err := url.PathUnescape(field)
	if err != nil {
		return "", false
	}
	first, rest, more := strings.Cut(text, ",")
	if thumbprint, ok = fromBareBase64(first); !ok {
		return "", false
	}
	for more {
		var next string
		next, rest, more = strings.Cut(rest, ",")
		if _, ok := fromBareBase64(next); !ok {
			return "", false
		}
	}
	return thumbprint, true
}

func fromBareBase64(text string) (thumbprint string, ok bool) {
	text = strings.Trim(text, " ")
	if inner, ok := betweenColons(text); ok {
		text = inner
	}
	der, ok := decoded(text)
	if !ok || !isSequence(der) {
		return "", false
	}
	return thumbprintOf(der), true
}

// isSequence reports whether der is one ASN.1 SEQUENCE from end to end, as a certificate is. It tells a thumbprint, which is base64 too, and half
// a certificate.
func isSequence(der []byte) bool {
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(der, &v)
	return err == nil && len(rest) == 0 && v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSequence && v.IsCompound
}

// nothing is the SHA-256 of no bytes, which a proxy may compute where it was shown no certificate.
var nothing = thumbprintOf(nil)

// fromHex reads a thumbprint in its place.
func fromHex(field string) (thumbprint string, ok bool) {
	digest, err := hex.DecodeString(field)
	if err != nil || len(digest) != sha256.Size {
		return "", false
	}
	thumbprint = base64.RawURLEncoding.EncodeToString(digest)
	return thumbprint, thumbprint != nothing
}

const (
	pemBegin = "-----BEGIN CERTIFICATE-----"
	pemEnd   = "-----END CERTIFICATE-----"
)

// fromPEM reads one certificate, percent-encoded; or, of a chain, the first, which is the client's own (RFC 5246 section 7.4.2).
func fromPEM(field string, chain bool) (thumbprint string, ok bool) {
	text, err := url.PathUnescape(field)
	if err != nil {
		return "", false
	}
	der, rest, ok := cutPEM(text)
	if !ok {
		return "", false
	}
	for rest != "" {
		if !chain {
			return "", false
		}
		if _, rest, ok = cutPEM(rest); !ok {
			return "", false
		}
	}
	return thumbprintOf(der), true
}

// cutPEM cuts the certificate off with which text begins, and the white space behind it. pem.Decode would go on to a later block where the
// first cannot be read, and so take somebody else's certificate for the client's.
func cutPEM(text string) (der []byte, rest string, ok bool) {
	text = strings.TrimLeft(text, " \t\r\n")
	inner, begun := strings.CutPrefix(text, pemBegin)
	inner, rest, ended := strings.Cut(inner, pemEnd)
	if !begun || !ended || strings.Contains(inner, "-") {
		return nil, "", false
	}
	block, _ := pem.Decode([]byte(pemBegin + inner + pemEnd))
	if block == nil || len(block.Bytes) == 0 {
		return nil, "", false
	}
	return block.Bytes, strings.TrimLeft(rest, " \t\r\n"), true
}
