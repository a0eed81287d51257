package middleware

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

// issuerCompiler compiles one Issuer.
type issuerCompiler struct {
	*compiler

	cfg    Issuer
	field  string // "Issuers[2]"
	policy *policy
}

func (c *issuerCompiler) compile() accesstoken.IssuerConfig {
	if c.cfg.Err != nil { // what else is wrong here only follows from it
		c.wrong("%s: %w", c.field, c.cfg.Err)
		return accesstoken.IssuerConfig{}
	}
	defer c.nameProvider(len(c.mistakes))
	c.filledStrings(c.field+".Aliases", c.cfg.Aliases)
	if strings.TrimSpace(c.cfg.URL) == "" {
		c.wrongIn("URL", "is empty: it must be the exact iss value of the server's tokens")
	}
	c.addresses()
	t := accesstoken.IssuerConfig{
		URL:          c.cfg.URL,
		Aliases:      slices.Clone(c.cfg.Aliases),
		AllowTenant:  c.cfg.AllowTenant,
		Clients:      slices.Clone(c.cfg.AllowedClients),
		NoAudience:   c.cfg.DangerouslyNoAudience,
		APINames:     slices.Concat(c.cfg.Audiences, c.compiler.cfg.Audiences),
		Profile:      accesstoken.Profile(c.cfg.Profile),
		Accept:       acceptance(c.cfg.Accept),
		Mode:         accesstoken.Mode(c.cfg.JWTs),
		Introspector: c.cfg.Introspector,
		Prefixes:     slices.Clone(c.cfg.OpaquePrefixes),
		Scopes:       claimsOr(c.cfg.Claims.Scopes, "scope", "scp"),
		Roles:        slices.Clone(c.cfg.Claims.Roles),
		ClientID:     claimsOr(c.cfg.Claims.ClientID, "client_id", "azp", "cid"),

		NoIssuer:        c.cfg.DangerouslyNoIssuer,
		NumericSubjects: c.cfg.NumericSubjects,
		Sessions:        len(c.compiler.cfg.Revocations) > 0,
		UntypedAnswers:  c.cfg.DangerouslyUntypedAnswers,

		OpaqueCharacters: c.cfg.OpaqueCharacters,

		ComputeScopes: computing("ScopesFunc", c.cfg.Claims.ScopesFunc),
		ComputeRoles:  computing("RolesFunc", c.cfg.Claims.RolesFunc),
	}
	for _, r := range c.cfg.ClaimRules {
		t.Rules = append(t.Rules, claims.Rule{Claims: r.Claims, OneOf: r.OneOf, NoneOf: r.NoneOf, Optional: r.Optional, OutranksNonce: r.OutranksNonce})
	}
	t.Client, _ = c.cfg.Introspector.(*introspection.Client)
	c.mapping()
	c.audiences(&t)
	c.algorithms(&t)
	c.leeway(&t)
	c.modes(&t)
	c.idToken(&t)
	c.withoutIss(&t)
	c.fapi2(&t)
	c.keys(&t)
	return t
}

func claimsOr(entries []string, standard ...string) []string {
	if len(entries) > 0 {
		return slices.Clone(entries)
	}
	return standard
}

// metadataPaths are where issuers publish their metadata (OpenID Connect Discovery section 4, RFC 8414 section 3).
var metadataPaths = []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"}

// addresses refuses iss values that no token has.
func (c *issuerCompiler) addresses() {
	if hasStrayCharacters(c.cfg.URL) && strings.TrimSpace(c.cfg.URL) != "" {
		c.wrongIn("URL", "is %+q, with blanks at an end or control characters, and is compared byte for byte: take them out", c.cfg.URL)
	}
	for i, iss := range append([]string{c.cfg.URL}, c.cfg.Aliases...) {
		field := "URL"
		if i > 0 {
			field = fmt.Sprintf("Aliases[%d]", i-1)
		}
		for _, path := range metadataPaths {
			if before, after, found := strings.Cut(iss, path); found {
				c.wrongIn(field, "is %q, the address of the metadata: write the issuer that the metadata names, which is %q or ends in a slash", iss, before+after)
			}
		}
	}
}

