package introspection

import (
	"bytes"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/introspection/internal/exactjson"
)

// maxAnswer bounds one answer, after decompression.
const maxAnswer = 64 << 10

// Response is a vetted answer about one token (RFC 7662 section 2.2). It is immutable, safe for concurrent use, and the
// same pointer as long as it stays cached. A nil or zero Response is inactive.
type Response struct {
	_ [0]func()

	active bool
	claims string    // the JSON object, exactly as it was received; empty when inactive
	expiry time.Time // exp rounded down to a second; zero: none
	place  *place    // in the cache of a Client; nil: it was put in none
}

// An inactive answer holds nothing but that (RFC 7662 section 2.2), so one value serves them all and a flood of bad
// tokens fills the cache with pointers only.
var inactive = new(Response)

// ParseResponse vets an answer and is meant for an introspector of one's own: translate what the vendor says into an
// RFC 7662 object and let it be vetted here. The body must be one JSON object of at most 64 KiB in valid UTF-8, at most
// 64 levels deep, perhaps behind a byte order mark; no object in it may hold a name twice; active must be a boolean, and exp,
// nbf and iat of an active answer numbers between the years 1 and 9999, or null, which is absent. No member may differ from
// one of these four only in case. Anything else is an error that wraps ErrUnavailable. Whether the token is in its time and
// meant for this API, and what a null among the other members means, is for the caller to judge.
func ParseResponse(body []byte) (*Response, error) { return parse(body, false) }

// parse takes a missing member active for true if the token is known to be active.
func parse(body []byte, knownActive bool) (*Response, error) {
	if len(body) > maxAnswer {
		return nil, errOversize
	}
	body = bytes.TrimPrefix(body, byteOrderMark)
	members, err := readObject(body)
	if err != nil {
		return nil, err
	}
	if err := checkNames(members, "active", "exp", "nbf", "iat"); err != nil {
		return nil, err
	}
	switch active := members.Of("active"); {
	case string(active) == "false":
		return inactive, nil
	case string(active) == "true", active == nil && knownActive:
		return activeResponse(body, members)
	}
	return nil, badAnswer("active is missing or no boolean (RFC 7662 section 2.2)")
}

// byteOrderMark may stand before a JSON text, and be ignored (RFC 8259 section 8.1).
var byteOrderMark = []byte("\ufeff")

func activeResponse(body []byte, members exactjson.Object) (*Response, error) {
	var expiry time.Time
	for _, name := range []string{"exp", "nbf", "iat"} {
		value := members.Of(name)
		if isAbsent(value) {
			continue
		}
		date, ok := numericDate(value)
		if !ok {
			return nil, badAnswer(name + " is no number between the years 1 and 9999")
		}
		if name == "exp" {
			expiry = date
		}
	}
	return &Response{active: true, claims: string(bytes.TrimSpace(body)), expiry: expiry}, nil
}

// Active reports whether the server vouches for the token. Its time and its audience are still to be judged.
func (r *Response) Active() bool { return r != nil && r.active }

// Format prints, for every verb, whether the answer is active, and none of its members: they speak of a person, and some
// servers repeat the token among them.
func (r Response) Format(state fmt.State, _ rune) {
	fmt.Fprintf(state, "introspection.Response(active %t)", r.active)
}

// Claims decodes the members of an active answer into v, as json.Unmarshal does but by exact names: a member that differs
// from the name of a field in case only is not decoded, at any depth, so give fields the tags of the claims that they hold.
// A type with an UnmarshalJSON method of its own decides for itself; a *json.RawMessage gets the object as it was received. Of
// a signed answer these are the members inside token_introspection, and nothing beside it. An inactive answer is an empty
// object, whatever the server sent along (RFC 7662 section 2.2).
func (r *Response) Claims(v any) error {
	claims := "{}"
	if r.Active() {
		claims = r.claims
	}
	if err := exactjson.Decode([]byte(claims), v); err != nil {
		return fmt.Errorf("introspection: decode claims: %w", err)
	}
	return nil
}
