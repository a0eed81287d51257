package credential

import (
	"errors"
	"strings"
)

// Scheme is the scheme of an Authorization field: how its sender says that the token is to be taken.
type Scheme string

// The schemes. The zero Scheme says that there was none, or none that is accepted.
const (
	Bearer Scheme = "Bearer"
	DPoP   Scheme = "DPoP"
)

var (
	errSeveralFields = errors.New("the Authorization field must occur once")
	errNoScheme      = errors.New("the Authorization field does not begin with a scheme and a space")
	errOtherScheme   = errors.New("the scheme of the Authorization field is not one that is accepted")
	errEmptyBearer   = errors.New("the scheme is not followed by a token")
)

// authorization reads the Authorization field: "Bearer" 1*SP token68 (RFC 6750 section 2.1), or DPoP in its place (RFC 9449
// section 7.1), the scheme in any case (RFC 9110 section 11.1). Without such a field nothing is found.
func (f *Finder) authorization(fields []string) (Found, Refusal) {
	if len(fields) == 0 {
		return Found{}, Refusal{}
	}
	if len(fields) > 1 {
		// Authorization is no list (RFC 9110 section 11.6.2): which of two identities would count?
		return Found{}, Refusal{SeveralTokens, errSeveralFields}
	}
	// As nearly everybody writes it.
	if token, ok := strings.CutPrefix(fields[0], "Bearer "); ok && token != "" && token[0] != ' ' {
		return Found{Token: token, Scheme: Bearer}, Refusal{}
	}
	name, rest, found := strings.Cut(fields[0], " ")
	if !IsName(name) {
		return Found{}, Refusal{Malformed, errNoScheme}
	}
	var scheme Scheme
	switch {
	case equalASCIIFold(name, "bearer"):
		scheme = Bearer
	case f.dpop && equalASCIIFold(name, "dpop"):
		scheme = DPoP
	default:
		return Found{}, Refusal{OtherScheme, errOtherScheme}
	}
	token := strings.TrimLeft(rest, " ")
	if !found || token == "" {
		return Found{Scheme: scheme}, Refusal{Malformed, errEmptyBearer}
	}
	return Found{Token: token, Scheme: scheme}, Refusal{}
}

// IsName reports whether s is a token in the sense of RFC 9110 section 5.6.2: the name of a field, a cookie or a scheme.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// equalASCIIFold compares s with lower, which is in lower-case ASCII. [strings.EqualFold] would let the Kelvin sign pass
// for a k.
func equalASCIIFold(s, lower string) bool {
	if len(s) != len(lower) {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