// mapping wants one way to the scopes, and one to the roles.
func (c *issuerCompiler) mapping() {
	for _, name := range slices.Concat(c.cfg.Claims.Scopes, c.cfg.Claims.Roles, c.cfg.Claims.ClientID) {
		if hasStrayCharacters(name) {
			c.wrongIn("Claims", "names %+q, with blanks at an end or control characters, and is compared byte for byte: take them out", name)
		}
	}
	if len(c.cfg.Claims.Roles) > 0 || c.cfg.Claims.RolesFunc != nil {
		c.policy.mapsRoles = true
	}
	if c.cfg.Claims.ScopesFunc != nil && len(c.cfg.Claims.Scopes) > 0 {
		c.wrongIn("Claims.Scopes", "is set beside ScopesFunc, which takes its place: leave one of them out")
	}
	if c.cfg.Claims.RolesFunc != nil && len(c.cfg.Claims.Roles) > 0 {
		c.wrongIn("Claims.Roles", "is set beside RolesFunc, which takes its place: leave one of them out")
	}
}

// wrongIn notes a mistake of this issuer.
func (c *issuerCompiler) wrongIn(field, format string, args ...any) {
	c.wrong(c.field+"."+field+" "+format, args...)
}

// audiences wants exactly one way to tell that a token is meant for this API.
func (c *issuerCompiler) audiences(t *accesstoken.IssuerConfig) {
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
		t.Audiences = slices.Clone(c.cfg.Audiences)
		return
	}
	t.Audiences = slices.Clone(c.compiler.cfg.Audiences)
	if len(t.Audiences) == 0 {
		c.wrongIn("Audiences", "and Config.Audiences are empty: name this API as the server writes it into aud, or use AllowedClients (RFC 9068 section 4)")
	}
}

func (c *issuerCompiler) leeway(t *accesstoken.IssuerConfig) {
	switch {
	case c.cfg.Leeway == 0:
		t.Leeway = defaultLeeway
	case c.cfg.Leeway > maxLeeway:
		c.wrongIn("Leeway", "is %v: RFC 9068 section 4 allows a few minutes, at most %v here", c.cfg.Leeway, maxLeeway)
	case c.cfg.Leeway > 0:
		t.Leeway = c.cfg.Leeway
	}
}

func (c *issuerCompiler) modes(t *accesstoken.IssuerConfig) {
	if c.cfg.Profile < AnyAccessToken || c.cfg.Profile > IDToken {
		c.wrongIn("Profile", "is %d: use AnyAccessToken, RFC9068 or IDToken", c.cfg.Profile)
	}
	if c.cfg.OpaqueCharacters && c.cfg.Introspector == nil {
		c.wrongIn("OpaqueCharacters", "is set without an Introspector, so no opaque token is let in: set Introspector, or leave it out")
	}
	switch c.cfg.JWTs {
	case VerifyJWTs:
	case VerifyAndIntrospectJWTs, IntrospectJWTs:
		if t.Introspector == nil {
			c.wrongIn("Introspector", "is nil, but JWTs wants JWTs introspected: set Introspector to an *introspection.Client")
		}
	default:
		c.wrongIn("JWTs", "is %d: use VerifyJWTs, VerifyAndIntrospectJWTs or IntrospectJWTs", c.cfg.JWTs)
	}
}

// idToken refuses what would take anything but an ID token, or an ID token of anybody.
func (c *issuerCompiler) idToken(t *accesstoken.IssuerConfig) {
	if c.cfg.Profile != IDToken {
		return
	}
	if len(t.Audiences) == 0 {
		c.wrongIn("Profile", "is IDToken, and AllowedClients or DangerouslyNoAudience stands in for the audience: name your client ids as Audiences")
	}
	if c.cfg.JWTs != VerifyJWTs {
		c.wrongIn("JWTs", "wants ID tokens introspected, which RFC 7662 does not know: use VerifyJWTs, or another Profile")
	}
	if c.cfg.Introspector != nil {
		c.wrongIn("Introspector", "is set, but Profile is IDToken, and no ID token is opaque: leave it out, or make a second Validator for access tokens")
	}
}

