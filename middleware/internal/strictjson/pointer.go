package strictjson

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Pointer is a JSON pointer (RFC 6901) to something inside a value. The zero
// Pointer points to nothing. Pointers are immutable and safe for concurrent use.
type Pointer struct {
	text   string
	tokens []token
}

// A token names a member of an object and, when it is an index, an element of an array.
type token struct {
	name  string
	index int // -1 for none
}

// ParsePointer reads a pointer such as "/realm_access/roles" or
// "/https:~1~1example.com~1roles/0", where ~1 stands for / and ~0 for ~. The
// empty pointer, which is the whole value, is refused.
func ParsePointer(s string) (Pointer, error) {
	if !strings.HasPrefix(s, "/") {
		return Pointer{}, fmt.Errorf("%w %q: must begin with \"/\"", ErrPointer, s)
	}
	if !utf8.ValidString(s) {
		return Pointer{}, fmt.Errorf("%w %q: must be UTF-8", ErrPointer, s)
	}
	p := Pointer{text: s}
	for _, part := range strings.Split(s[1:], "/") {
		name, ok := tokenName(part)
		if !ok {
			return Pointer{}, fmt.Errorf("%w %q: write \"~0\" for \"~\"", ErrPointer, s)
		}
		p.tokens = append(p.tokens, token{name, tokenIndex(name)})
	}
	return p, nil
}

// String returns the pointer as it was written, "" for the zero Pointer.
func (p Pointer) String() string { return p.text }

// Lookup returns the value inside v that p points to. Member names match
// exactly; an array index is one that RFC 6901 section 4 calls an array-index: no sign,
// no leading zero, and not "-".
func (v Value) Lookup(p Pointer) (Value, bool) {
	if len(p.tokens) == 0 {
		return Value{}, false
	}
	for _, t := range p.tokens {
		next, ok := v.Member(t.name)
		if v.Kind() == Array {
			next, ok = v.element(t.index)
		}
		if !ok {
			return Value{}, false
		}
		v = next
	}
	return v, true
}

// Resembles reports whether an object on the way of p has a member whose name differs in nothing but case from that of the step.
func (v Value) Resembles(p Pointer) bool {
	for _, t := range p.tokens {
		for name := range v.Members() {
			if name != t.name && strings.EqualFold(name, t.name) {
				return true
			}
		}
		next, ok := v.Lookup(Pointer{tokens: []token{t}})
		if !ok {
			return false
		}
		v = next
	}
	return false
}

func (v Value) element(index int) (Value, bool) {
	i := 0
	for element := range v.Elements() {
		if i == index {
			return element, true
		}
		i++
	}
	return Value{}, false
}

// tokenName undoes the escapes of RFC 6901 section 3, ~1 before ~0, so that ~01 is "~1".
func tokenName(part string) (name string, ok bool) {
	for rest := part; ; {
		_, after, found := strings.Cut(rest, "~")
		if !found {
			break
		}
		if after == "" || after[0] != '0' && after[0] != '1' {
			return "", false
		}
		rest = after
	}
	return strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~"), true
}

func tokenIndex(name string) int {
	index, err := strconv.Atoi(name)
	if err != nil || index < 0 || strconv.Itoa(index) != name {
		return -1
	}
	return index
}
