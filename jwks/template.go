package jwks

import (
	"errors"
	"strings"
)

const placeholder = "{tenantid}"

// template is text with one place for a tenant.
type template struct{ prefix, suffix string }

func newTemplate(text string) (template, error) {
	prefix, suffix, found := strings.Cut(text, placeholder)
	if !found || strings.Contains(suffix, placeholder) {
		return template{}, errors.New("it must have one " + placeholder)
	}
	return template{prefix, suffix}, nil
}

// printableTemplate is printable for a template, whose braces no URL has.
func printableTemplate(text string) string {
	const stand = "tenantid-stands-here"
	return strings.ReplaceAll(printable(strings.ReplaceAll(text, placeholder, stand)), stand, placeholder)
}

func (t template) filledWith(tenant string) string { return t.prefix + tenant + t.suffix }

// tenantIn is the tenant that fills the template to make text.
func (t template) tenantIn(text string) (tenant string, ok bool) {
	rest, begins := strings.CutPrefix(text, t.prefix)
	tenant, ends := strings.CutSuffix(rest, t.suffix)
	return tenant, begins && ends && isTenant(tenant)
}

// isTenant: whatever of an unverified token becomes part of an address is of characters that mean nothing there (RFC 3986 section 2.3), and
// no step to another folder.
func isTenant(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("-._~", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 255 && s != "." && s != ".."
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// site judges where in an address the tenant stands. It must be a whole segment of the path, or the first labels of the host before a
// domain that is fixed: anywhere else its text could lead to another server, or to another document of this one.
func (t template) site() (isHost bool, err error) {
	if t.prefix == "https://" || t.prefix == "http://" {
		domain := t.suffix[:len(t.suffix)-len(strings.TrimLeft(t.suffix, ".-abcdefghijklmnopqrstuvwxyz0123456789"))]
		if !strings.HasPrefix(domain, ".") || strings.Count(domain, ".") < 2 || strings.HasSuffix(domain, ".") || strings.Contains(domain, "..") {
			return false, errors.New("in the host, " + placeholder + " must come first, before a domain of two labels at least, as " + placeholder + ".idp.example")
		}
		return true, nil
	}
	if !strings.HasSuffix(t.prefix, "/") || strings.ContainsAny(t.prefix, "?#") || t.suffix != "" && t.suffix[0] != '/' && t.suffix[0] != '?' {
		return false, errors.New(placeholder + " must be a whole segment of the path, or the first labels of the host")
	}
	return false, nil
}

// isLabels reports whether the tenant can be the first labels of a host (RFC 1123 section 2.1), in the one case that a host has here: the
// same host in many spellings would be many tenants.
func isLabels(tenant string) bool {
	for label := range strings.SplitSeq(tenant, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return len(tenant) <= 200 && strings.Trim(tenant, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}
