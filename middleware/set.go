package middleware

import (
	"iter"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
)

// Set is an immutable list of distinct strings, in the order in which they were given: scopes, audiences, roles.
// The zero Set is empty. A Set is safe for concurrent use.
type Set struct {
	elems []string // distinct, never written after construction
}

// SetOf returns the set of elems; repeated ones count once.
func SetOf(elems ...string) Set {
	return Set{elems: claims.Distinct(slices.Clone(elems))}
}

// Has reports whether elem is in s. The comparison is exact: case matters and no pattern is known.
func (s Set) Has(elem string) bool { return slices.Contains(s.elems, elem) }

// HasAll reports whether every one of elems is in s. Of no elems it is true.
func (s Set) HasAll(elems ...string) bool {
	for _, e := range elems {
		if !s.Has(e) {
			return false
		}
	}
	return true
}

// HasAny reports whether at least one of elems is in s. Of no elems it is false.
func (s Set) HasAny(elems ...string) bool { return slices.ContainsFunc(elems, s.Has) }

// Len returns the number of strings in s.
func (s Set) Len() int { return len(s.elems) }

// All returns an iterator over the strings of s in their order.
func (s Set) All() iter.Seq[string] { return slices.Values(s.elems) }

// Slice returns a copy of the strings of s. Of the empty set it is nil.
func (s Set) Slice() []string { return slices.Clone(s.elems) }

// String returns the strings of s joined by single spaces, the form of a scope parameter (RFC 6749 section 3.3).
func (s Set) String() string { return strings.Join(s.elems, " ") }
