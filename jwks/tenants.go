package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
	"github.com/cardea-auth/cardea/jwks/internal/jwa"
	"github.com/cardea-auth/cardea/jwks/internal/pacing"
)

const (
	placeholder    = "{tenantid}"
	defaultTenants = 1024
	maxNewcomers   = 64  // tenants of which no key has verified a token
	maxLoading     = 16  // of those, whose first fetch is under way
	firstLoads     = 256 // that can be saved up …
	firstLoadEvery = time.Second / 16
)

// TenantsConfig says where the keys of the tenants of one server are, if each has keys of its own. "{tenantid}" stands for the tenant.
type TenantsConfig struct {
	_ [0]func()

	// Issuer is what the tenants' tokens have as iss, with one {tenantid} in it. Without URL it must be an address that New would take as
	// Config.Issuer, and each tenant's metadata must name the filled template as its issuer. {tenantid} is then a whole segment of the path,
	// or the first labels of the host before a fixed domain: "https://sso.example/realms/{tenantid}", "https://{tenantid}.idp.example".
	Issuer string

	// Aliases are further forms of iss with one {tenantid}. Nothing is fetched from there.
	Aliases []string

	// URL is the address of a tenant's key set, with {tenantid} in such a place. Empty: it is read from the tenant's metadata.
	URL string

	// MaxTenants is how many tenants are kept of which a key has verified a token; beyond it, one goes that was not asked about of late.
	// Beside them there are at most 64 others. Zero: 1024.
	MaxTenants int

	// Cache configures the Cache of each tenant. Its URL and Issuer are to be empty.
	Cache Config
}

// Tenants is a bounded family of Caches, one for each tenant of a server on which each has keys of its own, such as a realm that may
// be made while the service runs. Always [Tenants.Close] it. It is safe for concurrent use.
//
// It has to be told the token's iss, and asks the server about every tenant that one names: whoever calls it decides first which names are
// let through. What somebody who makes up names can do is bounded all the same. A tenant of which no key has verified a token yet takes the
// place of another such tenant, never of one that has, and first fetches are limited: sixteen at a time, and sixteen in a second
// once 256 are spent. Beyond that, tenants that are not known yet cannot be judged; those that are feel nothing of it.
type Tenants struct {
	_ [0]func()

	names  []template
	source template
	isHost bool // the tenant stands in the host of source
	cache  Config
	most   int

	known atomic.Pointer[map[string]*tenant] // is replaced, never changed
	turn  atomic.Uint64                      // counts the tenants that have come, so that a look-up does not have to write each time

	mu      sync.Mutex // guards what follows; known is replaced under it
	closed  bool
	loads   pacing.Bucket
	leaving sync.WaitGroup
}

// tenant is one of the family.
type tenant struct {
	cache *Cache
	used  atomic.Uint64 // the turn in which it was last asked about
}

var (
	errNoTenant   = fmt.Errorf("%w: iss names no tenant", ErrKeyNotFound)
	errNotThere   = fmt.Errorf("%w: the issuer knows no such tenant", ErrKeyNotFound)
	errNeedsIss   = &unavailable{cause: errors.New("Tenants has to be told the token's iss: call VerificationKeysFor")}
	errFirstLoads = &unavailable{cause: errors.New("the keys of too many tenants are being fetched for the first time"), after: time.Second}
)

