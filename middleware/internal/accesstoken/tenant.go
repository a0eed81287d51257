package accesstoken

import "strings"

// TenantPlaceholder stands for the tenant in an iss value.
const TenantPlaceholder = "{tenantid}"

// template is an iss value with one place for a tenant. No two templates fit one iss: New sees to it.
type template struct {
	prefix, suffix string
	issuer         *Issuer
	exact          map[string]*Issuer // tables.byName: an iss that is named there fills no template, whoever asks
}

// String is the template as configured.
func (t template) String() string { return t.prefix + TenantPlaceholder + t.suffix }

// match returns the tenant that fills the template to make iss.
func (t template) match(iss string) (tenant string, ok bool) {
	if t.exact[iss] != nil {
		return "", false
	}
	return t.filledBy(iss)
}

func (t template) filledBy(iss string) (tenant string, ok bool) {
	if len(iss) <= len(t.prefix)+len(t.suffix) {
		return "", false
	}
	rest, ok := strings.CutPrefix(iss, t.prefix)
	if !ok {
		return "", false
	}
	tenant, ok = strings.CutSuffix(rest, t.suffix)
	return tenant, ok && isTenant(tenant)
}

// meets returns an iss that fills both templates, if there is one. Such an iss begins with the longer prefix and ends with the
// longer suffix; either there is text between them, of which one letter does as well as any, or they overlap.
func (t template) meets(other template) (iss string, ok bool) {
	prefix, suffix := longer(t.prefix, other.prefix), longer(t.suffix, other.suffix)
	candidates := []string{prefix + "x" + suffix}
	for n := range min(len(prefix), len(suffix)) {
		if rest, ok := strings.CutPrefix(suffix, prefix[len(prefix)-n-1:]); ok {
			candidates = append(candidates, prefix+rest)
		}
	}
	for _, iss := range candidates {
		_, one := t.filledBy(iss)
		_, two := other.filledBy(iss)
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

// isTenant bounds what AllowTenant is asked about: it is text from an unverified token.
func isTenant(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0) {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 255
}
