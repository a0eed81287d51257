package statuslist

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
	"github.com/cardea-auth/cardea/middleware/internal/tenant"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// rules is an Issuer in compiled form. The zero rules are those of an issuer about whom nothing is said.
type rules struct {
	origins  []string // nil: that of the issuer
	signer   string   // empty: the issuer
	accepted uint16   // a bit for each application's status that is good
	required bool
}

// ruleTable leads from an issuer to its rules.
type ruleTable struct {
	exact     map[string]*rules
	templates []template
	others    rules
}

type template struct {
	tenant.Template

	rules *rules
}

// of finds the rules of the issuer that TokenFacts name. An exact name outranks a template, as it does in the Validator.
func (t *ruleTable) of(issuer string) *rules {
	if r := t.exact[issuer]; r != nil {
		return r
	}
	for i := range t.templates {
		if _, ok := t.templates[i].FilledBy(issuer); ok {
			return t.templates[i].rules
		}
	}
	return &t.others
}

// newRuleTable compiles issuers. Each mistake begins with the field.
func newRuleTable(v *middleware.Validator, issuers []Issuer) (*ruleTable, []error) {
	var mistakes []error
	t := &ruleTable{exact: make(map[string]*rules)}
	for i := range issuers {
		given := &issuers[i]
		wrong := func(format string, args ...any) {
			mistakes = append(mistakes, fmt.Errorf("statuslist: Issuers[%d]."+format, append([]any{i}, args...)...))
		}
		r := &rules{origins: slices.Clone(given.Origins), signer: given.SignedBy, required: given.Required}
		before, after, templated := strings.Cut(given.URL, tenant.Placeholder)
		tenants := tenant.Template{Prefix: before, Suffix: after}
		name := cmp.Or(issued.NameOf(v, given.URL), given.URL) // under which tokens come, if it is an alias
		switch {
		case given.URL == "":
			wrong("URL is required: name the issuer as the Validator does")
		case t.named(name):
			wrong("URL %q is named twice: say everything about an issuer at once", given.URL)
		case templated:
			t.templates = append(t.templates, template{tenants, r})
			if !serves(v, tenants) && given.SignedBy == "" {
				wrong("URL %q stands for no issuer by whose name the Validator knows tokens: let it be Issuer.URL of one, and none of its Aliases", given.URL)
			}
		default:
			t.exact[name] = r
			if keys, _ := v.KeySource(given.URL); keys == nil && given.SignedBy == "" {
				wrong("URL %q is not an issuer whose keys the Validator has: let it be Issuer.URL of one that verifies JWTs, or say who has SignedBy", given.URL)
			}
		}
		if given.SignedBy != "" {
			if keys, _ := v.KeySource(given.SignedBy); keys == nil {
				wrong("SignedBy %q is not an issuer whose keys the Validator has: let that one name it among its Issuers", given.SignedBy)
			}
		}
		for _, origin := range given.Origins {
			if reason := checkOrigin(origin); reason != "" {
				wrong("Origins %q %s", origin, reason)
			}
		}
		for _, status := range given.Accept {
			if status != 3 && (status < 12 || status > 15) {
				wrong("Accept %d is not left to applications: 3 and 12 to 15 are", status)
				continue
			}
			r.accepted |= 1 << status
		}
	}
	return t, mistakes
}

// serves reports whether tokens can come under a name that fills a template. Those of an alias come under another one.
func serves(v *middleware.Validator, tenants tenant.Template) bool {
	if any := tenants.With("any"); issued.NameOf(v, any) == any {
		return true
	}
	return slices.ContainsFunc(v.Health(), func(known middleware.IssuerHealth) bool {
		_, fills := tenants.FilledBy(known.Issuer)
		return fills || known.Issuer == tenants.String()
	})
}

func (t *ruleTable) named(url string) bool {
	return t.exact[url] != nil || slices.ContainsFunc(t.templates, func(known template) bool { return known.String() == url })
}

// checkOrigin says what is wrong with an origin; empty: nothing.
func checkOrigin(origin string) string {
	u, err := url.Parse(origin)
	switch {
	case err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin:
		return `must be scheme, host and port alone, in small letters, as "https://status.example.com"`
	case !targeturi.IsPublicHost(origin):
		return "must be one host: there are no wildcards, and names are in small letters"
	case originOf(origin) == "":
		return "must begin with https://; http is accepted for 127.0.0.1, [::1] and localhost"
	}
	return ""
}

// originOf is scheme, host and port of an address from which lists may come; empty: none may.
func originOf(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	if host == "" || strings.ContainsAny(host, "@?#\\") || scheme != "https" && (scheme != "http" || !targeturi.IsLoopback(host)) {
		return ""
	}
	return address[:len(scheme)+len("://")+len(host)]
}

// allow reports whether a list of the issuer may come from uri. Comparing letter by letter leaves no room for two readings of an address.
func (r *rules) allow(issuer, uri string) bool {
	if !isAddress(uri) {
		return false
	}
	if r.origins == nil {
		return below(originOf(issuer), uri)
	}
	for _, origin := range r.origins {
		if below(origin, uri) {
			return true
		}
	}
	return false
}

func below(origin, uri string) bool {
	return origin != "" && len(uri) > len(origin) && uri[:len(origin)] == origin && uri[len(origin)] == '/'
}

// maxAddress bounds what is kept of a token.
const maxAddress = 2 << 10

// isAddress accepts what has only the characters of a URI without fragment (RFC 3986 section 2).
func isAddress(uri string) bool {
	for i := range len(uri) {
		switch c := uri[i]; {
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"#<>\\^`{|}", c) >= 0:
			return false
		case c == '%' && (i+2 >= len(uri) || !isHex(uri[i+1]) || !isHex(uri[i+2])):
			return false
		}
	}
	return len(uri) <= maxAddress
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// shown is an address for an error or a log, escaped and cut short, without its query, where people put secrets.
func shown(uri string) string {
	uri, _, _ = strings.Cut(uri, "?")
	return cause.Plain(uri)
}
