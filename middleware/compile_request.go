package middleware

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/clientcert"
	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/loadbalancer"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// publicURLs returns PublicURL and PublicURLs in compiled form; none where there are none.
func (c *compiler) publicURLs() []targeturi.URI {
	if c.cfg.PublicURL == "" {
		if len(c.cfg.PublicURLs) > 0 {
			c.wrong("PublicURLs is set without PublicURL: it lists further addresses of the same API")
		}
		return nil
	}
	var bases []targeturi.URI
	add := func(field, address string) {
		base, ok := c.publicURL(field, address)
		switch {
		case !ok:
		case slices.Contains(bases, base):
			c.wrong("%s %q is named twice", field, address)
		default:
			bases = append(bases, base)
		}
	}
	add("PublicURL", c.cfg.PublicURL)
	for i, address := range c.cfg.PublicURLs {
		add(fmt.Sprintf("PublicURLs[%d]", i), address)
	}
	return bases
}

func (c *compiler) publicURL(field, address string) (targeturi.URI, bool) {
	base, ok := targeturi.Parse(address)
	if !ok || strings.ContainsAny(address, "?#") || !targeturi.IsPublicHost(base.Origin()) {
		c.wrong("%s %q: it must be scheme and host as clients see them, such as https://api.example.com, with no query or fragment",
			field, withoutUser(address))
		return targeturi.URI{}, false
	}
	if host, plain := strings.CutPrefix(base.Origin(), "http://"); plain && c.cfg.FAPI2 && !targeturi.IsLoopback(host) {
		c.wrong("%s %q: FAPI2 wants https (FAPI 2.0 Security Profile section 5.2.1); http is accepted for 127.0.0.1, [::1] and localhost only",
			field, address)
	}
	return base, true
}

// withoutUser is an address for an error, in which a user name may be a secret as well. What is written there by mistake may be
// no URL at all, so it is not parsed.
func withoutUser(address string) string {
	rest := strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
	scheme := address[:len(address)-len(rest)]
	at := strings.LastIndexByte(rest, '@')
	if at < 0 {
		return address
	}
	return scheme + "xxxxx" + rest[at:]
}

// credentials makes what finds tokens.
func (c *compiler) credentials(p *policy, bases []targeturi.URI) {
	cfg := credential.Config{
		DPoP:                p.proofs != nil,
		MaxBytes:            c.cfg.MaxTokenBytes,
		IgnoreAuthorization: c.cfg.IgnoreAuthorization,
		Padded:              c.loadBalancer(),
	}
	for _, base := range bases {
		cfg.Origins = append(cfg.Origins, base.Origin())
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = defaultMaxTokenBytes
	}
	for _, s := range c.cfg.TokenSources {
		cfg.Sources = append(cfg.Sources, s.source)
	}
	c.checkSources(cfg.Sources)
	if c.cfg.IgnoreAuthorization && len(cfg.Sources) == 0 {
		c.wrong("IgnoreAuthorization is set without TokenSources, so no request could carry a token: name the place where the gateway puts it")
	}
	var err error
	if p.credentials, err = credential.New(cfg); err != nil {
		c.wrong("PublicURL %q: %v", c.cfg.PublicURL, err)
	}
}

// loadBalancer reports whether tokens come from AWS load balancers. They break RFC 7515, so such a Validator has no other issuer, and no other
// place for tokens.
func (c *compiler) loadBalancer() bool {
	for i, issuer := range c.cfg.Issuers {
		if _, ok := issuer.Keys.(*loadbalancer.Keys); !ok {
			continue
		}
		alone := len(c.cfg.Issuers) == 1 && issuer.JWTs == VerifyJWTs && issuer.Introspector == nil && !issuer.DangerouslyNoIssuer
		if !alone || !c.cfg.IgnoreAuthorization || !slices.Equal(c.cfg.TokenSources, []TokenSource{FromHeader(loadbalancer.Field)}) {
			c.wrong("Issuers[%d] is that of a load balancer, whose tokens are in a field and a form of their own: give it a Validator of its own, with "+
				"IgnoreAuthorization and FromHeader(%q) as the only one of TokenSources, and without Introspector and DangerouslyNoIssuer", i, loadbalancer.Field)
		}
		return true
	}
	return false
}

func (c *compiler) checkSources(sources []credential.Source) {
	seen := make(map[credential.Source]bool)
	for i, s := range sources {
		switch {
		case s.Kind == 0:
			c.wrong("TokenSources[%d] is the zero TokenSource: make it with FromHeader, FromCookie or FromForm", i)
		case !credential.IsName(s.Name):
			c.wrong("TokenSources[%d]: %q is no name of a header field or cookie", i, s.Name)
		case s.Kind == credential.InHeader && s.Name == "Authorization":
			c.wrong("TokenSources[%d]: the Authorization field is always read, with its scheme; leave it out", i)
		case s.Kind == credential.InHeader && s.Name == "Cookie":
			c.wrong("TokenSources[%d]: the Cookie field holds many cookies; use FromCookie with the name of one", i)
		case s.Kind == credential.InHeader && (credential.IsTaken(s.Name) || credential.HoldsCertificate(s.Name)):
			c.wrong("TokenSources[%d]: the field %s has another meaning; name one that holds nothing but a token", i, s.Name)
		case seen[s]:
			c.wrong("TokenSources[%d]: %q is named twice", i, s.Name)
		}
		seen[s] = true
	}
}

// bindings compiles DPoP, MTLS and FAPI2.
func (c *compiler) bindings(p *policy, bases []targeturi.URI) {
	p.fapi2 = c.cfg.FAPI2
	c.mtls(p)
	c.dpop(p, bases)
	if c.cfg.FAPI2 && len(c.cfg.DangerouslyAllowHTTP) > 0 {
		c.wrong("DangerouslyAllowHTTP is set, but FAPI2 wants TLS everywhere (FAPI 2.0 Security Profile section 5.2.1): leave it out")
	}
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

func (c *compiler) mtls(p *policy) {
	cfg := clientcert.Config{
		Header:         c.cfg.MTLS.Header,
		Encoding:       clientcert.Encoding(c.cfg.MTLS.Encoding),
		Element:        c.cfg.MTLS.Element,
		TrustedProxies: c.cfg.MTLS.TrustedProxies,
	}
	p.certificates, p.certificateRequired = clientcert.New(cfg), c.cfg.MTLS.Required
	switch header := p.certificates.Header(); {
	case header == "":
	case !credential.IsName(cfg.Header):
		c.wrong("MTLS.Header %q is no name of a header field", cfg.Header)
	case credential.IsTaken(header):
		c.wrong("MTLS.Header %s has another meaning: name the field in which the proxy passes the certificate on", header)
	case slices.Contains(c.cfg.TokenSources, FromHeader(header)):
		c.wrong("MTLS.Header %s is among the TokenSources too: a field holds a certificate or a token", header)
	}
	for _, mistake := range cfg.Mistakes() {
		c.wrong("MTLS.%v", mistake)
	}
}
