package middleware

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/challenge"
	"github.com/cardea-auth/cardea/middleware/internal/shards"
)

// compiler collects the mistakes of a Config, so that its author can mend all of them at once.
type compiler struct {
	cfg      Config
	mistakes []error
	fetched  []io.Closer
}

// wrong notes a mistake. The text names the field, the value and the remedy.
func (c *compiler) wrong(format string, args ...any) {
	c.mistakes = append(c.mistakes, fmt.Errorf("middleware: "+format, args...))
}

// compile makes the policy and the key caches that belong to it. It does no I/O.
func compile(cfg Config) (*policy, []io.Closer, error) {
	c := &compiler{cfg: cfg}
	p := &policy{
		realm:        cfg.Realm,
		impliedBy:    c.impliedBy(),
		errorHandler: cfg.ErrorHandler,
		observe:      cfg.Observe,
		logger:       cfg.Logger,
		logSubjects:  cfg.LogSubjects,
		clocks:       make(map[string]*cause.Clock, len(cfg.Issuers)),
		clock:        cfg.Clock,
		ownClock:     cfg.Clock != nil,
	}
	if p.clock == nil {
		p.clock = time.Now
	}
	c.checkLimits()
	c.checkRealm(p)
	bases := c.publicURLs()
	c.bindings(p, bases)
	c.credentials(p, bases)
	c.filledStrings("Audiences", cfg.Audiences)
	c.revocations(p)
	c.judge(p)

	if len(c.mistakes) > 0 {
		for _, cache := range c.fetched {
			_ = cache.Close() // it was never used
		}
		return nil, nil, errors.Join(c.mistakes...)
	}
	for _, warning := range c.warnings(bases) {
		warning.log(p.log())
	}
	return p, c.fetched, nil
}

func (c *compiler) checkLimits() {
	const most = 1 << 20 // net/http's default for a whole request header
	if c.cfg.MaxTokenBytes < 0 || c.cfg.MaxTokenBytes > most {
		c.wrong("MaxTokenBytes is %d: it must lie between 1 and %d, or be 0 for %d", c.cfg.MaxTokenBytes, most, defaultMaxTokenBytes)
	}
	const least = 64 << 10
	switch cache := c.cfg.TokenCache; {
	case cache.Bytes < 0, cache.Bytes > 0 && cache.Bytes < least:
		c.wrong("TokenCache.Bytes is %d: it must be at least %d, or 0 for no limit but TokenCache.Entries", cache.Bytes, least)
	case cache.Bytes > 0 && cache.Entries < 0:
		c.wrong("TokenCache.Bytes is %d, and TokenCache.Entries %d switches the cache off: leave out one of them", cache.Bytes, cache.Entries)
	}
	if c.cfg.TokenCache.MaxAge < 0 {
		c.wrong("TokenCache.MaxAge is %v: it must not be negative; to switch the cache off set TokenCache.Entries to -1", c.cfg.TokenCache.MaxAge)
	}
}

func (c *compiler) checkRealm(p *policy) {
	if p.realm == "" {
		p.realm = challenge.DefaultRealm
	}
	for i := range len(p.realm) {
		if !challenge.IsSafe(p.realm[i]) {
			c.wrong("Realm %q: it must be of printable ASCII without quotes and backslashes (RFC 6750 section 3)", p.realm)
			return
		}
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

// judge compiles the issuers, and what judges their tokens.
func (c *compiler) judge(p *policy) {
	if len(c.cfg.Issuers) == 0 {
		c.wrong("Issuers is empty: name at least one trusted authorization server")
		if len(c.cfg.Audiences) == 0 {
			c.wrong("Audiences is empty: name this API as the server writes it into aud (RFC 9068 section 4)")
		}
	}
	limits := shards.Limits{Entries: c.cfg.TokenCache.Entries, Bytes: c.cfg.TokenCache.Bytes}
	if limits == (shards.Limits{}) {
		limits.Entries = defaultCacheEntries
	}
	cfg := accesstoken.Config{Cache: limits, MaxAge: c.cfg.TokenCache.MaxAge}
	for i, issuer := range c.cfg.Issuers {
		ic := issuerCompiler{compiler: c, cfg: issuer, field: fmt.Sprintf("Issuers[%d]", i), policy: p}
		cfg.Issuers = append(cfg.Issuers, ic.compile())
		p.clocks[issuer.URL] = new(cause.Clock)
	}
	var mistakes []accesstoken.Mistake
	p.judge, mistakes = accesstoken.New(cfg)
	for _, m := range mistakes {
		c.wrong("Issuers[%d].%w", m.Issuer, m.Err)
	}
}

// filledStrings reports a mistake for every empty string of a list.
func (c *compiler) filledStrings(field string, values []string) {
	for i, v := range values {
		switch {
		case strings.TrimSpace(v) == "":
			c.wrong("%s[%d] is empty: is an environment variable missing?", field, i)
		case hasStrayCharacters(v):
			c.wrong("%s[%d] is %+q, with blanks at an end or control characters, and is compared byte for byte: take them out", field, i, v)
		}
	}
}

// hasStrayCharacters reports whether a name has blanks at an end, or control characters, as one from a file or a shell may.
func hasStrayCharacters(name string) bool {
	return strings.TrimSpace(name) != name || strings.ContainsFunc(name, unicode.IsControl)
}
