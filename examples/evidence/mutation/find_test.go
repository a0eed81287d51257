package main

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = `package sample

import "errors"

var errBad = errors.New("bad")

var words = []string{"a", "b"}

func check(s string, n int) error {
	if s == "" || n > 3 && n < 9 {
		return errBad
	}
	if s == "free" {
		return nil
	}
	switch {
	case n == 1:
		return errBad
	case n == 2:
		return nil
	}
	switch s {
	case "x", "y":
		return errBad
	}
	return nil
}

func good(s string) bool {
	if s == "z" {
		return true
	}
	return s != ""
}

func letter(c byte) bool {
	switch c {
	case 'x':
		return false
	}
	return true
}

func from(next func() byte) bool {
	switch next() {
	case 'x', 'y':
		return false
	}
	return true
}

func pair(s string) (string, bool) { return s, len(s) == 2 }

func twice(s string) error {
	if s == "" {
		return errBad
	}
	if s == "" {
		return errBad
	}
	return nil
}

func each(f func(string) bool) { f("") }

func all() { each(func(s string) bool { return s == "q" }) }
`

func TestChecksThatAreFound(t *testing.T) {
	mutants, err := find("sample.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, fmt.Sprintf("%d: %s: %s", m.line, m.kind, m.check))
	}
	want := []string{
		`7: word not in list: "a"`, `7: word not in list: "b"`,
		`10: if never taken: s == "" || n > 3 && n < 9`, `10: operand of || ignored: s == ""`, `10: operand of || ignored: n > 3 && n < 9`,
		`10: operand of && ignored: n > 3`, `10: operand of && ignored: n < 9`, `13: if always taken: s == "free"`,
		`17: if never taken: n == 1`, `19: if always taken: n == 2`, `23: case ignored: "x"`, `23: case ignored: "y"`,
		`30: if always taken: s == "z"`, `33: result is true: s != ""`, `38: case ignored: 'x'`, `46: case ignored: 'x'`, `46: case ignored: 'y'`,
		`52: result is true: len(s) == 2`, `55: if never taken: s == ""`, `58: if never taken: s == "" (2)`, `66: result is true: s == "q"`,
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// With every mutant in it the source must still be the same lines of good Go.
func TestInstrumentedSourceCompiles(t *testing.T) {
	mutants, err := find("sample.go", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range mutants {
		m.number = i + 1
	}
	instrumented := string(instrument([]byte(sample), mutants))
	if strings.Count(instrumented, "\n") != strings.Count(sample, "\n") {
		t.Error("lines have moved")
	}
	set := token.NewFileSet()
	var files []*ast.File
	for name, text := range map[string]string{"sample.go": instrumented, "selector.go": fmt.Sprintf(selector, "sample", len(mutants))} {
		file, err := parser.ParseFile(set, name, text, 0)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		files = append(files, file)
	}
	config := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := config.Check("sample", set, files, nil); err != nil {
		t.Errorf("%v in\n%s", err, instrumented)
	}
}

// A module small enough to know the fate of each of its mutants.
func TestFates(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":            "module example.com/m\n\ngo 1.25\n",
		"p/check.go":        "package p\n\nfunc Good(n int) bool {\n\tif n < 0 {\n\t\treturn false\n\t}\n\tif n > 9 {\n\t\treturn false\n\t}\n\tfor n > 5 {\n\t\tif n != 6 {\n\t\t\tbreak\n\t\t}\n\t}\n\treturn true\n}\n",
		"p/check_test.go":   "package p\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) {\n\tif Good(-1) || !Good(7) {\n\t\tt.Fail()\n\t}\n}\n",
		"door/door.go":      "package door\n\nimport \"example.com/m/p\"\n\nfunc Admits(n int) bool { return p.Good(n) }\n",
		"door/door_test.go": "package door\n\nimport \"testing\"\n\nfunc TestAdmits(t *testing.T) {\n\tif Admits(10) {\n\t\tt.Fail()\n\t}\n}\n",
		"none/none.go":      "package none\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	defer delete(frontDoor, "p")
	for name, row := range map[string]struct {
		frontDoor []string
		ofNine    fate
	}{
		"by its own tests":             {nil, survived},
		"by those of the front door":   {[]string{"door"}, killed},
		"beside a package without any": {[]string{"none"}, survived},
	} {
		frontDoor["p"] = row.frontDoor
		o := &options{root: root, workers: 1, timeout: 3e9}
		mutants, err := o.examine(t.Context(), "p", []string{"p/check.go"})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]fate{"n < 0": killed, "n > 9": row.ofNine, "n != 6": hung}
		for _, m := range mutants {
			if m.fate != want[m.text] {
				t.Errorf("%s, %s: %s, want %s", name, m, m.fate, want[m.text])
			}
		}
		if len(mutants) != len(want) {
			t.Errorf("%s: %d mutants, want %d", name, len(mutants), len(want))
		}
	}
}

func TestReceivers(t *testing.T) {
	const methods = "package m\n" +
		"func (k key) by() bool { return k.ok() }\nfunc (k *key) through() bool { return k.ok() }\n" +
		"func (c cache[V]) one() bool { return c.ok() }\nfunc (c *cache[K, V]) two() bool { return c.ok() }\nfunc none() bool { return ok() }\n"
	mutants, err := find("m.go", []byte(methods))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mutants {
		got = append(got, m.on+"."+m.in)
	}
	if want := []string{"key.by", "key.through", "cache.one", "cache.two", ".none"}; !slices.Equal(got, want) {
		t.Errorf("the checks are in %q, want %q", got, want)
	}
}
