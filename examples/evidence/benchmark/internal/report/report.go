// Package report turns the measurements into Markdown tables and SVG plots.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
)

// Results are all measurements of one run.
type Results struct {
	Machine   Machine
	Settings  measure.Settings
	Cold      []measure.Group
	Hits      []measure.Group
	Handlers  []measure.Group
	Overheads []measure.Overhead
	Loopback  []measure.Loads
	Grid      []measure.Row
	Growth    measure.Growth
	LookUps   []measure.LookUp
	Refusals  []measure.Refusals
	Memory    measure.Memory
	Scaling   []measure.Scaling
}

// Markdown writes the whole report.
func (r *Results) Markdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# Results\n\n")
	b.WriteString(r.Machine.String())
	fmt.Fprintf(&b, "\nPaired comparisons: %d turns of batches of about %v. Loopback: %d turns of windows of %v, and where differences are small %d more of %v; %d connections. ",
		r.Settings.Turns, r.Settings.Batch, r.Settings.Windows, r.Settings.Window, r.Settings.NearWindows, r.Settings.Window/2, r.Settings.Connections)
	if r.Settings.CPUTime {
		b.WriteString("Where one goroutine runs, times are CPU time of the process; elsewhere wall time. ")
	}
	b.WriteString("Ratios are medians, in brackets the quartiles.\n")
	section(&b, "Targets", r.TargetTable())
	for _, part := range r.sections() {
		section(&b, part.title, part.body)
	}
	section(&b, "Versions", r.Machine.versionTable())
	_, err := io.WriteString(w, b.String())
	return err
}

func section(b *strings.Builder, title, body string) {
	fmt.Fprintf(b, "\n## %s\n\n%s", title, body)
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

// ratio shows a ratio with as many digits as mean something.
func ratio(q pairing.Quartiles) string {
	return fmt.Sprintf("%s (%s–%s)", digits(q.Median), digits(q.First), digits(q.Third))
}

func digits(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.2f", x)
	default:
		return fmt.Sprintf("%.4f", x)
	}
}

// duration shows nanoseconds in a fitting unit.
func duration(ns float64) string {
	if ns < 1000 {
		return fmt.Sprintf("%.0f ns", ns)
	}
	return digits(ns/1000) + " µs"
}
