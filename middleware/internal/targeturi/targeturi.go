// Package targeturi brings the address of a request, and what a DPoP proof says of it, to one form.
package targeturi

import "strings"

// URI is a request URI without query and fragment, in the one form that RFC 3986 section 6.2.2 and 6.2.3 lead to: what
// RFC 9449 section 4.3 compares htu with. Two spellings of one address are one URI. The zero URI is none.
type URI struct {
	origin string // scheme and host, with the port unless it is the scheme's own
	path   string // begins with a slash
}

// Origin is the scheme and the host of u, with the port unless it is the scheme's own.
func (u URI) Origin() string { return u.origin }

// String is the URI without its query.
func (u URI) String() string { return u.origin + u.path }

// Parse reads an absolute http or https URI. What is no character of a URI is none in its query either.
func Parse(uri string) (u URI, ok bool) {
	if !visible(uri) {
		return URI{}, false
	}
	scheme, rest, ok := strings.Cut(uri, "://")
	scheme = lowerASCII(scheme)
	if !ok || scheme != "https" && scheme != "http" {
		return URI{}, false
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, ok := parseHost(scheme, rest[:end])
	if !ok {
		return URI{}, false
	}
	path, ok := normalPath(withoutQuery(rest[end:]))
	return URI{origin: scheme + "://" + host, path: path}, ok
}

// At returns the URI of a request-target that arrived at the server whose address is u. Of an absolute-form
// (RFC 9112 section 3.2.2) only the path counts: what the client says of the host is the client's word.
func (u URI) At(requestTarget string) (at URI, ok bool) {
	// No request-target has a fragment, and net/http would take one for a part of the path.
	if strings.IndexByte(requestTarget, '#') >= 0 {
		return URI{}, false
	}
	path := withoutQuery(requestTarget)
	if !strings.HasPrefix(path, "/") {
		absolute, ok := Parse(path)
		if !ok {
			return URI{}, false
		}
		path = absolute.path
	}
	path, ok = normalPath(path) // on its own, so that no dot segment climbs out of the prefix
	return URI{origin: u.origin, path: strings.TrimSuffix(u.path, "/") + path}, ok
}

func withoutQuery(s string) string {
	if end := strings.IndexAny(s, "?#"); end >= 0 {
		return s[:end]
	}
	return s
}

// parseHost takes a host and a port, and no user information: that belongs to no request.
func parseHost(scheme, authority string) (string, bool) {
	if strings.ContainsAny(authority, "@%\\") {
		return "", false
	}
	host, port, hasPort := authority, "", false
	if i := strings.LastIndexByte(authority, ':'); i >= 0 && !strings.Contains(authority[i:], "]") {
		host, port, hasPort = authority[:i], authority[i+1:], true
	}
	if bracketed := strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]"); !bracketed && strings.ContainsAny(host, ":[]") {
		return "", false
	}
	if host == "" || hasPort && strings.Trim(port, "0123456789") != "" {
		return "", false
	}
	host = lowerASCII(host)
	if port == "" || scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return host, true
	}
	return host + ":" + port, true
}

// normalPath brings escapes to one form and removes dot segments, in this order, since an escaped dot is a dot.
func normalPath(path string) (string, bool) {
	if path == "" {
		return "/", true
	}
	if path[0] != '/' || !visible(path) {
		return "", false
	}
	if strings.IndexByte(path, '%') >= 0 {
		var ok bool
		if path, ok = normalEscapes(path); !ok {
			return "", false
		}
	}
	if !strings.Contains(path, "/.") {
		return path, true
	}
	return withoutDots(path), true
}

// normalEscapes decodes what needs no escape and writes the others in upper case (RFC 3986 sections 6.2.2.1 and 6.2.2.2).
func normalEscapes(path string) (string, bool) {
	var b strings.Builder
	b.Grow(len(path))
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b.WriteByte(path[i])
			continue
		}
		if i+2 >= len(path) {
			return "", false
		}
		high, low := unhex(path[i+1]), unhex(path[i+2])
		if high < 0 || low < 0 {
			return "", false
		}
		if c := byte(high<<4 | low); unreserved(c) {
			b.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			b.WriteByte('%')
			b.WriteByte(digits[high])
			b.WriteByte(digits[low])
		}
		i += 2
	}
	return b.String(), true
}

// withoutDots is RFC 3986 section 5.2.4 for a path that begins with a slash.
func withoutDots(path string) string {
	segments := strings.Split(path[1:], "/")
	kept := segments[:0]
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// unreserved is RFC 3986 section 2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// visible reports whether s is printable ASCII without spaces, as a URI is.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

func lowerASCII(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s) // ASCII only, as visible and the comparison with known schemes see to
		}
	}
	return s
}
