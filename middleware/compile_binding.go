package middleware

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// bindings compiles DPoP, MTLS and FAPI2.
func (c *compiler) bindings(p *policy, base targeturi.URI, public bool) {
	p.fapi2 = c.cfg.FAPI2
	c.mtls(p)
	c.dpop(p, base, public)
	if p.fapi2 && len(c.cfg.TokenSources) > 0 {
		c.wrong("FAPI2 takes tokens from the Authorization field only (FAPI 2.0 Security Profile section 5.3.3): leave TokenSources out")
	}
}

func (c *compiler) dpop(p *policy, base targeturi.URI, public bool) {
	cfg := c.cfg.DPoP
	judged := dpop.Config{
		Base:         base,
		Algorithms:   asymmetric,
		MaxAge:       cfg.MaxAge,
		NonceSecrets: cfg.NonceSecrets,
		NonceMaxAge:  cfg.NonceMaxAge,
		Store:        cfg.Replays,
	}
	if p.fapi2 {
		judged.Algorithms = fapi2Algorithms
	}
	for _, mistake := range judged.Mistakes() {
		c.wrong("DPoP.%v", mistake)
	}
	if !public {
		if cfg.Required || cfg.Replays != nil || len(cfg.NonceSecrets) > 0 || cfg.MaxAge != 0 || cfg.NonceMaxAge != 0 {
			c.wrong("PublicURL is empty, but DPoP is configured: proofs name the address that clients call, which is never taken from the Host field")
		}
		return
	}
	p.proofs = dpop.New(judged)
	p.proofAlgorithms = strings.Join(judged.Algorithms, " ")
	p.keyRequired = cfg.Required
}

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[name] = true
	}
	return set
}

func (c *compiler) mtls(p *policy) {
	cfg := c.cfg.MTLS
	p.mtls = mtls{
		required: cfg.Required,
		header:   http.CanonicalHeaderKey(cfg.Header),
		encoding: cfg.Encoding,
		proxies:  slices.Clone(cfg.TrustedProxies),
	}
	if cfg.Encoding < ClientCertField || cfg.Encoding > EscapedPEM {
		c.wrong("MTLS.Encoding is %d: use ClientCertField, ForwardedClientCert or EscapedPEM", cfg.Encoding)
	}
	switch {
	case cfg.Header == "":
		if len(cfg.TrustedProxies) > 0 || cfg.Encoding != ClientCertField {
			c.wrong("MTLS.Header is empty, but TrustedProxies or Encoding is set: name the field in which the proxy passes the certificate on")
		}
	case !credential.IsName(cfg.Header):
		c.wrong("MTLS.Header %q is no name of a header field", cfg.Header)
	case isTaken(p.mtls.header):
		c.wrong("MTLS.Header %s has another meaning: name the field in which the proxy passes the certificate on", p.mtls.header)
	case slices.Contains(c.cfg.TokenSources, FromHeader(cfg.Header)):
		c.wrong("MTLS.Header %s is among the TokenSources too: a field holds a certificate or a token", p.mtls.header)
	case len(cfg.TrustedProxies) == 0:
		c.wrong("MTLS.TrustedProxies is empty: anybody could send %s, so name the proxies whose word counts", cfg.Header)
	}
	for i, prefix := range cfg.TrustedProxies {
		c.trustedProxy(i, prefix)
	}
}

// mapped is where IPv6 has the IPv4 addresses. A peer is never looked for there: its address is in IPv4 form first.
var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// trustedProxy refuses what is no network of proxies. A certificate is public, so if anybody may show one, a token that is bound to
// it is a bearer token again.
func (c *compiler) trustedProxy(i int, prefix netip.Prefix) {
	switch {
	case !prefix.IsValid():
		c.wrong("MTLS.TrustedProxies[%d] is not a valid prefix: use netip.MustParsePrefix(\"10.0.0.0/8\")", i)
	case prefix.Addr().Is4In6() && prefix.Bits() >= mapped.Bits():
		c.wrong("MTLS.TrustedProxies[%d] is %v, which is IPv4 inside IPv6 and would match no peer: write %v", i, prefix,
			netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped.Bits()).Masked())
	case prefix.Addr().Is4() && prefix.Bits() < 8, prefix.Addr().Is6() && prefix.Bits() < 16 && !isPrivate(prefix):
		c.wrong("MTLS.TrustedProxies[%d] is %v, from where anybody could send a certificate: name the networks of the proxies", i, prefix)
	case prefix.Overlaps(mapped):
		c.wrong("MTLS.TrustedProxies[%d] is %v, in which the IPv4 addresses would match no peer: name IPv4 and IPv6 networks apart", i, prefix)
	}
}

// isPrivate reports whether an IPv6 network is one that the internet cannot reach: of unique local or link-local addresses.
func isPrivate(prefix netip.Prefix) bool {
	for _, private := range []netip.Prefix{netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10")} {
		if private.Bits() <= prefix.Bits() && private.Contains(prefix.Addr()) {
			return true
		}
	}
	return false
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
	if c.cfg.JWTs == VerifyJWTs {
		c.wrongIn("JWTs", "is VerifyJWTs, but FAPI2 wants revocation to be seen (section 5.3.3): set Introspector and VerifyAndIntrospectJWTs")
	}
	if t.NoAudience {
		c.wrongIn("DangerouslyNoAudience", "is set, which FAPI2 does not allow: name the Audiences")
	}
}
