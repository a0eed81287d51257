package report

import (
	"slices"

	"github.com/cardea-auth/cardea/examples/evidence/internal/chart"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/soak"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

var panels = []struct {
	name  string
	of    func(soak.Point) float64
	least float64
}{
	{"decisions/s", func(p soak.Point) float64 { return p.Rate }, 0},
	{"p99, ms", func(p soak.Point) float64 { return p.P99 }, 10},
	{"503, %", func(p soak.Point) float64 { return p.Share503 }, 10},
	{"RSS, MiB", func(p soak.Point) float64 { return p.RSS }, 50},
	{"goroutines", func(p soak.Point) float64 { return p.Goroutines }, 100},
}

// timeline draws the faults by kind, and below them, on the same axis, what they did.
func timeline(r *soak.Results) []byte {
	t := chart.Timeline{
		Title:  "Faults of the authorization servers, and what the API did meanwhile",
		X:      "minutes since the start",
		Length: r.Took.Minutes(),
	}
	for _, kind := range kindsOf(r.Faults) {
		lane := chart.Lane{Name: kind}
		for _, f := range r.Faults {
			if f.Kind == kind {
				lane.Spans = append(lane.Spans, spanOf(r, f))
			}
		}
		t.Lanes = append(t.Lanes, lane)
	}
	for _, of := range panels {
		p := chart.Panel{Name: of.name, Least: of.least}
		for _, one := range r.Points {
			p.Points = append(p.Points, chart.Point{X: one.At / 60, Y: of.of(one)})
		}
		t.Panels = append(t.Panels, p)
	}
	return t.SVG()
}

func kindsOf(faults []window.Span) (names []string) {
	for _, f := range faults {
		if !slices.Contains(names, f.Kind) {
			names = append(names, f.Kind)
		}
	}
	slices.Sort(names)
	return names
}

// spanOf is a fault on the axis. One that has not ended lasts to the end.
func spanOf(r *soak.Results, f window.Span) chart.Span {
	span := chart.Span{From: f.Start.Sub(r.Start).Minutes(), To: f.End.Sub(r.Start).Minutes()}
	if f.End.IsZero() {
		span.To = r.Took.Minutes()
	}
	return span
}
