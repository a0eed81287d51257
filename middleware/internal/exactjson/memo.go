package exactjson

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
)

// Memo keeps what one text was decoded into, so that the next to ask for the same type gets a copy. It keeps values whose copy shares
// nothing that can be written to. The zero Memo is empty. It is safe for concurrent use.
type Memo struct{ kept atomic.Pointer[[]any] }

// maxKept bounds the types that are kept of one text: a program asks for one or two.
const maxKept = 4

// Recall returns what was decoded into a T before.
func Recall[T any](m *Memo) (value T, ok bool) {
	list := m.kept.Load()
	if list == nil {
		return value, false
	}
	for _, kept := range *list {
		if value, ok := kept.(T); ok && reflect.TypeOf(kept) == reflect.TypeFor[T]() { // a T that is an interface would fit others
			return value, true
		}
	}
	return value, false
}

// Keep keeps value, if a copy of it is safe to hand out.
func Keep[T any](m *Memo, value T) {
	if !copies(reflect.TypeFor[T]()) {
		return
	}
	for {
		old := m.kept.Load()
		var list []any
		if old != nil {
			list = *old
		}
		if len(list) >= maxKept || slices.ContainsFunc(list, func(kept any) bool { return reflect.TypeOf(kept) == reflect.TypeFor[T]() }) {
			return
		}
		longer := append(slices.Clip(list), any(value))
		if m.kept.CompareAndSwap(old, &longer) {
			return
		}
	}
}

var known sync.Map // of reflect.Type and bool: a program has few types for claims

// copies reports whether a copy of a t shares nothing with the original that could be written to, and decoding one has no effect but its
// value: no pointer, map, slice, interface, channel or function is in it, and no decoding of its own.
func copies(t reflect.Type) bool {
	if answer, ok := known.Load(t); ok {
		return answer.(bool)
	}
	answer := judgeCopies(t)
	known.Store(t, answer)
	return answer
}

func judgeCopies(t reflect.Type) bool {
	if pointer := reflect.PointerTo(t); pointer.Implements(unmarshaler) || pointer.Implements(textUnmarshaler) {
		return false
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Array:
		return judgeCopies(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !judgeCopies(t.Field(i).Type) {
				return false
			}
		}
		return true
	default:
		return false
	}
}
