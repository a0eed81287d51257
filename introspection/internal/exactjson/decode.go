// Package exactjson decodes JSON by exact names.
package exactjson

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Decode is json.Unmarshal, except that a field gets the member of exactly its name, at every depth. encoding/json would
// also take SUB or ſub for a field sub, so whoever may choose names of claims at the server could choose values of others. A
// type with an UnmarshalJSON of its own reads its part of the document as it likes. text is valid JSON, and is written to; members
// that name no field are overwritten with spaces, which encoding/json skips faster than what stood there.
//
// From walk on this exists twice on purpose, here and in middleware/internal/exactjson, because no room of the one can be seen from the other.
// A test there keeps them the same.
func Decode(text []byte, v any) error {
	walk(text, v)
	return json.Unmarshal(text, v)
}

// walk overwrites what names no field, and reports whether there was any.
func walk(text []byte, v any) (dropped bool) {
	e := exact{text: text}
	if v != nil {
		e.value(reflect.TypeOf(v), reflect.ValueOf(v))
	}
	return e.dropped
}

// exact walks over a document together with the type into which it will be decoded.
type exact struct {
	text []byte
	at   int
	hops int // from interfaces to what they hold

	dropped bool // a member was overwritten
}

// maxHops ends the way through an interface that leads back to itself.
const maxHops = 1000

// value walks over one value that is decoded into a t. v is what stands there already, or invalid: encoding/json decodes
// into what an interface points to, if it holds a pointer.
func (e *exact) value(t reflect.Type, v reflect.Value) {
	s := shapeOf(t)
	for v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	first := e.peek()
	switch {
	case s.kind == reflect.Interface && v.Kind() == reflect.Interface && isPointer(v.Elem()) && e.hops < maxHops:
		e.hops++
		e.value(v.Elem().Type(), v.Elem())
	case s.kind == reflect.Struct && first == '{':
		e.object(s, v)
	case s.kind == reflect.Map && first == '{':
		e.elements(s.elem, reflect.Value{})
	case (s.kind == reflect.Slice || s.kind == reflect.Array) && first == '[':
		e.elements(s.elem, v)
	default:
		e.skip()
	}
}

func isPointer(v reflect.Value) bool { return v.Kind() == reflect.Pointer && !v.IsNil() }

// object walks over an object that is decoded into a struct, and overwrites what names no field.
func (e *exact) object(s *shape, v reflect.Value) {
	e.at++
	comma := -1 // behind the last member that stays
	for e.peek() == '"' {
		begin := e.at
		f, known := s.fields[string(e.name())]
		e.colon()
		if known {
			e.value(f.typ, f.in(v))
		} else {
			e.skip()
		}
		more := e.peek() == ','
		switch {
		case known && more:
			comma = e.at
		case !known && !more && comma >= 0:
			e.text[comma] = ' '
		}
		if more {
			e.at++
		}
		if !known {
			e.dropped = true
			e.blank(begin)
		}
	}
	e.at++
}

// elements walks over an array, or over an object that is decoded into a map, whose names are data.
func (e *exact) elements(t reflect.Type, v reflect.Value) {
	isObject := e.peek() == '{'
	e.at++
	if v.Kind() == reflect.Slice && v.Cap() > v.Len() {
		v = v.Slice(0, v.Cap()) // encoding/json decodes into what stands behind the end too
	}
	for i := 0; e.peek() != '}' && e.peek() != ']' && e.peek() != 0; i++ {
		if isObject {
			e.skip()
			e.colon()
		}
		var present reflect.Value
		if v.IsValid() && i < v.Len() {
			present = v.Index(i)
		}
		e.value(t, present)
		if e.peek() == ',' {
			e.at++
		}
	}
	e.at++
}

func (e *exact) name() []byte {
	begin := e.at
	e.skip()
	raw := e.text[begin:e.at]
	if bytes.IndexByte(raw, '\\') < 0 {
		return bytes.Trim(raw, `"`)
	}
	var name string
	_ = json.Unmarshal(raw, &name) // a part of valid JSON
	return []byte(name)
}

func (e *exact) colon() {
	e.peek()
	e.at++
}

func (e *exact) blank(begin int) {
	for i := range e.text[begin:e.at] {
		e.text[begin+i] = ' '
	}
}

