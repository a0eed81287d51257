package compact

import (
	"net/url"
	"strings"
)

var token68 = charset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/")

func charset(chars string) (set [256]bool) {
	for i := range len(chars) {
		set[chars[i]] = true
	}
	return set
}

// IsToken68 reports whether token is token68 (RFC 9110 section 11.2). Eight bytes at a time, because every opaque token passes here.
func IsToken68(token string) bool {
	s := strings.TrimRight(token, "=")
	if s == "" {
		return false
	}
	set := &token68
	for ; len(s) >= 8; s = s[8:] {
		if !(set[s[0]] && set[s[1]] && set[s[2]] && set[s[3]] && set[s[4]] && set[s[5]] && set[s[6]] && set[s[7]]) {
			return false
		}
	}
	for i := range len(s) {
		if !set[s[i]] {
			return false
		}
	}
	return true
}

// IsVisible reports whether token is of visible ASCII (RFC 6749 section A.12, without the space) and has no comma, quote or backslash, which
// have a meaning in header fields.
func IsVisible(token string) bool {
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' || c == ',' || c == '"' || c == '\\' {
			return false
		}
	}
	return token != ""
}

// ResemblesJOSE reports whether a lenient reader could take token for a JOSE object, though LooksJOSE does not: one that leaves out what is not
// base64, pads segments, or undoes percent-encoding.
func ResemblesJOSE(token string) bool {
	if unescaped, err := url.PathUnescape(token); err == nil && unescaped != token && leadsToJOSE(unescaped) {
		return true
	}
	return leadsToJOSE(token)
}

func leadsToJOSE(token string) bool {
	segment, _, _ := strings.Cut(token, ".")
	first := strings.TrimLeftFunc(segment, isNoSextet)
	if end := strings.IndexFunc(first, isNoSextet); end >= 0 {
		first = first[:end]
	}
	return LooksJOSE(first) || LooksJOSE(strings.Map(sextetOnly, segment))
}

func isNoSextet(r rune) bool { return sextetOnly(r) < 0 }

// sextetOnly brings base64 to base64url, and drops what is neither.
func sextetOnly(r rune) rune {
	switch {
	case r == '+':
		return '-'
	case r == '/':
		return '_'
	case r == '-', r == '_', '0' <= r && r <= '9', 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z':
		return r
	default:
		return -1
	}
}
