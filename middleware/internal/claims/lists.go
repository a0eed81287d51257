package claims

import (
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Lists collects the lists of a token, which then share one array. Each list holds distinct strings in their order.
type Lists struct {
	elems []string
	room  int // for elements, in all arrays that were made
}

// NewLists makes room for what lists of these values hold at most, so that none is left over in what may be kept for long.
func NewLists(values ...strictjson.Value) Lists {
	room := 0
	for _, v := range values {
		room += mostElems(v)
	}
	if room == 0 {
		return Lists{}
	}
	room = min(room, mostRoom)
	return Lists{elems: make([]string, 0, room), room: room}
}

// mostRoom is the room that values get for their word: they may hold anything. More is made when it is needed.
const mostRoom = 256

// mostElems is as many as a list of v can have. Of ordinary values it is how many it has.
func mostElems(v strictjson.Value) int {
	switch v.Kind() {
	case strictjson.String:
		return 1 + strings.Count(v.Raw(), " ")
	case strictjson.Array, strictjson.Object:
		return 1 + strings.Count(v.Raw(), ",")
	default:
		return 0
	}
}

func (l *Lists) add(elem string) {
	full := len(l.elems) == cap(l.elems)
	l.elems = append(l.elems, elem)
	if full {
		l.room += cap(l.elems)
	}
}

// Settle moves lists that l has read to an array without room to spare, where more than a little was made for them on the way: what is
// kept for long is counted by what it holds.
func (l *Lists) Settle(lists ...*[]string) {
	const little = 4
	count := 0
	for _, list := range lists {
		count += len(*list)
	}
	if l.room <= count+little {
		return
	}
	settled := make([]string, 0, count)
	for _, list := range lists {
		start := len(settled)
		settled = append(settled, *list...)
		if *list != nil {
			*list = slices.Clip(settled[start:])
		}
	}
}

// since returns what was added since start.
func (l *Lists) since(start int) []string {
	return slices.Clip(Distinct(l.elems[start:]))
}

// addAll adds the elements of an array of strings; false if v is anything else.
func (l *Lists) addAll(v strictjson.Value) bool {
	if v.Kind() != strictjson.Array {
		return false
	}
	for element := range v.Elements() {
		elem, ok := element.Text()
		if !ok {
			return false
		}
		l.add(elem)
	}
	return true
}

// Audience reads aud: a string, or an array of strings (RFC 7519 section 4.1.3). Absent, it is empty.
func (l *Lists) Audience(v strictjson.Value) ([]string, error) {
	start := len(l.elems)
	if !l.addAudience(v) {
		return nil, errNotAudience
	}
	return l.since(start), nil
}

func (l *Lists) addAudience(v strictjson.Value) bool {
	if s, ok := v.Text(); ok {
		l.add(s)
		return true
	}
	return v.Kind() == 0 || l.addAll(v)
}

// AudienceHas reports whether aud, as Audience reads it, names one of parties. Before a signature has been verified that is enough, and it
// costs nothing, however long a list anybody sends.
func AudienceHas(v strictjson.Value, parties ...string) (has bool, _ error) {
	if s, ok := v.Text(); ok {
		return slices.Contains(parties, s), nil
	}
	if v.Kind() != 0 && v.Kind() != strictjson.Array {
		return false, errNotAudience
	}
	for element := range v.Elements() {
		s, ok := element.Text()
		if !ok {
			return false, errNotAudience
		}
		has = has || slices.Contains(parties, s)
	}
	return has, nil
}

// Scopes reads a mapped claim as scopes: a string, split at single spaces and nothing else (RFC 6749 section 3.3), or an
// array of strings. Anything else grants nothing.
func (l *Lists) Scopes(v strictjson.Value) []string {
	start := len(l.elems)
	if !l.addScopes(v) {
		return nil
	}
	return l.since(start)
}

func (l *Lists) addScopes(v strictjson.Value) bool {
	s, ok := v.Text()
	if !ok {
		return l.addAll(v)
	}
	spelt := len(s) == len(v.Raw())-len(`""`) // without escapes, so that s is a part of all claims
	for s != "" {
		var scope string
		if scope, s, _ = strings.Cut(s, " "); scope == "" {
			continue
		}
		if !spelt {
			scope = strings.Clone(scope) // not to keep all of s, which may be spaces
		}
		l.add(scope)
	}
	return true
}

// AnyScope reports whether one of the scopes fits, as Scopes reads them. It is to Scopes what AudienceHas is to Audience.
func AnyScope(v strictjson.Value, fits func(scope string) bool) bool {
	var l Lists
	return l.addScopes(v) && slices.ContainsFunc(l.elems, fits)
}

// Roles reads a mapped claim as roles: an array of strings or of SCIM objects with a value (RFC 9068 section 2.2.3.1), one
// string, or an object keyed by role. A role whose member is false or null is not granted. Anything else grants nothing.
func (l *Lists) Roles(v strictjson.Value) []string {
	start := len(l.elems)
	switch v.Kind() {
	case strictjson.String:
		role, _ := v.Text()
		l.add(role)
	case strictjson.Array:
		for element := range v.Elements() {
			role, ok := element.Text()
			if !ok {
				value, _ := element.Member("value")
				role, ok = value.Text()
			}
			if !ok {
				return nil
			}
			l.add(role)
		}
	case strictjson.Object:
		for role, granted := range v.Members() {
			if yes, isBool := granted.Bool(); granted.Kind() != strictjson.Null && (yes || !isBool) {
				l.add(role)
			}
		}
	}
	return l.since(start)
}

// Strings reads an array of strings. Anything else is nothing.
func (l *Lists) Strings(v strictjson.Value) []string {
	start := len(l.elems)
	if !l.addAll(v) {
		return nil
	}
	return l.since(start)
}

// Distinct removes repeated elements in place and keeps the order. Long lists come from tokens, so they are
// not compared pair by pair.
func Distinct(elems []string) []string {
	const few = 16
	if len(elems) <= few {
		kept := elems[:0]
		for _, e := range elems {
			if !slices.Contains(kept, e) {
				kept = append(kept, e)
			}
		}
		return kept
	}
	seen := make(map[string]struct{}, len(elems))
	return slices.DeleteFunc(elems, func(e string) bool {
		_, again := seen[e]
		seen[e] = struct{}{}
		return again
	})
}
