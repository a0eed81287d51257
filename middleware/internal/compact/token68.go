package compact

import "strings"

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