// peek is the next byte that is no white space; 0 at the end.
func (e *exact) peek() byte {
	for ; e.at < len(e.text); e.at++ {
		switch c := e.text[e.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// skip goes to the end of the value that comes next.
func (e *exact) skip() {
	e.peek()
	for depth := 0; e.at < len(e.text); {
		switch e.text[e.at] {
		case '"':
			e.skipString()
		case '{', '[':
			depth++
			e.at++
		case '}', ']':
			if depth == 0 {
				return // behind a number or a word
			}
			depth--
			e.at++
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return
			}
			e.at++
			continue
		default:
			e.at++
			continue
		}
		if depth == 0 {
			return
		}
	}
}

func (e *exact) skipString() {
	for e.at++; e.at < len(e.text); e.at++ {
		switch e.text[e.at] {
		case '\\':
			e.at++
		case '"':
			e.at++
			return
		}
	}
}

// shape is what encoding/json does with a type, behind all pointers.
type shape struct {
	kind   reflect.Kind // Invalid: it decodes by itself, or into no struct
	fields map[string]field
	elem   reflect.Type
}

type field struct {
	typ   reflect.Type
	index []int
}

// in is the field of a struct; invalid where there is none yet.
func (f field) in(v reflect.Value) reflect.Value {
	if !v.IsValid() {
		return v
	}
	found, err := v.FieldByIndexErr(f.index)
	if err != nil { // below a nil pointer to an embedded struct
		return reflect.Value{}
	}
	return found
}

var (
	shapes          sync.Map // of *shape by reflect.Type
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := newShape(t)
	shapes.Store(t, s)
	return s
}

func newShape(t reflect.Type) *shape {
	if t.Kind() != reflect.Pointer && t.Name() != "" {
		t = reflect.PointerTo(t) // encoding/json looks for the methods of an address, if the type has a name
	}
	for ; t.Kind() == reflect.Pointer; t = t.Elem() {
		if t.Implements(unmarshaler) || t.Implements(textUnmarshaler) {
			return new(shape)
		}
	}
	switch t.Kind() {
	case reflect.Interface:
		return &shape{kind: t.Kind()}
	case reflect.Struct:
		return &shape{kind: t.Kind(), fields: fieldsOf(t)}
	case reflect.Map, reflect.Slice, reflect.Array:
		return &shape{kind: t.Kind(), elem: t.Elem()}
	}
	return new(shape)
}

// candidate is a field that has a name, perhaps beside others.
type candidate struct {
	field

	tagged bool
}

// fieldsOf finds the fields that encoding/json decodes into, by name. Those of embedded structs are among them: of several
// with one name the least embedded counts, of these the only one with a tag, or the only one, or else none.
func fieldsOf(t reflect.Type) map[string]field {
	named := make(map[string][]candidate)
	visited := make(map[reflect.Type]bool)
	for level := []field{{typ: t}}; len(level) > 0; {
		times := make(map[reflect.Type]int) // that a struct is embedded at this level
		for _, parent := range level {
			times[parent.typ]++
		}
		here := make(map[string][]candidate)
		var next []field
		for _, parent := range level {
			if !visited[parent.typ] {
				visited[parent.typ] = true
				next = append(next, parent.children(here, times[parent.typ])...)
			}
		}
		for name, candidates := range here {
			if _, nearer := named[name]; !nearer {
				named[name] = candidates
			}
		}
		level = next
	}
	found := make(map[string]field, len(named))
	for name, candidates := range named {
		if f, ok := dominant(candidates); ok {
			found[name] = f
		}
	}
	return found
}

// children puts the fields of a struct into named, each so many times, and returns the structs that it embeds.
func (f field) children(named map[string][]candidate, times int) (embedded []field) {
	for i := range f.typ.NumField() {
		child := f.typ.Field(i)
		inner := child.Type
		if inner.Kind() == reflect.Pointer && inner.Name() == "" {
			inner = inner.Elem()
		}
		isEmbedded := child.Anonymous && inner.Kind() == reflect.Struct
		tag := child.Tag.Get("json")
		if tag == "-" || !child.IsExported() && !isEmbedded {
			continue
		}
		index := append(slices.Clone(f.index), i)
		name := nameIn(tag)
		if isEmbedded && name == "" {
			embedded = append(embedded, field{inner, index})
			continue
		}
		c := candidate{field{child.Type, index}, name != ""}
		if name == "" {
			name = child.Name
		}
		for range times {
			named[name] = append(named[name], c)
		}
	}
	return embedded
}

// nameIn is the name that a tag gives; empty if it gives none, or one that encoding/json does not take.
func nameIn(tag string) string {
	name, _, _ := strings.Cut(tag, ",")
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return ""
		}
	}
	return name
}

func dominant(candidates []candidate) (field, bool) {
	tagged := slices.DeleteFunc(slices.Clone(candidates), func(c candidate) bool { return !c.tagged })
	if len(tagged) > 0 {
		candidates = tagged
	}
	return candidates[0].field, len(candidates) == 1
}