// NewTenants checks cfg and returns Tenants without doing any I/O. The error names every mistake at once.
func NewTenants(cfg TenantsConfig) (*Tenants, error) {
	t := &Tenants{most: cfg.MaxTenants, loads: pacing.NewBucket(firstLoads, firstLoadEvery)}
	var errs []error
	wrong := func(field string, err error) {
		errs = append(errs, fmt.Errorf("jwks: TenantsConfig.%s: %w", field, err))
	}

	read := func(field, text string) template {
		parsed, err := newTemplate(text)
		if err != nil {
			wrong(fmt.Sprintf("%s %q", field, printableTemplate(text)), err)
		}
		return parsed
	}
	t.names = append(t.names, read("Issuer", cfg.Issuer))
	for i, alias := range cfg.Aliases {
		t.names = append(t.names, read(fmt.Sprintf("Aliases[%d]", i), alias))
	}
	field, text := "Issuer", cfg.Issuer
	t.source = t.names[0]
	if cfg.URL != "" {
		field, text = "URL", cfg.URL
		t.source = read(field, text)
	}
	if len(errs) == 0 {
		var err error
		if t.isHost, err = t.source.site(); err != nil {
			wrong(fmt.Sprintf("%s %q", field, printableTemplate(text)), err)
		}
	}
	if cfg.MaxTenants < 0 {
		wrong("MaxTenants", fmt.Errorf("%d is negative; use a positive number, or zero for %d", cfg.MaxTenants, defaultTenants))
	}
	if cfg.MaxTenants == 0 {
		t.most = defaultTenants
	}
	if cfg.Cache.URL != "" || cfg.Cache.Issuer != "" {
		wrong("Cache", errors.New("it names a URL or an Issuer; leave them out, they differ by tenant"))
	}
	t.cache = cfg.Cache
	t.cache.URL, t.cache.Issuer = "", cfg.Issuer
	if cfg.URL != "" {
		t.cache.URL, t.cache.Issuer = cfg.URL, ""
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	example, err := t.configFor("tenant").complete()
	if err != nil {
		return nil, fmt.Errorf("jwks: TenantsConfig.%s %q, for a tenant called tenant: %w", field, printableTemplate(text), err)
	}
	example.warn()
	t.cache = example
	t.cache.HTTPClient = download.NewClient(cfg.Cache.HTTPClient) // one for all
	t.known.Store(&map[string]*tenant{})
	return t, nil
}

// configFor fills the template.
func (t *Tenants) configFor(name string) Config {
	cfg := t.cache
	if filled := t.source.filledWith(name); cfg.URL != "" {
		cfg.URL = filled
	} else {
		cfg.Issuer = filled
	}
	return cfg
}

// VerificationKeysFor is [Cache.VerificationKeys] of the tenant that iss names. An iss that names none, and a tenant of which the server
// itself says that it is not there (404 or 410 for its metadata or its key set), are errors that wrap [ErrKeyNotFound].
func (t *Tenants) VerificationKeysFor(ctx context.Context, iss, kid, alg string) ([]*Key, error) {
	return t.ask(iss, alg, func(c *Cache) ([]*Key, error) { return c.VerificationKeys(ctx, kid, alg) })
}

// ReconsiderFor is [Cache.Reconsider] of the tenant that iss names.
func (t *Tenants) ReconsiderFor(ctx context.Context, iss, kid, alg string, tried []*Key) ([]*Key, error) {
	return t.ask(iss, alg, func(c *Cache) ([]*Key, error) { return c.Reconsider(ctx, kid, alg, tried) })
}

// VerificationKeys always fails, and its error wraps [ErrUnavailable]: which tenant is meant cannot be told without iss.
func (t *Tenants) VerificationKeys(context.Context, string, string) ([]*Key, error) {
	return nil, errNeedsIss
}

func (t *Tenants) ask(iss, alg string, ask func(*Cache) ([]*Key, error)) ([]*Key, error) {
	if a := jwa.Named(alg); a == nil || a.Symmetric() { // it would cause no fetch, and wait for one for ever
		return nil, errNoKey
	}
	name, ok := t.named(iss)
	if !ok {
		return nil, errNoTenant
	}
	for again := false; ; again = true {
		member, err := t.member(name)
		if err != nil {
			return nil, err
		}
		keys, err := ask(member.cache)
		switch {
		case err == nil:
			return keys, nil
		case isAbsent(err) && !member.cache.verified.Load():
			return nil, errNotThere
		case err != errClosed || again: // closed: it had to make room just now
			return nil, err
		}
	}
}

func (t *Tenants) named(iss string) (tenant string, ok bool) {
	for _, name := range t.names {
		if tenant, ok := name.tenantIn(iss); ok {
			return tenant, !t.isHost || isLabels(tenant)
		}
	}
	return "", false
}

func (t *Tenants) member(name string) (*tenant, error) {
	if m := (*t.known.Load())[name]; m != nil {
		if turn := t.turn.Load(); m.used.Load() != turn {
			m.used.Store(turn)
		}
		return m, nil
	}
	return t.admit(name)
}

// admit makes a tenant known, if there is room.
func (t *Tenants) admit(name string) (*tenant, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errClosed
	}
	known := *t.known.Load()
	if m := known[name]; m != nil {
		return m, nil
	}
	var settled, newcomers, idle []string
	for name, m := range known {
		switch {
		case m.cache.verified.Load():
			settled = append(settled, name)
		default:
			newcomers = append(newcomers, name)
			if !m.cache.loading() {
				idle = append(idle, name)
			}
		}
	}
	if len(newcomers)-len(idle) >= maxLoading || !t.loads.Take(time.Now()) {
		return nil, errFirstLoads
	}
	known = maps.Clone(known)
	if len(newcomers) >= maxNewcomers {
		t.dismiss(known, idle)
	}
	for len(settled) > t.most {
		settled = t.dismiss(known, settled)
	}
	m := &tenant{cache: newCache(t.configFor(name))}
	m.used.Store(t.turn.Add(1))
	known[name] = m
	t.known.Store(&known)
	return m, nil
}

// dismiss takes the one of the names that was not asked about for longest out of known, and returns the others.
func (t *Tenants) dismiss(known map[string]*tenant, names []string) []string {
	out := slices.MinFunc(names, func(a, b string) int { return cmp.Compare(known[a].used.Load(), known[b].used.Load()) })
	cache := known[out].cache
	delete(known, out)
	t.leaving.Go(func() { _ = cache.Close() })
	return slices.DeleteFunc(names, func(name string) bool { return name == out })
}

// Close closes the Caches of all tenants; from then on all calls fail with [ErrUnavailable]. It waits as [Cache.Close] does. It may be called
// again and concurrently, and returns nil.
func (t *Tenants) Close() error {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		for _, m := range *t.known.Load() {
			t.leaving.Go(func() { _ = m.cache.Close() })
		}
	}
	t.mu.Unlock()
	t.leaving.Wait()
	return nil
}

// Status adds up the tenants of which a key has verified a token: their keys, skipped keys and failures, the latest load, the next
// refresh, and an error that one of them met last. Others do not count, as anybody can name a tenant. There are no keys before the first
// token, so no keys and no error is a good state.
func (t *Tenants) Status() Status {
	var sum Status
	for _, m := range *t.known.Load() {
		if !m.cache.verified.Load() {
			continue
		}
		s := m.cache.Status()
		sum.Keys, sum.Skipped, sum.Failures = sum.Keys+s.Keys, sum.Skipped+s.Skipped, sum.Failures+s.Failures
		if s.LoadedAt.After(sum.LoadedAt) {
			sum.LoadedAt = s.LoadedAt
		}
		if sum.NextRefresh.IsZero() || !s.NextRefresh.IsZero() && s.NextRefresh.Before(sum.NextRefresh) {
			sum.NextRefresh = s.NextRefresh
		}
		sum.LastError = cmp.Or(sum.LastError, s.LastError)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		sum.LastError = errClosed
	}
	return sum
}

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
