// Package enum gives the constants of an integer type a text form: their names.
package enum

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// String is the name of a value, or its type and number where it has none.
func String[T ~int](names []string, value T) string {
	if value < 0 || int(value) >= len(names) {
		return fmt.Sprintf("%s(%d)", reflect.TypeFor[T]().Name(), int(value))
	}
	return names[value]
}

// Marshal is the name of a value. One that has none is an error.
func Marshal[T ~int](names []string, value T) ([]byte, error) {
	if value < 0 || int(value) >= len(names) {
		return nil, fmt.Errorf("middleware: %s has no name: use %s", String(names, value), strings.Join(names, ", "))
	}
	return []byte(names[value]), nil
}

// Unmarshal reads a name, byte for byte. Of any other text value keeps what it is.
func Unmarshal[T ~int](names []string, value *T, text []byte) error {
	i := slices.Index(names, string(text))
	if i < 0 {
		return fmt.Errorf("middleware: %q is no %s: use %s", text, reflect.TypeFor[T]().Name(), strings.Join(names, ", "))
	}
	*value = T(i)
	return nil
}
