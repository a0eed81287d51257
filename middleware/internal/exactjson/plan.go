package exactjson

import (
	"encoding/json"
	"reflect"
	"strings"
	"sync"
	"time"
)

// plan is how a value of one type is read in one pass. It says of fewer types how than encoding/json can decode into: of all others it is nil.
type plan struct {
	kind   reflect.Kind // Invalid: json.Unmarshal reads it
	typ    reflect.Type
	elem   *plan                  // of a pointer, a slice or a map
	few    int                    // elements that a slice is given room for with the first; one, where they are large
	fields map[string]plannedPart // of a struct, by exact name
}

// plannedPart is a field of a struct.
type plannedPart struct {
	*plan

	index []int
	bit   uint64 // of its own
}

const maxFields = 64 // as many as there are bits

var plans sync.Map // of *plan by reflect.Type; nil ones as well

func planOf(t reflect.Type) *plan {
	if known, ok := plans.Load(t); ok {
		return known.(*plan)
	}
	p := planner{}.plan(t)
	plans.Store(t, p)
	return p
}

// planner knows the types on the way to the one that is planned: a type may hold itself.
type planner map[reflect.Type]*plan

var decodeThemselves = []reflect.Type{reflect.TypeFor[time.Time](), reflect.TypeFor[json.RawMessage]()}

func (known planner) plan(t reflect.Type) *plan {
	if p, ok := known[t]; ok {
		return p
	}
	p := &plan{kind: t.Kind(), typ: t}
	known[t] = p
	for _, one := range decodeThemselves {
		if t == one {
			p.kind = reflect.Invalid
			return p
		}
	}
	if !known.complete(p) {
		known[t] = nil
		return nil
	}
	return p
}

// complete plans the parts of p, and reports whether all of them can be planned.
func (known planner) complete(p *plan) bool {
	t := p.typ
	if address := reflect.PointerTo(t); t == reflect.TypeFor[json.Number]() || address.Implements(unmarshaler) || address.Implements(textUnmarshaler) {
		return false
	}
	switch p.kind {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Interface:
		return t.NumMethod() == 0
	case reflect.Pointer, reflect.Slice:
		p.elem = known.plan(t.Elem())
		p.few = int(min(4, max(1, 64/max(1, t.Elem().Size()))))
		return p.elem != nil && (p.kind == reflect.Pointer || t.Elem().Kind() != reflect.Uint8) // which would be base64
	case reflect.Map:
		p.elem = known.plan(t.Elem())
		return p.elem != nil && t.Key() == reflect.TypeFor[string]()
	case reflect.Struct:
		return known.completeStruct(p)
	default:
		return false
	}
}

func (known planner) completeStruct(p *plan) bool {
	p.fields = make(map[string]plannedPart)
	for name, f := range fieldsOf(p.typ) {
		part := plannedPart{known.plan(f.typ), f.index, 1 << len(p.fields)}
		if part.plan == nil || len(p.fields) == maxFields || !plain(p.typ, f.index) {
			return false
		}
		p.fields[name] = part
	}
	return true
}

// plain reports whether the way to a field leads through no pointer, and its tag has no options that change what is read.
func plain(t reflect.Type, index []int) bool {
	for at, i := range index {
		f := t.Field(i)
		if at < len(index)-1 && f.Type.Kind() == reflect.Pointer {
			return false
		}
		_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if strings.Contains(options, "string") {
			return false
		}
		t = f.Type
	}
	return true
}
