// Package report turns results into Markdown and a picture.
package report

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Document is what is written about one mode. Each mode has files, and a place in the README, of its own.
type Document struct {
	Mode     string
	Markdown string // the whole report
	Summary  string // for the README
	Picture  []byte // SVG; nil: none
}

// Write puts the document into dir, and its summary into the README if that has a place for it.
func (d *Document) Write(dir, readme string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, d.Mode+".md"), []byte(d.Markdown), 0o644); err != nil {
		return err
	}
	if d.Picture != nil {
		if err := os.WriteFile(filepath.Join(dir, d.Mode+".svg"), d.Picture, 0o644); err != nil {
			return err
		}
	}
	old, err := os.ReadFile(readme)
	if err != nil {
		return nil //nolint:nilerr // results elsewhere have no README
	}
	if text, ok := embed(string(old), d.Mode, d.Summary); ok {
		return os.WriteFile(readme, []byte(text), 0o644)
	}
	return nil
}

// embed puts text between the two marks of a mode.
func embed(document, mode, text string) (string, bool) {
	begin, end := "<!-- "+mode+": written by the program -->\n", "<!-- end of "+mode+" -->\n"
	before, rest, found := strings.Cut(document, begin)
	_, after, closed := strings.Cut(rest, end)
	return before + begin + text + end + after, found && closed
}

// table lays out Markdown. The first column is text, the others are figures.
type table struct{ strings.Builder }

func newTable(head ...string) *table {
	t := new(table)
	t.row(head...)
	t.WriteString("|---|" + strings.Repeat("---:|", len(head)-1) + "\n")
	return t
}

func (t *table) row(cells ...string) {
	t.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// count groups digits by three.
func count(n int64) string {
	digits := fmt.Sprint(n)
	var groups []string
	for len(digits) > 3 {
		groups = append(groups, digits[len(digits)-3:])
		digits = digits[:len(digits)-3]
	}
	groups = append(groups, digits)
	slices.Reverse(groups)
	return strings.Join(groups, " ")
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// mark is what a figure and its promise come to.
func mark(kept bool) string {
	if kept {
		return "kept"
	}
	return "**broken**"
}

// spread is the median and the greatest of some times.
func spread(times []time.Duration) string {
	if len(times) == 0 {
		return "none"
	}
	sorted := slices.Sorted(slices.Values(times))
	return fmt.Sprintf("%d, median %s, longest %s", len(sorted), seconds(sorted[len(sorted)/2]), seconds(sorted[len(sorted)-1]))
}
