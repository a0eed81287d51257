// Package tenant knows iss values that have a place for a tenant, for servers that serve many.
package tenant

import "strings"

// Placeholder stands for the tenant in an iss value.
const Placeholder = "{tenantid}"

// Template is an iss value with one place for a tenant.
type Template struct{ Prefix, Suffix string }

// String is the template as configured.
func (t Template) String() string { return t.Prefix + Placeholder + t.Suffix }

// With is the template filled with a tenant.
func (t Template) With(tenant string) string { return t.Prefix + tenant + t.Suffix }

// FilledBy returns the tenant that fills the template to make iss.
func (t Template) FilledBy(iss string) (tenant string, ok bool) {
	if len(iss) <= len(t.Prefix)+len(t.Suffix) {
		return "", false
	}
	rest, ok := strings.CutPrefix(iss, t.Prefix)
	if !ok {
		return "", false
	}
	tenant, ok = strings.CutSuffix(rest, t.Suffix)
	return tenant, ok && IsName(tenant)
}

// Meets returns an iss that fills both templates, if there is one. Such an iss begins with the longer prefix and ends with the
// longer suffix; either there is text between them, of which one letter does as well as any, or they overlap.
func (t Template) Meets(other Template) (iss string, ok bool) {
	prefix, suffix := longer(t.Prefix, other.Prefix), longer(t.Suffix, other.Suffix)
	candidates := []string{prefix + "x" + suffix}
	for n := range min(len(prefix), len(suffix)) {
		if rest, ok := strings.CutPrefix(suffix, prefix[len(prefix)-n-1:]); ok {
			candidates = append(candidates, prefix+rest)
		}
	}
	for _, iss := range candidates {
		_, one := t.FilledBy(iss)
		_, two := other.FilledBy(iss)
		if one && two {
			return iss, true
		}
	}
	return "", false
}

func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}

// IsName bounds what AllowTenant is asked about, which is text from an unverified token that may become part of an address: characters
// that mean nothing there (RFC 3986 section 2.3), and no step to another folder.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 255 && s != "." && s != ".."
}

// OnePath reports whether the path of one name is all in that of the other, as https://sts.example/acme/ is in
// https://login.example/acme/v2.0: then they are names of one tenant. Without a path a name says nothing about that.
func OnePath(a, b string) bool {
	short, long := pathOf(a), pathOf(b)
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) == 0 {
		return false
	}
	for _, segment := range long {
		if len(short) > 0 && segment == short[0] {
			short = short[1:]
		}
	}
	return len(short) == 0
}

func pathOf(iss string) []string {
	if _, behind, ok := strings.Cut(iss, "://"); ok {
		iss = behind
	}
	_, path, _ := strings.Cut(strings.TrimRight(iss, "/"), "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}
