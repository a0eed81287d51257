package accesstoken

import (
	"fmt"
	"slices"
)

func (t *tables) enterRules(i int, issuer *Issuer) {
	for at, cfg := range issuer.Rules {
		field := fmt.Sprintf("ClaimRules[%d]", at)
		switch {
		case len(cfg.Claims) == 0:
			t.wrong(i, "%s.Claims is empty: name the claims of which one must meet the rule", field)
		case cfg.OneOf != nil && len(cfg.OneOf) == 0:
			t.wrong(i, "%s.OneOf is empty, which no value meets: name some, or leave it nil, so that presence is enough", field)
		case slices.Contains(cfg.OneOf, ""), slices.Contains(cfg.NoneOf, ""):
			t.wrong(i, "%s holds an empty value, and an empty claim meets no rule: is an environment variable missing?", field)
		case cfg.Optional && cfg.OneOf == nil && len(cfg.NoneOf) == 0:
			t.wrong(i, "%s is Optional and names no values, so it demands nothing: set OneOf or NoneOf, or leave Optional out", field)
		case cfg.OutranksNonce && (cfg.Optional || len(cfg.NoneOf) > 0):
			t.wrong(i, "%s.OutranksNonce is set beside Optional or NoneOf, which tokens of other kinds may meet: demand a claim that only access tokens have", field)
		}
		paths := t.paths(i, field+".Claims", cfg.Claims)
		cfg.Paths = paths
		issuer.rules = append(issuer.rules, cfg)
		issuer.rulePaths = append(issuer.rulePaths, paths...)
	}
}

// checkRules judges what the issuer demands of its claims. Where the server is asked about a JWT as well, the claims of its answer are
// the token's.
func (v *vetting) checkRules() Refusal {
	if !v.opaque && v.issuer.Mode == VerifyAndIntrospect {
		return Refusal{}
	}
	for i := range v.issuer.rules {
		if r := &v.issuer.rules[i]; !r.Holds(&v.reading) {
			return refuse(NotAccepted, fmt.Errorf("rule of the issuer: %s", r))
		}
	}
	return Refusal{}
}
