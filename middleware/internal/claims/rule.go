package claims

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Rule is what an issuer demands of its claims, as middleware.ClaimRule says it.
type Rule struct {
	Paths []Path // of Claims

	Claims   []string
	OneOf    []string
	NoneOf   []string
	Optional bool

	OutranksNonce bool // only access tokens meet it
}

// Holds judges whether one of the rule's claims is there and meets it. Null is absent; an empty string or object, and an array of nothing else, is
// there and meets nothing.
func (r *Rule) Holds(c *Reading) bool {
	absent := true
	for _, path := range r.Paths {
		v := c.Follow(path)
		if !IsPresent(v) {
			continue
		}
		absent = false
		if !isEmpty(v) && (r.OneOf == nil || isOneOf(v, r.OneOf)) && r.excludesNone(v) {
			return true
		}
	}
	return absent && r.Optional
}

// excludesNone reports whether v is none of the excluded values. What cannot be compared with them may hold one, so it does not pass.
func (r *Rule) excludesNone(v strictjson.Value) bool {
	return len(r.NoneOf) == 0 || isComparable(v) && !isOneOf(v, r.NoneOf)
}

// isComparable reports whether isOneOf sees all of v: one value, or an array of such.
func isComparable(v strictjson.Value) bool {
	if v.Kind() == strictjson.Array {
		for element := range v.Elements() {
			if element.Kind() == strictjson.Array || element.Kind() == strictjson.Object {
				return false
			}
		}
	}
	return v.Kind() != strictjson.Object
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

// isOneOf compares a string byte for byte, a boolean or number in its JSON spelling, and of an array each element. No object is a value, and no
// array inside another.
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
func (r *Rule) String() string {
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
