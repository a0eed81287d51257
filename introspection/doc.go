// Package introspection asks an authorization server about opaque tokens.
package introspection
