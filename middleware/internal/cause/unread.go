package cause

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// mapped is the hint that entries hold what a route needs, and that nothing reads them. Which API they speak of only the reader knows: a
// token of Keycloak has the roles of other APIs too.
func mapped(field string, entries []string) string {
	return "set Issuer.Claims." + field + " to " + oneOf(entries) + ", which has it and is not read, if that claim speaks of this API"
}

// unread finds claims of a verified token whose names speak of one of words, as entries of a ClaimMapping, beside those that are mapped:
// those that hold all that is needed, as read reads them, and all.
func (g Grant) unread(read func(any) []string, words ...string) (holding, all []string) {
	var claims map[string]any
	if g.By != "" || json.Unmarshal([]byte(g.Text), &claims) != nil {
		return nil, nil
	}
	var walk func(path string, members map[string]any, depth int)
	walk = func(path string, members map[string]any, depth int) {
		for _, name := range slices.Sorted(maps.Keys(members)) {
			pointer := path + "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
			value := members[name]
			inner, isObject := value.(map[string]any)
			if entry := asEntry(pointer, name, depth); speaks(name, words) && !slices.Contains(g.Mapped, entry) {
				if g.isHeldBy(read(value)) {
					holding = append(holding, entry)
				}
				if isList(value) {
					all = append(all, entry)
				}
			}
			if isObject && depth < 3 {
				walk(pointer, inner, depth+1)
			}
		}
	}
	walk("", claims, 0)
	return holding, all
}

func speaks(name string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(strings.ToLower(name), word) })
}

// isList reports whether a claim can be a list by its type alone. An object is one only if it holds what is needed.
func isList(value any) bool {
	switch value.(type) {
	case string, []any:
		return true
	}
	return false
}

func (g Grant) isHeldBy(had []string) bool {
	return !slices.ContainsFunc(g.Needs, func(group []string) bool {
		return !slices.ContainsFunc(group, func(one string) bool { return slices.Contains(had, one) })
	})
}

// asScopes reads a claim as a mapped one is read for scopes.
func asScopes(value any) []string {
	switch value := value.(type) {
	case string:
		return strings.Split(value, " ")
	case []any:
		return elements(value, func(any) (string, bool) { return "", false })
	}
	return nil
}

// asRoles reads a claim as a mapped one is read for roles.
func asRoles(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		return elements(value, func(element any) (string, bool) { // of SCIM
			object, _ := element.(map[string]any)
			role, ok := object["value"].(string)
			return role, ok
		})
	case map[string]any:
		var roles []string
		for role, granted := range value {
			if granted != nil && granted != false {
				roles = append(roles, role)
			}
		}
		return roles
	}
	return nil
}

// elements are the texts of an array, and what other makes of its other elements. An array with one that is neither grants nothing.
func elements(values []any, other func(any) (string, bool)) []string {
	var all []string
	for _, value := range values {
		text, ok := value.(string)
		if !ok {
			text, ok = other(value)
		}
		if !ok {
			return nil
		}
		all = append(all, text)
	}
	return all
}

// asEntry writes a claim at the top by its name, unless that begins like a pointer.
func asEntry(pointer, name string, depth int) string {
	if depth == 0 && !strings.HasPrefix(name, "/") {
		return name
	}
	return pointer
}
