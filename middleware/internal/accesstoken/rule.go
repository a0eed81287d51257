package accesstoken

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// RuleConfig is what an issuer demands of its claims: middleware.ClaimRule.
type RuleConfig struct {
	Claims   []string
	OneOf    []string
	NoneOf   []string
	Optional bool
}

// rule is a RuleConfig in compiled form.
type rule struct {
	RuleConfig

	paths []claims.Path
}

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
		}
		paths := t.paths(i, field+".Claims", cfg.Claims)
		issuer.rules = append(issuer.rules, rule{cfg, paths})
		issuer.rulePaths = append(issuer.rulePaths, paths...)
	}
}

// holds judges whether one of the rule's claims is there and meets it. Null is absent; an empty string or object, and an array of nothing else, is
// there and meets nothing.
func (r *rule) holds(c *claims.Reading) bool {
	absent := true
	for _, path := range r.paths {
		v := c.Follow(path)
		if !claims.IsPresent(v) {
			continue
		}
		absent = false
		if !isEmpty(v) && (r.OneOf == nil || isOneOf(v, r.OneOf)) && !isOneOf(v, r.NoneOf) {
			return true
		}
	}
	return absent && r.Optional
}

func isEmpty(v strictjson.Value) bool {
	switch v.Kind() {
	case strictjson.String:
		text, _ := v.Text()
		return text == ""
	case strictjson.Array:
		for element := range v.Elements() {
			if element.Kind() != strictjson.Null && !isEmpty(element) {
				return false
			}
		}
		return true
	case strictjson.Object:
		for range v.Members() {
			return false
		}
		return true
	default:
		return false
	}
}

// isOneOf compares a string byte for byte, a boolean or number in its JSON spelling, and of an array each element. No object is a value.
func isOneOf(v strictjson.Value, values []string) bool {
	if v.Kind() == strictjson.Array {
		for element := range v.Elements() {
			if element.Kind() != strictjson.Array && isOneOf(element, values) {
				return true
			}
		}
		return false
	}
	text, ok := v.Text()
	if !ok && (v.Kind() == strictjson.Bool || v.Kind() == strictjson.Number) {
		text, ok = v.Raw(), true
	}
	return ok && slices.Contains(values, text)
}

// String tells an operator what the rule wants.
func (r *rule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "claim %s", strings.Join(r.Claims, " or "))
	if r.OneOf != nil {
		fmt.Fprintf(&b, " must be one of %q", r.OneOf)
	} else {
		b.WriteString(" must be there")
	}
	if len(r.NoneOf) > 0 {
		fmt.Fprintf(&b, " and none of %q", r.NoneOf)
	}
	return b.String()
}

// checkRules judges what the issuer demands of its claims. Where the server is asked about a JWT as well, the claims of its answer are
// the token's.
func (v *vetting) checkRules() Refusal {
	if !v.opaque && v.issuer.Mode == VerifyAndIntrospect {
		return Refusal{}
	}
	for i := range v.issuer.rules {
		if r := &v.issuer.rules[i]; !r.holds(&v.reading) {
			return refuse(NotAccepted, fmt.Errorf("rule of the issuer: %s", r))
		}
	}
	return Refusal{}
}
