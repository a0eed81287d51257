package middleware

import (
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// texts collects the elements of a token's Sets, which then share one array.
type texts struct {
	elems []string
}

const ordinaryTexts = 29 // audiences, scopes, roles and methods of an ordinary token together; they fill up the 1024 bytes of a verified

// add appends an element of the Set that is being made.
func (t *texts) add(elem string) { t.elems = append(t.elems, elem) }

// set makes a Set of what was added since start.
func (t *texts) set(start int) Set {
	return Set{elems: slices.Clip(distinct(t.elems[start:]))}
}

// addAll adds the elements of an array of strings; false if v is anything else.
func (t *texts) addAll(v strictjson.Value) bool {
	if v.Kind() != strictjson.Array {
		return false
	}
	for element := range v.Elements() {
		elem, ok := element.Text()
		if !ok {
			return false
		}
		t.add(elem)
	}
	return true
}

// audience reads aud: a string, or an array of strings (RFC 7519 section 4.1.3). Absent, it is empty.
func (t *texts) audience(v strictjson.Value) (Set, bool) {
	start := len(t.elems)
	if s, ok := v.Text(); ok {
		t.add(s)
	} else if v.Kind() != 0 && !t.addAll(v) {
		return Set{}, false
	}
	return t.set(start), true
}

// scopes reads a mapped claim as scopes: a string, split at single spaces and nothing else (RFC 6749 section 3.3), or an
// array of strings. Anything else grants nothing.
func (t *texts) scopes(v strictjson.Value) Set {
	s, ok := v.Text()
	if !ok {
		return t.list(v)
	}
	start := len(t.elems)
	for s != "" {
		var scope string
		if scope, s, _ = strings.Cut(s, " "); scope != "" {
			t.add(scope)
		}
	}
	return t.set(start)
}

// roles reads a mapped claim as roles: an array of strings or of SCIM objects with a value (RFC 9068 section 2.2.3.1), one
// string, or an object keyed by role. A role whose member is false or null is not granted. Anything else grants nothing.
func (t *texts) roles(v strictjson.Value) Set {
	start := len(t.elems)
	switch v.Kind() {
	case strictjson.String:
		role, _ := v.Text()
		t.add(role)
	case strictjson.Array:
		for element := range v.Elements() {
			role, ok := element.Text()
			if !ok {
				value, _ := element.Member("value")
				role, ok = value.Text()
			}
			if !ok {
				return Set{}
			}
			t.add(role)
		}
	case strictjson.Object:
		for role, granted := range v.Members() {
			if yes, isBool := granted.Bool(); granted.Kind() != strictjson.Null && (yes || !isBool) {
				t.add(role)
			}
		}
	}
	return t.set(start)
}

// list reads an array of strings. Anything else is nothing.
func (t *texts) list(v strictjson.Value) Set {
	start := len(t.elems)
	if !t.addAll(v) {
		return Set{}
	}
	return t.set(start)
}
