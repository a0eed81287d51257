package middleware

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

// issuerCompiler compiles one Issuer.
type issuerCompiler struct {
	*compiler

	cfg    Issuer
	field  string // "Issuers[2]"
	policy *policy
}

func (c *issuerCompiler) compile() *trust {
	t := &trust{
		url:          c.cfg.URL,
		issuers:      make(map[string]bool),
		allowTenant:  c.cfg.AllowTenant,
		clients:      slices.Clone(c.cfg.AllowedClients),
		noAudience:   c.cfg.DangerouslyNoAudience,
		profile:      c.cfg.Profile,
		accept:       c.cfg.Accept,
		jwts:         c.cfg.JWTs,
		introspector: c.cfg.Introspector,
	}
	t.asks, _ = c.cfg.Introspector.(*introspection.Client)
	c.names(t)
	c.audiences(t)
	t.apiNames = append(slices.Clone(c.cfg.Audiences), c.compiler.cfg.Audiences...)
	c.algorithms(t)
	c.leeway(t)
	c.modes(t)
	c.fapi2(t)
	c.keys(t)
	t.scopes = c.paths("Claims.Scopes", c.cfg.Claims.Scopes, "scope", "scp")
	t.roles = c.paths("Claims.Roles", c.cfg.Claims.Roles)
	t.clientID = c.paths("Claims.ClientID", c.cfg.Claims.ClientID, "client_id", "azp", "cid")
	return t
}

// wrongIn notes a mistake of this issuer.
func (c *issuerCompiler) wrongIn(field, format string, args ...any) {
	c.wrong(c.field+"."+field+" "+format, args...)
}

// names enters the iss values into the tables that lead to t.
func (c *issuerCompiler) names(t *trust) {
	c.filledStrings(c.field+".Aliases", c.cfg.Aliases)
	if strings.TrimSpace(c.cfg.URL) == "" {
		c.wrongIn("URL", "is empty: it must be the exact iss value of the server's tokens")
	}
	for _, iss := range append([]string{c.cfg.URL}, c.cfg.Aliases...) {
		prefix, suffix, templated := strings.Cut(iss, tenantPlaceholder)
		switch {
		case iss == "":
		case strings.Contains(suffix, tenantPlaceholder):
			c.wrongIn("URL", "%q holds %s more than once", iss, tenantPlaceholder)
		case templated:
			c.addTemplate(t, template{prefix: prefix, suffix: suffix, trust: t, exact: c.policy.byIssuer})
		case c.policy.byIssuer[iss] != nil:
			c.wrongIn("URL", "%q is named twice among the URLs and Aliases: each iss value must lead to one issuer", iss)
		default:
			t.issuers[iss] = true
			c.policy.byIssuer[iss] = t
		}
	}
	c.checkTenants(t)
}

func (c *issuerCompiler) addTemplate(t *trust, added template) {
	for _, other := range c.policy.templated {
		if iss, both := added.meets(other); both && added.String() == other.String() {
			c.wrongIn("URL", "%q is named twice among the URLs and Aliases: each iss value must lead to one issuer", added)
		} else if both {
			c.wrongIn("URL", "%q overlaps with %q, since %q fits both: each iss value must lead to one issuer and one tenant, "+
				"so name the tenants of one of them, each by its own URL", added, other, iss)
		}
	}
	t.template = append(t.template, added)
	c.policy.templated = append(c.policy.templated, added)
}

// checkTenants wants AllowTenant to be asked about every tenant of a server, and about nothing else. An exact name of another
// Issuer that fills the template is no mistake: it takes that tenant out of the template, with keys and rules of its own.
func (c *issuerCompiler) checkTenants(t *trust) {
	if len(t.template) > 0 && t.allowTenant == nil {
		c.wrongIn("AllowTenant", "is nil, but %q stands for every tenant of the server: judge there which tenants may come", c.cfg.URL)
	}
	if len(t.template) == 0 && t.allowTenant != nil {
		c.wrongIn("AllowTenant", "is set, but URL %q holds no %s for it to judge", c.cfg.URL, tenantPlaceholder)
	}
	for _, iss := range slices.Sorted(maps.Keys(t.issuers)) {
		for _, template := range t.template {
			if _, fills := template.filledBy(iss); fills {
				c.wrongIn("Aliases", "or URL name %q, which fills %q, so AllowTenant would not be asked about it: "+
					"leave it out, and let AllowTenant say yes", iss, template)
			}
		}
	}
}

// audiences wants exactly one way to tell that a token is meant for this API.
func (c *issuerCompiler) audiences(t *trust) {
	c.filledStrings(c.field+".Audiences", c.cfg.Audiences)
	c.filledStrings(c.field+".AllowedClients", c.cfg.AllowedClients)
	ways := 0
	for _, set := range []bool{len(c.cfg.Audiences) > 0, len(c.cfg.AllowedClients) > 0, c.cfg.DangerouslyNoAudience} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		c.wrongIn("Audiences", "AllowedClients and DangerouslyNoAudience exclude each other: set one, and use Accept for a further check")
	}
	if ways > 0 {
		t.audiences = slices.Clone(c.cfg.Audiences)
		return
	}
	t.audiences = slices.Clone(c.compiler.cfg.Audiences)
	if len(t.audiences) == 0 {
		c.wrongIn("Audiences", "and Config.Audiences are empty: name this API as the server writes it into aud, or use AllowedClients (RFC 9068 section 4)")
	}
}

