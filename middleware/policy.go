package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

// policy is a Config in its compiled, immutable form. Only this is consulted on the request path.
type policy struct {
	trusts    []*trust          // in the order of Config.Issuers
	byIssuer  map[string]*trust // exact iss values
	templated []template        // iss values with a tenant in them
	opaque    []opaqueRoute     // longest prefix first
	names     *claims.Names     // the claims that any of the trusts reads

	dpop  *dpop // nil: DPoP-bound tokens are refused
	mtls  mtls
	fapi2 bool

	sources       []TokenSource
	crossOrigin   *http.CrossOriginProtection // never nil
	public        bool                        // crossOrigin knows PublicURL, and the Host field does not count
	maxTokenBytes int
	realm         string
	impliedBy     map[string][]string // scope -> every other scope that carries it

	errorHandler func(http.ResponseWriter, *http.Request, *Error)
	observe      func(context.Context, Decision)
	logger       *slog.Logger
	clock        func() time.Time // never nil
	ownClock     bool             // clock is Config.Clock
}

// trust is an Issuer in its compiled form.
type trust struct {
	url      string
	issuers  map[string]bool // exact iss values; empty with a template
	template []template

	allowTenant func(context.Context, string) bool

	audiences  []string // one must be in aud; nil if clients or noAudience stands in
	clients    []string
	noAudience bool

	apiNames []string // the names of this API, for locations of authorization details

	keys       KeySource // nil only with IntrospectJWTs
	algorithms map[string]bool
	bindKeys   bool                     // the configuration names no algorithms: each key keeps to that of the first token that was accepted
	conflict   atomic.Pointer[jwks.Key] // the last key that was met with a second algorithm, which is logged once

	profile Profile
	leeway  time.Duration
	accept  func(*Token) error

	jwts         JWTMode
	introspector Introspector          // nil: opaque tokens are refused
	asks         *introspection.Client // introspector, if it is just that: an application's own may decide by more than the Client in it

	scopes, roles, clientID []claims.Path
}

// template is an iss value with one place for a tenant. No two templates fit one iss: New sees to it.
type template struct {
	prefix, suffix string
	trust          *trust
	exact          map[string]*trust // policy.byIssuer: an iss that is named there fills no template, whoever asks
}

const tenantPlaceholder = "{tenantid}"

// String is the template as configured.
func (t template) String() string { return t.prefix + tenantPlaceholder + t.suffix }

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

// opaqueRoute sends opaque tokens that begin with prefix to one issuer.
type opaqueRoute struct {
	prefix string
	trust  *trust
}

// trustFor finds the trust entry that an iss value selects, and the tenant if a template matched. The iss is unverified:
// it selects among what is configured and is believed in nothing else.
func (p *policy) trustFor(iss string) (_ *trust, tenant string) {
	if t, ok := p.byIssuer[iss]; ok {
		return t, ""
	}
	for _, template := range p.templated {
		if tenant, ok := template.match(iss); ok {
			return template.trust, tenant
		}
	}
	return nil, ""
}

// trustForOpaque finds the one issuer that is asked about an opaque token; nil if none is. An opaque token is a
// credential, so it is never offered to one server after another.
func (p *policy) trustForOpaque(token string) *trust {
	for _, route := range p.opaque {
		if strings.HasPrefix(token, route.prefix) {
			return route.trust
		}
	}
	return nil
}

// realTime is time.Now() for a decision that has just begun.
func (p *policy) realTime(start time.Time) time.Time {
	if p.ownClock {
		return time.Now()
	}
	return start
}
