// Package claims reads the claims of a token, or of an introspection answer, each in its type. It says what a claim is; what follows
// from it is for the judge to say.
package claims

import (
	"errors"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Reading is one pass over the claims of a token: the values of the claims that are read, each at its Index.
type Reading struct {
	Text string // all claims, vetted

	values [maxClaims]strictjson.Value
}

var (
	errNotText     = errors.New("it is not a string, or is empty")
	errNotAudience = errors.New("it is neither a string nor an array of strings")
	errLookalike   = errors.New("a claim name differs only in case from one that is read")
)

// Read reads text, which must be one strict JSON object. A member whose name folds to a name in the table without being
// it is refused, because a reader that ignores case would take it for the claim.
func (r *Reading) Read(text string, names *Names) error {
	r.Text = text
	lookalike := false
	err := strictjson.Walk(text, func(name string, v strictjson.Value) error {
		if index, ok := names.indices.get(name); ok {
			if index == Marker && v.Kind() == strictjson.Null {
				return nil // it is absent, and must not hide another one
			}
			r.values[index] = v
			return nil
		}
		lookalike = lookalike || names.resembles(name)
		return nil
	})
	if err == nil && lookalike {
		err = errLookalike
	}
	return err
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

// First returns the first of the mapped claims that is present.
func (r *Reading) First(paths []Path) strictjson.Value {
	for _, path := range paths {
		if v := r.Follow(path); v.Kind() != 0 {
			return v
		}
	}
	return strictjson.Value{}
}

// String returns a claim that must be a non-empty string if it is present.
func (r *Reading) String(i Index) (string, error) { return Text(r.values[i]) }

// Text reads a non-empty string; of an absent value it is empty.
func Text(v strictjson.Value) (string, error) {
	if v.Kind() == 0 {
		return "", nil
	}
	s, ok := v.Text()
	if !ok || s == "" {
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
