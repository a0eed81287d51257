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

// The environment of an instrumented test binary.
const (
	environment = "CARDEA_MUTANT"  // the number of the mutant that is alive
	reachedFile = "CARDEA_REACHED" // a file; it gets the number of each mutant on the way of the tests
)

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
		if tag := m.hoisted; tag != nil {
			wider := tag.end - tag.start + 1
			all = append(all, insertion{tag.start, false, wider, switchName + "Tag := "}, insertion{tag.end, true, wider, "; " + switchName + "Tag"})
		}
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

// selector is the file that the overlay adds to the package, for its name and the highest number.
const selector = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var (
	` + switchName + `Alive, _      = strconv.Atoi(os.Getenv("` + environment + `"))
	` + switchName + `File, _       = os.OpenFile(os.Getenv("` + reachedFile + `"), os.O_WRONLY|os.O_APPEND, 0)
	` + switchName + `Seen [%d + 1]atomic.Bool
)

func ` + switchName + `(number int) bool {
	if ` + switchName + `File != nil {
		` + switchName + `Reached(number)
	}
	return ` + switchName + `Alive == number
}

func ` + switchName + `Reached(number int) {
	if !` + switchName + `Seen[number].Swap(true) {
		_, _ = ` + switchName + `File.WriteString(strconv.Itoa(number) + "\n")
	}
}

func ` + switchName + `Gone[T any](number int, value T) T {
	if ` + switchName + `(number) {
		var zero T
		return zero
	}
	return value
}

func ` + switchName + `Case[T any](number int, tag, value T) T { return ` + switchName + `Gone(number, value) }
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
	highest := 0
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
		for _, m := range ms {
			highest = max(highest, m.number)
		}
		if err := put(name, instrumented); err != nil {
			return "", err
		}
	}
	if err := put(filepath.Join(root, filepath.FromSlash(dir), "cardea_mutant.go"), fmt.Appendf(nil, selector, packageName, highest)); err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	place := filepath.Join(scratch, "overlay.json")
	return place, os.WriteFile(place, text, 0o600)
}
