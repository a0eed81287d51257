package issued

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/claims"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Claims are the members of an object that an issuer has signed, or of one inside it. Every reader refuses a member whose name differs from
// the one asked for in nothing but case, by an error that wraps ErrMalformed: another reader would take it for that. The zero Claims have no
// members.
type Claims struct{ object strictjson.Value }

var errText = errors.New("it is not a string")

// At returns a member as it stands; the zero Value if it is absent, and beside an error.
func (c Claims) At(name string) (strictjson.Value, error) {
	var found strictjson.Value
	for member, v := range c.object.Members() {
		switch {
		case member == name:
			found = v
		case strings.EqualFold(member, name):
			return strictjson.Value{}, fmt.Errorf("%w: a name differs from %s only in case", ErrMalformed, name)
		}
	}
	return found, nil
}

// Has reports whether there is a member of this name, if only null.
func (c Claims) Has(name string) bool {
	_, ok := c.object.Member(name)
	return ok
}

// Text returns a member that must be a string if it is present, and not null. An empty one says as little as none.
func (c Claims) Text(name string) (string, error) {
	v, err := c.At(name)
	if !claims.IsPresent(v) {
		return "", err
	}
	text, ok := v.Text()
	if !ok {
		return "", fmt.Errorf("%w: %s: %w", ErrMalformed, name, errText)
	}
	return text, nil
}

// Time returns a member that must be a NumericDate if it is present, and not null; zero: it is absent.
func (c Claims) Time(name string) (time.Time, error) {
	v, err := c.At(name)
	if !claims.IsPresent(v) {
		return time.Time{}, err
	}
	at, err := v.NumericDate()
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %s: %w", ErrMalformed, name, err)
	}
	return at, nil
}

// In returns the members of a member that must be an object; ok is false if it is absent or anything else.
func (c Claims) In(name string) (_ Claims, ok bool, _ error) {
	v, err := c.At(name)
	if v.Kind() != strictjson.Object {
		return Claims{}, false, err
	}
	return Claims{v}, true, nil
}

// Members yields every member, in order.
func (c Claims) Members(yield func(string, strictjson.Value) bool) { c.object.Members()(yield) }

// Of returns the members of an object; none of any other value.
func Of(v strictjson.Value) Claims { return Claims{v} }

// AudienceHas reports whether aud, a string or an array of strings, names one of parties.
func (c Claims) AudienceHas(parties ...string) (bool, error) {
	v, err := c.At("aud")
	if err != nil {
		return false, err
	}
	has, err := claims.AudienceHas(v, parties...)
	if err != nil {
		return false, fmt.Errorf("%w: aud: %w", ErrMalformed, err)
	}
	return has, nil
}
