package credential

import (
	"errors"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
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
	errEmptyBearer   = cause.Hint("the scheme is not followed by a token", "the client has no token where it should have one: a variable that is empty")
)

// authorization reads the Authorization field: "Bearer" 1*SP token68 (RFC 6750 section 2.1), or DPoP in its place (RFC 9449
// section 7.1), the scheme in any case (RFC 9110 section 11.1). Without such a field, or with one that is empty, nothing is found.
// foreign says that the field speaks of something else, which another place may outweigh: whose credentials a gateway puts there is
// its own affair.
func (f *Finder) authorization(fields []string) (found Found, foreign bool, _ Refusal) {
	if f.ignoreAuthorization || len(fields) == 0 || len(fields) == 1 && strings.Trim(fields[0], " \t") == "" {
		return Found{}, false, Refusal{}
	}
	if len(fields) > 1 {
		// Authorization is not a list (RFC 9110 section 11.6.2): which of two identities would count?
		return Found{}, false, Refusal{SeveralTokens, errSeveralFields}
	}
	// As nearly everybody writes it.
	if token, ok := strings.CutPrefix(fields[0], "Bearer "); ok && token != "" && token[0] != ' ' {
		return Found{Token: token, Scheme: Bearer}, false, Refusal{}
	}
	name, rest, spaced := strings.Cut(fields[0], " ")
	if !IsName(name) {
		return Found{}, false, Refusal{Malformed, cause.Scheme(errNoScheme, fields[0], f.accepted())}
	}
	scheme := schemeOf(name)
	if scheme == "" || scheme == DPoP && !f.dpop {
		foreign := scheme == "" && spaced && !listsOurs(rest)
		return Found{}, foreign, Refusal{OtherScheme, cause.Scheme(errOtherScheme, fields[0], f.accepted())}
	}
	token := strings.TrimLeft(rest, " ")
	if token == "" {
		return Found{Scheme: scheme}, false, Refusal{Malformed, errEmptyBearer}
	}
	return Found{Token: token, Scheme: scheme}, false, Refusal{}
}

// accepted names the schemes, for an operator.
func (f *Finder) accepted() string {
	if f.dpop {
		return "Bearer or DPoP"
	}
	return "Bearer"
}

// schemeOf returns the scheme of a name that is ours, whether or not it is accepted here; empty for any other.
func schemeOf(name string) Scheme {
	switch {
	case equalASCIIFold(name, "bearer"):
		return Bearer
	case equalASCIIFold(name, "dpop"):
		return DPoP
	default:
		return ""
	}
}

// listsOurs reports whether one of our schemes begins an element of a list, as where two fields were joined by a proxy. Such a field holds
// a token of ours perhaps, so nothing else may outweigh it.
func listsOurs(rest string) bool {
	for element := range strings.SplitSeq(rest, ",") {
		name := strings.Trim(element, " \t")
		if end := strings.IndexAny(name, " \t"); end >= 0 {
			name = name[:end]
		}
		if schemeOf(name) != "" {
			return true
		}
	}
	return false
}

// withoutScheme takes the scheme off a value that another place holds as a gateway has moved it, scheme and all. A value without one is the
// token itself.
func (f *Finder) withoutScheme(value string) (token string, scheme Scheme, _ Refusal) {
	name, rest, spaced := strings.Cut(value, " ")
	switch scheme := schemeOf(name); {
	case scheme == "" || scheme == DPoP && !f.dpop:
		return value, "", Refusal{}
	case !spaced || strings.Trim(rest, " ") == "":
		return "", scheme, Refusal{Malformed, errEmptyBearer}
	default:
		return strings.TrimLeft(rest, " "), scheme, Refusal{}
	}
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