// withoutIss keeps tokens that name no issuer apart from all others: there is one issuer, with keys of its own.
func (c *issuerCompiler) withoutIss(t *accesstoken.IssuerConfig) {
	if !c.cfg.DangerouslyNoIssuer {
		return
	}
	if len(c.compiler.cfg.Issuers) > 1 {
		c.wrongIn("DangerouslyNoIssuer", "is set beside other Issuers, one of which could be meant: make a Validator of its own for these tokens")
	}
	if c.cfg.Keys == nil {
		c.wrongIn("DangerouslyNoIssuer", "is set without Keys: a key set that is fetched may serve others as well, so set Keys")
	}
	if t.Profile == accesstoken.RFC9068 || c.policy.fapi2 {
		c.wrongIn("DangerouslyNoIssuer", "is set, but RFC9068 and FAPI2 require iss: use AnyAccessToken")
	}
	if c.templated() {
		c.wrongIn("DangerouslyNoIssuer", "is set, but URL %q stands for many tenants, and only iss says which: leave it out", c.cfg.URL)
	}
}

// computing is a function of a ClaimMapping as the judge asks it. What it returns is copied: a token is shared by requests.
func computing(field string, compute func(*Token) ([]string, error)) func(*accesstoken.Verified) ([]string, accesstoken.Refusal) {
	if compute == nil {
		return nil
	}
	return func(v *accesstoken.Verified) ([]string, accesstoken.Refusal) {
		own := tokenOf(v)
		list, err := compute(&own)
		switch {
		case err == nil:
			list = slices.DeleteFunc(slices.Clone(list), func(elem string) bool { return elem == "" })
			return claims.Distinct(list), accesstoken.Refusal{}
		case errors.Is(err, ErrUnavailable):
			return nil, accesstoken.Refusal{Reason: accesstoken.AcceptUnavailable, Err: err, RetryAfter: retryHint(err)}
		default:
			return nil, accesstoken.Refusal{Reason: accesstoken.MalformedClaim, Err: fmt.Errorf("the issuer's Claims.%s: %w", field, err)}
		}
	}
}

// acceptance is Issuer.Accept as the judge asks it.
func acceptance(accept func(*Token) error) func(*accesstoken.Verified) accesstoken.Refusal {
	if accept == nil {
		return nil
	}
	return func(v *accesstoken.Verified) accesstoken.Refusal {
		own := tokenOf(v) // Accept may do with it what it likes
		err := accept(&own)
		switch {
		case err == nil:
			return accesstoken.Refusal{}
		case errors.Is(err, ErrUnavailable):
			return accesstoken.Refusal{Reason: accesstoken.AcceptUnavailable, Err: err, RetryAfter: retryHint(err)}
		default:
			return accesstoken.Refusal{Reason: accesstoken.NotAccepted, Err: err}
		}
	}
}

// fapi2Algorithms are those of the FAPI 2.0 Security Profile, section 5.4.1.
var fapi2Algorithms = []string{"PS256", "ES256", "EdDSA", "Ed25519"}

// fapi2 holds an issuer to the profile.
func (c *issuerCompiler) fapi2(t *accesstoken.IssuerConfig) {
	if !c.policy.fapi2 {
		return
	}
	if c.cfg.Profile == IDToken {
		c.wrongIn("Profile", "is IDToken, but FAPI2 wants access tokens (RFC 9068): leave one of them out")
	}
	t.Profile = accesstoken.RFC9068
	if c.cfg.Algorithms == nil {
		t.Algorithms = setOf(fapi2Algorithms)
	}
	for alg := range t.Algorithms {
		if !slices.Contains(fapi2Algorithms, alg) {
			c.wrongIn("Algorithms", "holds %q, which FAPI2 does not allow: use %s", alg, strings.Join(fapi2Algorithms, ", "))
		}
	}
	if seen := len(c.compiler.cfg.Revocations) > 0 && c.compiler.cfg.RevocationsWithin > 0; c.cfg.JWTs == VerifyJWTs && !seen {
		c.wrongIn("JWTs", "is VerifyJWTs, but FAPI2 wants revocation to be seen (section 5.3.3): set Introspector and VerifyAndIntrospectJWTs, "+
			"or Config.Revocations and RevocationsWithin")
	}
	if t.NoAudience {
		c.wrongIn("DangerouslyNoAudience", "is set, which FAPI2 does not allow: name the Audiences")
	}
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}
