package middleware

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/tenant"
)

var (
	asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
	symmetric  = []string{"HS256", "HS384", "HS512"}
)

func isSupported(alg string) bool {
	return slices.Contains(asymmetric, alg) || slices.Contains(symmetric, alg)
}

func (c *issuerCompiler) algorithms(t *accesstoken.IssuerConfig) {
	if set, fixed := c.cfg.Keys.(*jwks.Set); fixed && set != nil && len(set.Held()) == 0 {
		c.wrongIn("Keys", "is a set without keys, which verifies nothing: put the issuer's keys in, or leave it out so that they are fetched")
	}
	t.Algorithms = make(map[string]bool)
	if c.cfg.Algorithms == nil {
		c.usualAlgorithms(t)
		return
	}
	if len(c.cfg.Algorithms) == 0 {
		c.wrongIn("Algorithms", "is empty, which would accept nothing: name some, or leave it nil for the usual ones")
	}
	for _, alg := range c.cfg.Algorithms {
		if !isSupported(alg) {
			c.wrongIn("Algorithms", "holds %q, which is not supported: use %s, or %s with Keys", alg,
				strings.Join(asymmetric, ", "), strings.Join(symmetric, ", "))
		}
		t.Algorithms[alg] = true
	}
	secret := slices.ContainsFunc(symmetric, func(alg string) bool { return t.Algorithms[alg] })
	public := slices.ContainsFunc(asymmetric, func(alg string) bool { return t.Algorithms[alg] })
	if secret && public {
		c.wrongIn("Algorithms", "mixes %s with public-key algorithms: a public key could be taken for a secret (RFC 8725 section 3.1)",
			strings.Join(slices.Sorted(maps.Keys(t.Algorithms)), ", "))
	}
	if secret && c.cfg.Keys == nil {
		c.wrongIn("Algorithms", "names a symmetric algorithm without Keys: set Keys to jwks.HMAC(…), a secret is never fetched")
	}
	if secret && areFetched(c.cfg.Keys) {
		c.wrongIn("Algorithms", "names a symmetric algorithm, but Keys is a %T, which never holds a secret: set Keys to jwks.HMAC(…)", c.cfg.Keys)
	}
}

// usualAlgorithms are those of public keys; or those of Keys, where that is a fixed set of secrets and of nothing else.
func (c *issuerCompiler) usualAlgorithms(t *accesstoken.IssuerConfig) {
	if set, fixed := c.cfg.Keys.(*jwks.Set); fixed && set != nil {
		algs := set.Algorithms()
		secrets := slices.DeleteFunc(slices.Clone(algs), func(alg string) bool { return !slices.Contains(symmetric, alg) })
		switch {
		case len(secrets) == 0:
		case len(secrets) < len(algs):
			c.wrongIn(
				"Keys",
				"holds secrets beside public keys (%s): name the Algorithms of one kind, or make two Issuers (RFC 8725 section 3.1)",
				strings.Join(algs, ", "),
			)
		default:
			t.Algorithms = setOf(secrets)
			return
		}
	}
	t.Algorithms, t.BindKeys = setOf(asymmetric), true
}

// areFetched reports whether keys come from a server's document, in which a secret would be nobody's.
func areFetched(keys KeySource) bool {
	switch keys.(type) {
	case *jwks.Cache, *jwks.Tenants, *jwks.KeyfuncSource:
		return true
	default:
		return false
	}
}

// fitting wants Keys to have a key for at least one of the accepted algorithms, if it says what it has.
func (c *issuerCompiler) fitting(t *accesstoken.IssuerConfig) {
	if set, fixed := c.cfg.Keys.(*jwks.Set); fixed && set == nil {
		c.wrongIn("Keys", "is a nil *jwks.Set: look at the error of the call that was to make it")
		return
	}
	source, tells := c.cfg.Keys.(interface{ Algorithms() []string })
	if !tells {
		return
	}
	algs, accepted := source.Algorithms(), slices.Sorted(maps.Keys(t.Algorithms))
	if len(algs) == 0 || len(accepted) == 0 || slices.ContainsFunc(accepted, func(alg string) bool { return !isSupported(alg) }) {
		return // it is not known yet, or Algorithms is mistaken by itself
	}
	if !slices.ContainsFunc(algs, func(alg string) bool { return t.Algorithms[alg] }) {
		c.wrongIn("Keys", "verifies %s, and none of that is accepted (%s): name one of them in Algorithms, or take the keys that fit",
			strings.Join(algs, ", "), strings.Join(accepted, ", "))
	}
}

