package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"sort"
)

// environment names the variable that selects the mutant.
const environment = "CARDEA_MUTANT"

// instrument returns source with every mutant in it, none alive. No line break is added, so line numbers stay.
func instrument(source []byte, mutants []*mutant) []byte {
	type insertion struct {
		at    int
		after bool // of what it belongs to
		span  int  // an inner expression is closed before an outer one, and opened after it
		text  string
	}
	var all []insertion
	for _, m := range mutants {
		prefix, suffix := m.wrapping()
		all = append(all, insertion{m.start, false, m.end - m.start, prefix}, insertion{m.end, true, m.end - m.start, suffix})
	}
	sort.SliceStable(all, func(i, j int) bool {
		a, b := all[i], all[j]
		switch {
		case a.at != b.at:
			return a.at < b.at
		case a.after != b.after:
			return a.after
		case a.after:
			return a.span < b.span
		default:
			return a.span > b.span
		}
	})
	var out bytes.Buffer
	done := 0
	for _, i := range all {
		out.Write(source[done:i.at])
		out.WriteString(i.text)
		done = i.at
	}
	out.Write(source[done:])
	return out.Bytes()
}

// selector is the file that the overlay adds to the package.
const selector = `package %s

import (
	"os"
	"strconv"
)

var ` + switchName + `, _ = strconv.Atoi(os.Getenv("` + environment + `"))

func ` + switchName + `Gone[T any](number int, value T) T {
	if ` + switchName + ` == number {
		var zero T
		return zero
	}
	return value
}
`

// overlay writes the instrumented files of one package to scratch, and the overlay that puts them in place of the real ones.
func overlay(root, scratch, dir string, mutants map[string][]*mutant) (string, error) {
	replace := make(map[string]string)
	put := func(name string, content []byte) error {
		place := filepath.Join(scratch, filepath.Base(name))
		replace[name] = place
		return os.WriteFile(place, content, 0o600)
	}
	var packageName string
	for file, ms := range mutants {
		name := filepath.Join(root, filepath.FromSlash(file))
		source, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		instrumented := instrument(source, ms)
		tree, err := parser.ParseFile(token.NewFileSet(), file, instrumented, parser.SkipObjectResolution)
		if err != nil {
			return "", fmt.Errorf("the instrumented source is no Go, which is a mistake of this program: %w", err)
		}
		packageName = tree.Name.Name
		if err := put(name, instrumented); err != nil {
			return "", err
		}
	}
	if err := put(filepath.Join(root, filepath.FromSlash(dir), "cardea_mutant.go"), fmt.Appendf(nil, selector, packageName)); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	place := filepath.Join(scratch, "overlay.json")
	return place, os.WriteFile(place, text, 0o600)
}
