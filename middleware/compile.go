package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

// compiler collects the mistakes of a Config, so that its author can mend all of them at once.
type compiler struct {
	cfg      Config
	mistakes []error
	fetched  []*jwks.Cache
}

// wrong notes a mistake. The text names the field, the value and the remedy.
func (c *compiler) wrong(format string, args ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf("middleware: "+format, args...))
}

// compile makes the policy and the key caches that belong to it. It does no I/O.
func compile(cfg Config) (*policy, []*jwks.Cache, error) {
	c := &compiler{cfg: cfg}
	p := &policy{
		sources:       slices.Clone(cfg.TokenSources),
		crossOrigin:   http.NewCrossOriginProtection(),
		maxTokenBytes: cfg.MaxTokenBytes,
		realm:         cfg.Realm,
		impliedBy:     c.impliedBy(),
		errorHandler:  cfg.ErrorHandler,
		observe:       cfg.Observe,
		logger:        cfg.Logger,
		clock:         cfg.Clock,
		ownClock:      cfg.Clock != nil,
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	c.checkLimits(p)
	c.checkRealm(p)
	var base target
	base, p.public = c.publicURL(p)
	c.bindings(p, base, p.public)
	c.checkSources()
	c.filledStrings("Audiences", cfg.Audiences)
	c.issuers(p)

	if len(c.mistakes) > 0 {
		for _, cache := range c.fetched {
			_ = cache.Close() // it was never used
		}
		return nil, nil, errors.Join(c.mistakes...)
	}
	if p.logger != nil {
		for _, warning := range c.warnings(base) {
			warning.log(p.logger)
		}
	}
	return p, c.fetched, nil
}

func (c *compiler) checkLimits(p *policy) {
	const most = 1 << 20 // net/http's default for a whole request header
	switch {
	case c.cfg.MaxTokenBytes == 0:
		p.maxTokenBytes = defaultMaxTokenBytes
	case c.cfg.MaxTokenBytes < 0 || c.cfg.MaxTokenBytes > most:
		c.wrong("MaxTokenBytes is %d: it must lie between 1 and %d, or be 0 for %d", c.cfg.MaxTokenBytes, most, defaultMaxTokenBytes)
	}
	if c.cfg.TokenCache.MaxAge < 0 {
		c.wrong("TokenCache.MaxAge is %v: it must not be negative; to switch the cache off set TokenCache.Entries to -1", c.cfg.TokenCache.MaxAge)
	}
}

func (c *compiler) checkRealm(p *policy) {
	if p.realm == "" {
		p.realm = defaultRealm
	}
	for i := range len(p.realm) {
		if !isSafe(p.realm[i]) {
			c.wrong("Realm %q: it must be of printable ASCII without quotes and backslashes (RFC 6750 section 3)", p.realm)
			return
		}
	}
}

func (c *compiler) checkSources() {
	seen := make(map[TokenSource]bool)
	for i, s := range c.cfg.TokenSources {
		switch {
		case s.kind == 0:
			c.wrong("TokenSources[%d] is the zero TokenSource: make it with FromHeader, FromCookie or FromForm", i)
		case s.name == "" || !isFieldToken(s.name):
			c.wrong("TokenSources[%d]: %q is no name of a header field or cookie", i, s.name)
		case s.kind == headerSource && s.name == "Authorization":
			c.wrong("TokenSources[%d]: the Authorization field is always read, with its scheme; leave it out", i)
		case s.kind == headerSource && s.name == "Cookie":
			c.wrong("TokenSources[%d]: the Cookie field holds many cookies; use FromCookie with the name of one", i)
		case s.kind == headerSource && (isTaken(s.name) || slices.Contains(certificateFields, s.name)):
			c.wrong("TokenSources[%d]: the field %s has another meaning; name one that holds nothing but a token", i, s.name)
		case seen[s]:
			c.wrong("TokenSources[%d]: %q is named twice", i, s.name)
		}
		seen[s] = true
	}
}

// impliedBy turns ScopeImplies round and follows it to its end: for each scope, all others that carry it.
func (c *compiler) impliedBy() map[string][]string {
	for scope, carried := range c.cfg.ScopeImplies {
		for _, s := range append([]string{scope}, carried...) {
			if !isScopeToken(s) {
				c.wrong("ScopeImplies[%q]: %q is no scope-token (RFC 6749 section 3.3)", scope, s)
			}
		}
	}
	impliedBy := make(map[string][]string)
	for scope := range c.cfg.ScopeImplies {
		for _, carried := range c.carriedBy(scope) {
			impliedBy[carried] = append(impliedBy[carried], scope)
		}
	}
	for _, scopes := range impliedBy {
		slices.Sort(scopes)
	}
	return impliedBy
}

// carriedBy lists what scope carries, directly or through others, without itself. Circles are harmless.
func (c *compiler) carriedBy(scope string) []string {
	reached := []string{scope}
	for i := 0; i < len(reached); i++ {
		for _, next := range c.cfg.ScopeImplies[reached[i]] {
			if !slices.Contains(reached, next) {
				reached = append(reached, next)
			}
		}
	}
	return reached[1:]
}

// issuers compiles the trust entries and the tables that lead to them.
func (c *compiler) issuers(p *policy) {
	if len(c.cfg.Issuers) == 0 {
		c.wrong("Issuers is empty: name at least one trusted authorization server")
	}
	p.byIssuer = make(map[string]*trust)
	p.names = claims.NewNames()
	for i, cfg := range c.cfg.Issuers {
		ic := issuerCompiler{compiler: c, cfg: cfg, field: fmt.Sprintf("Issuers[%d]", i), policy: p}
		p.trusts = append(p.trusts, ic.compile())
	}
	c.routeOpaque(p)
}

// routeOpaque makes the table that sends opaque tokens to one issuer each.
func (c *compiler) routeOpaque(p *policy) {
	introspecting := 0
	for _, t := range p.trusts {
		if t.introspector != nil {
			introspecting++
		}
	}
	taken := make(map[string]bool)
	for i, t := range p.trusts {
		prefixes := c.cfg.Issuers[i].OpaquePrefixes
		if t.introspector == nil {
			if len(prefixes) > 0 {
				c.wrong("Issuers[%d].OpaquePrefixes is set without an Introspector: set Introspector, or leave the prefixes out", i)
			}
			continue
		}
		if len(prefixes) == 0 {
			if introspecting > 1 {
				c.wrong("Issuers[%d].OpaquePrefixes is empty while %d issuers introspect: an opaque token must lead to one of them, so name the prefixes of each", i, introspecting)
			}
			prefixes = []string{""}
		}
		for _, prefix := range prefixes {
			if prefix == "" && len(c.cfg.Issuers[i].OpaquePrefixes) > 0 || taken[prefix] {
				c.wrong("Issuers[%d].OpaquePrefixes: %q is empty or named twice", i, prefix)
			}
			taken[prefix] = true
			p.opaque = append(p.opaque, opaqueRoute{prefix, t})
		}
	}
	slices.SortStableFunc(p.opaque, func(a, b opaqueRoute) int { return len(b.prefix) - len(a.prefix) })
}

// filledStrings reports a mistake for every empty string of a list.
func (c *compiler) filledStrings(field string, values []string) {
	for i, v := range values {
		if strings.TrimSpace(v) == "" {
			c.wrong("%s[%d] is empty: is an environment variable missing?", field, i)
		}
	}
}
