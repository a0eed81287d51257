package kit

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// The challenges of an API without a name, to a request without a token and to a bad token.
const (
	NoTokenChallenge      = `Bearer realm="api"`
	InvalidTokenChallenge = `Bearer realm="api", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this API."`
)

// Challenge is a parsed WWW-Authenticate field.
type Challenge struct {
	Scheme string
	Params map[string]string
}

// ParseChallenge reads one challenge with auth-params as RFC 9110 sections 11.6.1 and 5.6.4 write it. It is written
// apart from the code that it tests, and knows nothing but the grammar.
func ParseChallenge(field string) (Challenge, error) {
	scheme, rest, found := strings.Cut(field, " ")
	if !found || !EveryByte(scheme, IsTchar) {
		return Challenge{}, fmt.Errorf("no scheme and space in %q", field)
	}
	c := Challenge{scheme, make(map[string]string)}
	for {
		name, tail, found := strings.Cut(rest, "=")
		if !found || !EveryByte(name, IsTchar) {
			return c, fmt.Errorf("no parameter name in %q", rest)
		}
		value, tail, err := quoted(tail)
		if err != nil {
			return c, err
		}
		if _, twice := c.Params[name]; twice {
			return c, fmt.Errorf("parameter %s occurs twice in %q", name, field)
		}
		c.Params[name] = value
		if tail == "" {
			return c, nil
		}
		if rest, found = strings.CutPrefix(tail, ", "); !found {
			return c, fmt.Errorf("%q follows parameter %s", tail, name)
		}
	}
}

func quoted(s string) (value, rest string, err error) {
	if s == "" || s[0] != '"' {
		return "", "", fmt.Errorf("%q is no quoted-string", s)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c == '\t' || c >= ' ' && c != 0x7f:
			b.WriteByte(c)
		default:
			return "", "", fmt.Errorf("byte %#x in quoted-string %q", c, s)
		}
	}
	return "", "", fmt.Errorf("quoted-string %q does not end", s)
}

// IsTchar tells the characters of a token (RFC 9110 section 5.6.2).
func IsTchar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// EveryByte reports whether s has bytes, all of which fit.
func EveryByte(s string, is func(byte) bool) bool {
	for i := range len(s) {
		if !is(s[i]) {
			return false
		}
	}
	return s != ""
}

// ChallengesOf parses all challenges of an answer, by scheme.
func ChallengesOf(t testing.TB, h http.Header) map[string]map[string]string {
	t.Helper()
	found := make(map[string]map[string]string)
	for _, line := range h.Values("WWW-Authenticate") {
		c, err := ParseChallenge(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if found[c.Scheme] != nil {
			t.Fatalf("two challenges of scheme %s", c.Scheme)
		}
		found[c.Scheme] = c.Params
	}
	return found
}