// keys finds out where the verification keys come from.
func (c *issuerCompiler) keys(t *accesstoken.IssuerConfig) {
	switch {
	case c.cfg.Keys != nil && c.cfg.JWKSURI != "":
		public, _, _ := strings.Cut(c.cfg.JWKSURI, "?") // a query may hold a secret
		c.wrongIn("JWKSURI", "%q and Keys exclude each other: set one", withoutUser(public))
	case c.cfg.JWTs == IntrospectJWTs:
		if c.cfg.Keys != nil || c.cfg.JWKSURI != "" {
			c.wrongIn("JWKSURI", "or Keys is set, but JWTs says IntrospectJWTs, which never uses keys: choose VerifyAndIntrospectJWTs, or leave them out")
		}
	case c.cfg.Keys != nil:
		t.Keys = c.cfg.Keys
		c.fitting(t)
	case c.cfg.URL == "":
	case strings.Contains(c.cfg.JWKSURI, tenant.Placeholder), c.cfg.JWKSURI == "" && c.templated():
		c.tenants(t)
	default:
		c.fetch(t)
	}
}

func (c *issuerCompiler) templated() bool {
	isTemplate := func(iss string) bool { return strings.Contains(iss, tenant.Placeholder) }
	return isTemplate(c.cfg.URL) || slices.ContainsFunc(c.cfg.Aliases, isTemplate)
}

func (c *issuerCompiler) fetch(t *accesstoken.IssuerConfig) {
	cfg := c.fetching()
	if cfg.URL = c.cfg.JWKSURI; cfg.URL == "" {
		cfg.Issuer = c.cfg.URL
	}
	cache, err := jwks.New(cfg)
	if err != nil {
		c.wrong("%s: %w", c.field, err)
		return
	}
	t.Keys = cache
	c.fetched = append(c.fetched, cache)
}

// fetching is how keys are fetched, wherever they are.
func (c *issuerCompiler) fetching() jwks.Config {
	return jwks.Config{
		HTTPClient:           c.compiler.cfg.HTTPClient,
		DangerouslyAllowHTTP: slices.Clone(c.compiler.cfg.DangerouslyAllowHTTP),
		Logger:               c.compiler.cfg.Logger,
	}
}

// tenants makes the key caches of a server on which each tenant has keys of its own. Every iss must then say which tenant it is of.
func (c *issuerCompiler) tenants(t *accesstoken.IssuerConfig) {
	names := map[string]string{"URL": c.cfg.URL}
	for i, alias := range c.cfg.Aliases {
		names[fmt.Sprintf("Aliases[%d]", i)] = alias
	}
	mistaken := false
	for _, field := range slices.Sorted(maps.Keys(names)) {
		if !strings.Contains(names[field], tenant.Placeholder) {
			c.wrongIn(field, "%q names no tenant, but the keys differ by tenant: put %s into it, or make it an Issuer of its own", names[field], tenant.Placeholder)
			mistaken = true
		}
	}
	if mistaken {
		return
	}
	tenants, err := jwks.NewTenants(jwks.TenantsConfig{
		Issuer:  c.cfg.URL,
		Aliases: slices.Clone(c.cfg.Aliases),
		URL:     c.cfg.JWKSURI,
		Cache:   c.fetching(),
	})
	if err != nil {
		c.wrong("%s: %w", c.field, err)
		return
	}
	t.Keys = tenants
	c.fetched = append(c.fetched, tenants)
}
