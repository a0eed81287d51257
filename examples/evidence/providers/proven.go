package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cardea-auth/cardea/middleware/issuers"
)

// proofOf says how a preset is proven: by the real one, of which the versions that this program starts are told, or by shape.
func proofOf(preset string) (how, versions string) {
	var asked []string
	for _, s := range servers {
		if slices.Contains(s.presets, preset) {
			asked = append(asked, s.version)
		}
	}
	if len(asked) == 0 {
		return "by shape", ""
	}
	return "by the real one", strings.Join(asked, ", ")
}

// printProven writes a table of all presets in the form that documentation has.
func printProven(w io.Writer) {
	fmt.Fprintln(w, "| name | provider | proven | with |\n|---|---|---|---|")
	for _, p := range issuers.Presets() {
		how, versions := proofOf(p.Name)
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", p.Name, p.Provider, how, versions)
	}
}
