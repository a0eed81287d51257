// Package claims reads the claims of a token, or of an introspection answer, each in its type. It says what a claim is; what follows
// from it is for the judge to say.
package claims

import (
	"errors"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Reading is one pass over the claims of a token: the values of the claims that are read, each at its Index.
type Reading struct {
	Text string // all claims, vetted

	resembled Indices // what other members are named but for case
	values    [maxClaims]strictjson.Value
}

var (
	errNotText     = errors.New("it is not a string")
	errNotAudience = errors.New("it is neither a string nor an array of strings")
	errLookalike   = errors.New("a claim name differs only in case from one that is read")
)

// Read reads text, which must be one strict JSON object.
func (r *Reading) Read(text string, names *Names) error {
	r.Text = text
	return strictjson.Walk(text, func(name string, v strictjson.Value) error {
		index, ok := names.indices.get(name)
		switch {
		case !ok:
			r.resembled |= names.resembled(name)
		case v.Kind() == strictjson.Null && !restricts(index):
			// It is absent, and must not hide another claim that is noted at its Index.
		default:
			r.values[index] = v
		}
		return nil
	})
}

// CheckNames refuses a member whose name differs in nothing but case from that of a claim that is read, or of a step of a path to one: a
// reader that ignores case would take it for the claim. Names that nobody reads may differ as they like.
func (r *Reading) CheckNames(read Indices, paths ...[]Path) error {
	for _, list := range paths {
		for _, path := range list {
			read |= IndicesOf(path.index)
			if path.nested && r.values[path.index].Resembles(path.pointer) {
				return errLookalike
			}
		}
	}
	if r.resembled&read != 0 {
		return errLookalike
	}
	return nil
}

// restricts reports whether a claim narrows what the token is good for. One that is null says nothing, and must not be taken for absent.
func restricts(index Index) bool {
	switch index {
	case Confirm, Act, AuthorizationDetails, Status, TokenUse:
		return true
	default:
		return false
	}
}

// At returns the value of a claim; the zero Value if it is absent.
func (r *Reading) At(i Index) strictjson.Value { return r.values[i] }

// Follow returns the value of a mapped claim; the zero Value if it is absent.
func (r *Reading) Follow(path Path) strictjson.Value {
	v := r.values[path.index]
	if !path.nested {
		return v
	}
	v, _ = v.Lookup(path.pointer)
	return v
}

// First returns the first of the mapped claims that is present. Null is absent.
func (r *Reading) First(paths []Path) strictjson.Value {
	for _, path := range paths {
		if v := r.Follow(path); IsPresent(v) {
			return v
		}
	}
	return strictjson.Value{}
}

// String returns a claim that must be a string if it is present. An empty one says as little as none.
func (r *Reading) String(i Index) (string, error) {
	v := r.values[i]
	if v.Kind() == 0 {
		return "", nil
	}
	s, ok := v.Text()
	if !ok {
		return "", errNotText
	}
	return s, nil
}

// Time returns a claim that must be a NumericDate if it is present.
func (r *Reading) Time(i Index) (time.Time, error) {
	v := r.values[i]
	if v.Kind() == 0 {
		return time.Time{}, nil
	}
	return v.NumericDate()
}

// IsPresent reports whether v is there and not null.
func IsPresent(v strictjson.Value) bool { return v.Kind() != 0 && v.Kind() != strictjson.Null }

// Is reports whether v is this string.
func Is(v strictjson.Value, want string) bool {
	s, ok := v.Text()
	return ok && s == want
}

// Marks are the claims of a vetted document that only another kind of token than an access token has.
func Marks(text string) []string {
	var found []string
	_ = strictjson.Walk(text, func(name string, _ strictjson.Value) error { // it has been walked over before
		if slices.Contains(markers, name) || slices.Contains(idMarkers, name) {
			found = append(found, name)
		}
		return nil
	})
	return found
}
