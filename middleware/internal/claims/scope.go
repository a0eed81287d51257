package claims

import (
	"slices"
	"strings"
)

// identityScopes are granted with ID tokens (OpenID Connect Core sections 5.4 and 11) and say nothing about an API.
var identityScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// IsBeyondIdentity reports whether scope is one that no ID token stands for. It leaves aside what is no scope (RFC 6749 section 3.3) and what
// some server may read as one of the others.
func IsBeyondIdentity(scope string) bool {
	return isScope(scope) && !slices.ContainsFunc(identityScopes, func(name string) bool { return strings.EqualFold(name, scope) })
}

func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}
