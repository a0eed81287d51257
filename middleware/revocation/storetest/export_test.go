package storetest

import "fmt"

// Check runs one clause.
func Check(name string, e Engine) error {
	for _, c := range contract() {
		if c.name == name {
			return c.test(e)
		}
	}
	return fmt.Errorf("no clause %q", name)
}

// Clauses are the names of all.
func Clauses() []string {
	var names []string
	for _, c := range contract() {
		names = append(names, c.name)
	}
	return names
}
