package middleware

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/credential"
	"github.com/cardea-auth/cardea/middleware/internal/dpop"
	"github.com/cardea-auth/cardea/middleware/internal/provider"
	"github.com/cardea-auth/cardea/middleware/internal/targeturi"
)

// warning is about a setting that is right for some and a slip for most, so New takes it and says so.
type warning struct {
	setting string // the field and its value
	risk    string // what somebody can do who should not
	remedy  string
}

func (w warning) log(logger *slog.Logger) {
	logger.LogAttrs(context.Background(), slog.LevelWarn, "middleware: a setting is a risk",
		slog.String("setting", w.setting), slog.String("risk", w.risk), slog.String("remedy", w.remedy))
}

// warnings finds them in a Config without mistakes.
func (c *compiler) warnings(bases []targeturi.URI) []warning {
	var found []warning
	for i, base := range bases {
		scheme, host, _ := strings.Cut(base.Origin(), "://")
		if scheme != "http" || targeturi.IsLoopback(host) {
			continue
		}
		setting := "PublicURL " + c.cfg.PublicURL
		if i > 0 {
			setting = fmt.Sprintf("PublicURLs[%d] %s", i-1, c.cfg.PublicURLs[i-1])
		}
		found = append(found, warning{
			setting: setting,
			risk:    "whoever is on the way between a client and this API reads tokens and cookies, and sends pages of this origin",
			remedy:  "serve the API by https, and write that into PublicURL; plain http is for networks that encrypt by themselves",
		})
	}
	for i, secret := range c.cfg.DPoP.NonceSecrets {
		if bytes.Count(secret, secret[:1]) == len(secret) { // an array that was never filled, or one of a test
			found = append(found, warning{
				setting: fmt.Sprintf("DPoP.NonceSecrets[%d], one byte %d times", i, len(secret)),
				risk:    "whoever guesses it makes nonces, so proofs can be made in advance as if there were none",
				remedy:  fmt.Sprintf("use at least %d random bytes", dpop.MinSecret),
			})
		}
	}
	for _, s := range c.cfg.TokenSources {
		if name := s.source.Name; s.source.Kind == credential.InCookie && !strings.HasPrefix(name, "__Host-") {
			found = append(found, warning{
				setting: "FromCookie " + name,
				risk:    "a page on a sibling subdomain can set a cookie of this name too: every request of the user is refused then (400), or is somebody else's",
				remedy:  "name the cookie __Host-" + name + ", which browsers take from this host alone",
			})
		}
	}
	return slices.Concat(found, c.sharedKeys(), c.wellKnown(), c.dottedPaths())
}

// dottedPaths finds names of claims that were meant as paths perhaps. Names such as https://example.com/roles hold dots too.
func (c *compiler) dottedPaths() []warning {
	var found []warning
	for i, issuer := range c.cfg.Issuers {
		paths := slices.Concat(issuer.Claims.Scopes, issuer.Claims.Roles, issuer.Claims.ClientID)
		for _, rule := range issuer.ClaimRules {
			paths = append(paths, rule.Claims...)
		}
		for _, path := range paths {
			if strings.ContainsAny(path, "/:") || !strings.Contains(strings.Trim(path, "."), ".") {
				continue
			}
			found = append(found, warning{
				setting: fmt.Sprintf("Issuers[%d] reads the claim %q", i, path),
				risk:    "it is the name of one claim with dots in it, and no nested claim is found by it",
				remedy:  "if it is nested, write /" + strings.ReplaceAll(path, ".", "/"),
			})
		}
	}
	return found
}

// nameProvider adds to the mistakes of an issuer that is a provider's, from the one with this number on, which preset makes it. What no
// token can have as iss is a mistake by itself.
func (c *issuerCompiler) nameProvider(first int) {
	known, ok := provider.Of(c.cfg.URL)
	if !ok {
		return
	}
	if known.Never != "" && len(c.mistakes) == first {
		c.wrongIn("URL", "is %q: %s", c.cfg.URL, known.Never)
	}
	for i, mistake := range c.mistakes[first:] {
		c.mistakes[first+i] = fmt.Errorf("%w (the preset for this provider is issuers.%s)", mistake, known.Preset)
	}
}

// wellKnown finds issuers of which too many have tokens, and that demand nothing but an audience. Those that presets make demand more.
func (c *compiler) wellKnown() []warning {
	var found []warning
	for i, issuer := range c.cfg.Issuers {
		known, ok := provider.Of(issuer.URL)
		demands := len(issuer.ClaimRules) > 0 || issuer.Accept != nil || issuer.Profile == IDToken || issuer.JWTs == IntrospectJWTs
		if !ok || known.Risk == "" || demands {
			continue
		}
		found = append(found, warning{
			setting: fmt.Sprintf("Issuers[%d].URL %s, without ClaimRules or Accept", i, issuer.URL),
			risk:    known.Risk,
			remedy:  "use issuers." + known.Preset + " of package middleware/issuers, or demand in ClaimRules what its tokens for this API have",
		})
	}
	return found
}

// sharedKeys finds issuers that have their keys from one place.
func (c *compiler) sharedKeys() []warning {
	var found []warning
	for i, one := range c.cfg.Issuers {
		for _, other := range c.cfg.Issuers[:i] {
			if sameSource(one.Keys, other.Keys) || one.JWKSURI != "" && one.JWKSURI == other.JWKSURI {
				found = append(found, warning{
					setting: "the keys of issuers " + other.URL + " and " + one.URL + " come from one place",
					risk:    "whoever signs for one of them can sign for the other",
					remedy:  "one server: list its further iss values in Aliases, or give each Issuer a KeySource of its own; two servers: give each the keys that are its own",
				})
			}
		}
	}
	return found
}

// sameSource compares what can be compared: a KeySource may be of any type.
func sameSource(a, b KeySource) bool {
	return a != nil && reflect.ValueOf(a).Comparable() && a == b
}
