package strictjson

import (
	"iter"
	"slices"
	"unicode/utf8"
)

// Kind is the kind of a JSON value. The zero Kind is that of no value at all.
type Kind uint8

// The kinds of RFC 8259 section 3.
const (
	Null Kind = iota + 1
	Bool
	Number
	String
	Array
	Object
)

// Value is a value inside a vetted document, whose text it keeps alive. The
// zero Value is absent: of Kind 0, and answering every question with nothing.
// Values are immutable and safe for concurrent use.
type Value struct {
	raw string // vetted, without white space around it
}

// Kind returns the kind of v, 0 if v is absent.
func (v Value) Kind() Kind {
	if v.raw == "" {
		return 0
	}
	switch v.raw[0] {
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	case '"':
		return String
	case '[':
		return Array
	case '{':
		return Object
	}
	return Number
}

// Raw returns the JSON text of v as it stands in the document, "" if v is absent.
func (v Value) Raw() string { return v.raw }

// Text returns the string that v stands for, and false if v is no string. It
// allocates only for a string with escapes. U+0000 is a character like any other.
func (v Value) Text() (string, bool) {
	if v.Kind() != String {
		return "", false
	}
	return decode(v.raw[1 : len(v.raw)-1]), true
}

// Bool returns the truth value that v stands for; ok is false if it is none.
func (v Value) Bool() (value, ok bool) {
	return v.raw == "true", v.Kind() == Bool
}

// Strings appends the elements of v, an array of nothing but strings, to dst.
// For anything else it returns dst as it was, and false.
func (v Value) Strings(dst []string) ([]string, bool) {
	if v.Kind() != Array {
		return dst, false
	}
	count := 0
	for element := range v.Elements() {
		if element.Kind() != String {
			return dst, false
		}
		count++
	}
	dst = slices.Grow(dst, count)
	for element := range v.Elements() {
		text, _ := element.Text()
		dst = append(dst, text)
	}
	return dst, true
}

// Elements yields the elements of an array in order, and nothing for any other value.
func (v Value) Elements() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != Array {
			return
		}
		for i := space(v.raw, 1); v.raw[i] != ']'; {
			end := valueEnd(v.raw, i)
			if !yield(Value{v.raw[i:end]}) {
				return
			}
			i = following(v.raw, end)
		}
	}
}

// Members yields the members of an object in order, names decoded, and nothing
// for any other value. No two names are equal, not even but for case.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		for i := space(v.raw, 1); v.raw[i] != '}'; {
			end := textEnd(v.raw, i)
			name := decode(v.raw[i+1 : end-1])
			colon := space(v.raw, end)
			i = space(v.raw, colon+1)
			end = valueEnd(v.raw, i)
			if !yield(name, Value{v.raw[i:end]}) {
				return
			}
			i = following(v.raw, end)
		}
	}
}

// Member returns the member of an object with exactly this name.
func (v Value) Member(name string) (Value, bool) {
	for n, member := range v.Members() {
		if n == name {
			return member, true
		}
	}
	return Value{}, false
}

// The functions below find their way through text that has been vetted.

// following returns the index of the next element or member, or of the closing bracket.
func following(raw string, i int) int {
	if i = space(raw, i); raw[i] == ',' {
		i = space(raw, i+1)
	}
	return i
}

func valueEnd(raw string, i int) int {
	switch raw[i] {
	case '"':
		return textEnd(raw, i)
	case '{', '[':
		return nestEnd(raw, i)
	}
	for i < len(raw) && !delimiter(raw[i]) {
		i++
	}
	return i
}

func textEnd(raw string, i int) int {
	for i = skipPlain(raw, i+1); raw[i] != '"'; i = skipPlain(raw, i) {
		if raw[i] == '\\' {
			i += 2
		}
		for raw[i] >= utf8.RuneSelf {
			i++
		}
	}
	return i + 1
}

func nestEnd(raw string, i int) int {
	for depth := 0; ; {
		switch raw[i] {
		case '"':
			i = textEnd(raw, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}

func delimiter(c byte) bool {
	return c == ',' || c == ']' || c == '}' || c == ' ' || c == '\n' || c == '\r' || c == '\t'
}
