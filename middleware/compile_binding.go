package middleware

import (
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/accesstoken"
	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// bindings compiles DPoP, MTLS and FAPI2.
func (c *compiler) bindings(p *policy, bases []targeturi.URI) {
	p.fapi2 = c.cfg.FAPI2
	c.mtls(p)
	c.dpop(p, bases)
	if p.fapi2 && len(c.cfg.TokenSources) > 0 {
		c.wrong("FAPI2 takes tokens from the Authorization field only (FAPI 2.0 Security Profile section 5.3.3): leave TokenSources out")
	}
}

func (c *compiler) dpop(p *policy, bases []targeturi.URI) {
	cfg := c.cfg.DPoP
	judged := dpop.Config{
		Bases:        bases,
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
	if len(bases) == 0 {
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
	cfg := clientcert.Config{
		Header:         c.cfg.MTLS.Header,
		Encoding:       clientcert.Encoding(c.cfg.MTLS.Encoding),
		TrustedProxies: c.cfg.MTLS.TrustedProxies,
	}
	p.certificates, p.certificateRequired = clientcert.New(cfg), c.cfg.MTLS.Required
	switch header := p.certificates.Header(); {
	case header == "":
	case !credential.IsName(cfg.Header):
		c.wrong("MTLS.Header %q is no name of a header field", cfg.Header)
	case isTaken(header):
		c.wrong("MTLS.Header %s has another meaning: name the field in which the proxy passes the certificate on", header)
	case slices.Contains(c.cfg.TokenSources, FromHeader(header)):
		c.wrong("MTLS.Header %s is among the TokenSources too: a field holds a certificate or a token", header)
	}
	for _, mistake := range cfg.Mistakes() {
		c.wrong("MTLS.%v", mistake)
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
	if c.cfg.JWTs == VerifyJWTs {
		c.wrongIn("JWTs", "is VerifyJWTs, but FAPI2 wants revocation to be seen (section 5.3.3): set Introspector and VerifyAndIntrospectJWTs")
	}
	if t.NoAudience {
		c.wrongIn("DangerouslyNoAudience", "is set, which FAPI2 does not allow: name the Audiences")
	}
}
