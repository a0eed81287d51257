// Package compact takes a compact JWS (RFC 7515 section 7.1) apart. It refuses whatever is not exactly that before it
// decodes anything, and knows nothing of keys, issuers or claims.
package compact

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
)

// The reasons for which Split refuses.
var (
	ErrEncrypted = errors.New("compact: the token is a JWE")
	ErrSegments  = errors.New("compact: the token has not three non-empty segments")
	ErrAlphabet  = errors.New("compact: a segment is not strict base64url without padding")
)

// JWS is a compact JWS, split and not decoded.
type JWS struct {
	Header  string // base64url
	Payload string // base64url

	SigningInput string // Header "." Payload, as RFC 7515 section 5.2 wants it verified
	signature    string // base64url
}

// LooksJOSE reports whether the first segment of token decodes to text that begins with a brace, which makes it a JOSE
// object, good or bad, and nothing else. That it is text matters: one of some hundred random opaque tokens begins like a
// brace as well.
func LooksJOSE(token string) bool {
	if token == "" || token[0] != 'e' { // the first six bits of "{"
		return false
	}
	segment, _, _ := strings.Cut(token, ".")
	if len(segment)%4 == 1 {
		return false
	}
	const most = 256 // of the segment: more than enough to tell text from random bytes
	var encoded, decoded [most]byte
	length := copy(encoded[:], segment)
	n, err := base64.RawURLEncoding.Decode(decoded[:], encoded[:length])
	return err == nil && n > 0 && decoded[0] == '{' && isText(decoded[:n], length < len(segment))
}

// isText reports whether b is UTF-8 without control characters other than JSON's white space. With cut, the last
// character may be incomplete.
func isText(b []byte, cut bool) bool {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1:
			return cut && !utf8.FullRune(b)
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7f:
			return false
		}
		b = b[size:]
	}
	return true
}

// HasEmptySegment reports whether a dot begins or ends token, or two of them touch.
func HasEmptySegment(token string) bool {
	return token == "" || token[0] == '.' || token[len(token)-1] == '.' || strings.Contains(token, "..")
}

// Split splits token at its two dots. The number of dots is found without allocating, however many there are.
func Split(token string) (JWS, error) {
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	switch {
	case strings.IndexByte(signature, '.') >= 0 && strings.Count(signature, ".") == 2:
		return JWS{}, ErrEncrypted
	case header == "" || payload == "" || signature == "" || strings.IndexByte(signature, '.') >= 0:
		return JWS{}, ErrSegments
	}
	return JWS{
		Header:       header,
		Payload:      payload,
		SigningInput: token[:len(header)+1+len(payload)],
		signature:    signature,
	}, nil
}

// Signature decodes the signature.
func (j JWS) Signature() ([]byte, error) { return j.SignatureIn(nil) }

// SignatureIn is Signature in buf, if there is room.
func (j JWS) SignatureIn(buf []byte) ([]byte, error) {
	size := decodedLen(len(j.signature))
	if size > len(buf) {
		buf = make([]byte, size)
	}
	if !decodeInto(buf[:size], j.signature) {
		return nil, ErrAlphabet
	}
	return buf[:size], nil
}

// Text decodes a segment to text. Whether it is JSON, or UTF-8 at all, is for the reader of the text to find out.
func Text(segment string) (string, error) {
	var ordinary [2 << 10]byte // on the stack, so that the text is the one allocation
	decoded := ordinary[:]
	if size := decodedLen(len(segment)); size > len(decoded) {
		decoded = make([]byte, size)
	} else {
		decoded = decoded[:size]
	}
	if !decodeInto(decoded, segment) {
		return "", ErrAlphabet
	}
	return string(decoded), nil
}
