package exactjson

import (
	"encoding/json"
	"math/bits"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// DecodeText is Decode of text that is not written to. What it can it reads in one pass, in less than half the time: strings are parts of text
// then. Wherever the pass meets anything but what is ordinary for the type, v is made zero again and decoded anew by Decode, whose answer
// and errors are the only ones.
func DecodeText(text string, v any) error {
	if into := reflect.ValueOf(v); into.Kind() == reflect.Pointer && !into.IsNil() {
		into = into.Elem()
		if p := planOf(into.Type()); p != nil && into.IsZero() {
			r := reader{text: text}
			if r.value(p, into) && r.space() == 0 {
				return nil
			}
			into.SetZero()
		}
	}
	return Decode([]byte(text), v)
}

// reader reads text, which is valid JSON. Its methods report whether they have read what they were to read.
type reader struct {
	text string
	at   int
}

// space is the next byte that is no white space; 0 at the end.
func (r *reader) space() byte {
	for ; r.at < len(r.text); r.at++ {
		if c := r.text[r.at]; c > ' ' {
			return c
		}
	}
	return 0
}

// take goes behind c, if it comes next.
func (r *reader) take(c byte) bool {
	if r.space() != c {
		return false
	}
	r.at++
	return true
}

// value reads into v, which is zero. Null leaves it so, whatever it is.
func (r *reader) value(p *plan, v reflect.Value) bool {
	if p.kind == reflect.Invalid {
		return json.Unmarshal([]byte(r.raw()), v.Addr().Interface()) == nil
	}
	if r.space() == 'n' {
		return r.word("null")
	}
	switch p.kind {
	case reflect.String:
		s, ok := r.string()
		v.SetString(s)
		return ok
	case reflect.Bool:
		yes := r.space() == 't'
		v.SetBool(yes)
		return yes && r.word("true") || !yes && r.word("false")
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(r.number(), 10, 64)
		v.SetInt(n)
		return err == nil && !v.OverflowInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(r.number(), 10, 64)
		v.SetUint(n)
		return err == nil && !v.OverflowUint(n)
	case reflect.Float32, reflect.Float64:
		n, err := strconv.ParseFloat(r.number(), p.typ.Bits())
		v.SetFloat(n)
		return err == nil && !v.OverflowFloat(n)
	case reflect.Interface:
		value, ok := r.any()
		if ok {
			v.Set(reflect.ValueOf(value))
		}
		return ok
	case reflect.Pointer:
		v.Set(reflect.New(p.elem.typ))
		return r.value(p.elem, v.Elem())
	case reflect.Slice:
		return r.slice(p, v)
	case reflect.Map:
		return r.mapping(p, v)
	default: // reflect.Struct
		return r.object(p, v)
	}
}

// members reads an object. member is called before each value, which it reads.
func (r *reader) members(member func(name string) bool) bool {
	if !r.take('{') {
		return false
	}
	if r.take('}') {
		return true
	}
	for {
		name, ok := r.string()
		if !ok || !r.take(':') || !member(name) {
			return false
		}
		if r.take('}') {
			return true
		}
		if !r.take(',') {
			return false
		}
	}
}

// elements reads an array. element is called before each value, which it reads.
func (r *reader) elements(element func() bool) bool {
	if !r.take('[') {
		return false
	}
	if r.take(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if r.take(']') {
			return true
		}
		if !r.take(',') {
			return false
		}
	}
}

func (r *reader) object(p *plan, v reflect.Value) bool {
	var seen uint64
	return r.members(func(name string) bool {
		part, known := p.fields[name]
		if !known {
			return r.raw() != ""
		}
		if seen&part.bit != 0 {
			return false // vetted text has no name twice
		}
		seen |= part.bit
		return r.value(part.plan, v.FieldByIndex(part.index))
	})
}

func (r *reader) slice(p *plan, v reflect.Value) bool {
	if list, ok := v.Addr().Interface().(*[]string); ok {
		var few [16]string
		read := few[:0]
		good := r.elements(func() bool {
			s, ok := "", r.space() == 'n' && r.word("null")
			if !ok {
				s, ok = r.string()
			}
			read = append(read, s)
			return ok
		})
		*list = append(make([]string, 0, len(read)), read...)
		return good
	}
	v.Set(reflect.MakeSlice(p.typ, 0, 0)) // which costs nothing: a list of many empty lists is short
	return r.elements(func() bool {
		n := v.Len()
		switch {
		case n == 0:
			v.Grow(p.few)
		case n == v.Cap():
			v.Grow(1)
		}
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		return r.value(p.elem, v.Index(n))
	})
}

func (r *reader) mapping(p *plan, v reflect.Value) bool {
	if into, ok := v.Addr().Interface().(*map[string]any); ok {
		read, good := r.anyObject()
		*into = read
		return good
	}
	v.Set(reflect.MakeMap(p.typ))
	value := reflect.New(p.elem.typ).Elem()
	return r.members(func(name string) bool {
		value.SetZero()
		if !r.value(p.elem, value) {
			return false
		}
		v.SetMapIndex(reflect.ValueOf(name), value)
		return true
	})
}

// any reads what encoding/json would put into an interface.
func (r *reader) any() (any, bool) {
	switch c := r.space(); c {
	case '"':
		return r.string()
	case '{':
		return r.anyObject()
	case '[':
		list := []any{}
		good := r.elements(func() bool {
			if r.space() == 'n' {
				list = append(list, nil)
				return r.word("null")
			}
			value, ok := r.any()
			list = append(list, value)
			return ok
		})
		return list, good
	case 't':
		return true, r.word("true")
	case 'f':
		return false, r.word("false")
	default:
		n, err := strconv.ParseFloat(r.number(), 64)
		return n, err == nil
	}
}

func (r *reader) anyObject() (map[string]any, bool) {
	read := make(map[string]any)
	good := r.members(func(name string) (ok bool) {
		if r.space() == 'n' {
			read[name] = nil
			return r.word("null")
		}
		read[name], ok = r.any()
		return ok
	})
	return read, good
}

func (r *reader) word(word string) bool {
	if !strings.HasPrefix(r.text[r.at:], word) {
		return false
	}
	r.at += len(word)
	return true
}

// number is the literal that comes next; empty if none does.
func (r *reader) number() string {
	r.space()
	begin := r.at
	for r.at < len(r.text) && strings.IndexByte("+-.0123456789Ee", r.text[r.at]) >= 0 {
		r.at++
	}
	return r.text[begin:r.at]
}

// string reads a string. One without escapes is a part of text.
func (r *reader) string() (string, bool) {
	raw, plain := r.quoted()
	switch {
	case raw == "":
		return "", false
	case plain || strings.IndexByte(raw, '\\') < 0 && utf8.ValidString(raw):
		return raw[1 : len(raw)-1], true
	}
	var s string
	return s, json.Unmarshal([]byte(raw), &s) == nil
}

// quoted is the string that comes next as it stands, with its quotes; empty if none does. plain says that all of it is ASCII and stands
// for itself.
func (r *reader) quoted() (raw string, plain bool) {
	if r.space() != '"' {
		return "", false
	}
	begin := r.at
	plain = true
	for r.at = plainEnd(r.text, r.at+1); r.at < len(r.text); r.at = plainEnd(r.text, r.at) {
		switch r.text[r.at] {
		case '"':
			r.at++
			return r.text[begin:r.at], plain
		case '\\':
			r.at++ // and what is escaped
		}
		r.at++
		plain = false
	}
	return "", false
}

// plainEnd is the index of the first byte from i on that ends a string, escapes something or is not ASCII.
func plainEnd(text string, i int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(text); i += 8 {
		s := text[i : i+8]
		word := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		quote, backslash := word^ones*'"', word^ones*'\\'
		// A byte that is zero borrows its high bit. Borrowing can mark later bytes wrongly, the first never.
		if found := (word | (quote-ones)&^quote | (backslash-ones)&^backslash) & highs; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && text[i] != '"' && text[i] != '\\' && text[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// raw is the value that comes next as it stands; empty if none does.
func (r *reader) raw() string {
	first := r.space()
	begin := r.at
	switch first {
	case '"':
		raw, _ := r.quoted()
		return raw
	case '{', '[':
	default:
		for r.at < len(r.text) && strings.IndexByte(",]} \t\r\n", r.text[r.at]) < 0 {
			r.at++
		}
		return r.text[begin:r.at]
	}
	for depth := 0; r.at < len(r.text); {
		switch r.text[r.at] {
		case '"':
			if raw, _ := r.quoted(); raw == "" {
				return ""
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				r.at++
				return r.text[begin:r.at]
			}
		}
		r.at++
	}
	return ""
}