var (
	asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	symmetric  = []string{"HS256", "HS384", "HS512"}
)

func (c *issuerCompiler) algorithms(t *trust) {
	t.algorithms = make(map[string]bool)
	if c.cfg.Algorithms == nil {
		for _, alg := range asymmetric {
			t.algorithms[alg] = true
		}
		t.bindKeys = true
		return
	}
	if len(c.cfg.Algorithms) == 0 {
		c.wrongIn("Algorithms", "is empty, which would accept nothing: name some, or leave it nil for the usual ones")
	}
	for _, alg := range c.cfg.Algorithms {
		if !slices.Contains(asymmetric, alg) && !slices.Contains(symmetric, alg) {
			c.wrongIn("Algorithms", "holds %q, which is not supported: use %s, or %s with Keys", alg,
				strings.Join(asymmetric, ", "), strings.Join(symmetric, ", "))
		}
		t.algorithms[alg] = true
	}
	secret := slices.ContainsFunc(symmetric, func(alg string) bool { return t.algorithms[alg] })
	public := slices.ContainsFunc(asymmetric, func(alg string) bool { return t.algorithms[alg] })
	if secret && public {
		c.wrongIn("Algorithms", "mixes %s with public-key algorithms: a public key could be taken for a secret (RFC 8725 section 3.1)",
			strings.Join(slices.Sorted(maps.Keys(t.algorithms)), ", "))
	}
	if secret && c.cfg.Keys == nil {
		c.wrongIn("Algorithms", "names a symmetric algorithm without Keys: set Keys to jwks.HMAC(…), a secret is never fetched")
	}
}

func (c *issuerCompiler) leeway(t *trust) {
	switch {
	case c.cfg.Leeway == 0:
		t.leeway = defaultLeeway
	case c.cfg.Leeway > maxLeeway:
		c.wrongIn("Leeway", "is %v: RFC 9068 section 4 allows a few minutes, at most %v here", c.cfg.Leeway, maxLeeway)
	case c.cfg.Leeway > 0:
		t.leeway = c.cfg.Leeway
	}
}

func (c *issuerCompiler) modes(t *trust) {
	if t.profile != AnyAccessToken && t.profile != RFC9068 {
		c.wrongIn("Profile", "is %d: use AnyAccessToken or RFC9068", t.profile)
	}
	switch t.jwts {
	case VerifyJWTs:
	case VerifyAndIntrospectJWTs, IntrospectJWTs:
		if t.introspector == nil {
			c.wrongIn("Introspector", "is nil, but JWTs wants JWTs introspected: set Introspector to an *introspection.Client")
		}
	default:
		c.wrongIn("JWTs", "is %d: use VerifyJWTs, VerifyAndIntrospectJWTs or IntrospectJWTs", t.jwts)
	}
}

// keys finds out where the verification keys come from.
func (c *issuerCompiler) keys(t *trust) {
	switch {
	case c.cfg.Keys != nil && c.cfg.JWKSURI != "":
		public, _, _ := strings.Cut(c.cfg.JWKSURI, "?") // a query may hold a secret
		c.wrongIn("JWKSURI", "%q and Keys exclude each other: set one", withoutUser(public))
	case t.jwts == IntrospectJWTs:
		if c.cfg.Keys != nil || c.cfg.JWKSURI != "" {
			c.wrongIn("JWKSURI", "or Keys is set, but JWTs says IntrospectJWTs, which never uses keys: choose VerifyAndIntrospectJWTs, or leave them out")
		}
	case c.cfg.Keys != nil:
		t.keys = c.cfg.Keys
	case len(t.template) > 0 && c.cfg.JWKSURI == "":
		c.wrongIn("JWKSURI", "is empty: the metadata of %q differs by tenant, so name the key set, or set Keys", c.cfg.URL)
	case c.cfg.URL == "":
	default:
		c.fetch(t)
	}
}

func (c *issuerCompiler) fetch(t *trust) {
	cfg := jwks.Config{URL: c.cfg.JWKSURI, HTTPClient: c.httpClient(), Logger: c.compiler.cfg.Logger}
	if cfg.URL == "" {
		cfg.Issuer = c.cfg.URL
	}
	cache, err := jwks.New(cfg)
	if err != nil {
		c.wrong("%s: %w", c.field, err)
		return
	}
	t.keys = cache
	c.fetched = append(c.fetched, cache)
}

func (c *issuerCompiler) httpClient() *http.Client { return c.compiler.cfg.HTTPClient }

// paths compiles the entries of a ClaimMapping and enters their top-level names into the table of claims to read.
func (c *issuerCompiler) paths(field string, entries []string, standard ...string) []claims.Path {
	if len(entries) == 0 {
		entries = standard
	}
	var paths []claims.Path
	for i, entry := range entries {
		path, err := c.policy.names.Path(entry)
		if err != nil {
			c.wrongIn(field, "[%d] %q: %w", i, entry, err)
			continue
		}
		paths = append(paths, path)
	}
	return paths
}
