package chart_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/examples/evidence/internal/chart"
)

func anHour() chart.Timeline {
	t := chart.Timeline{Title: "What happened, and what it did", X: "minutes since the start", Length: 61.4}
	for i, name := range []string{"a server that answers slowly", "hang", "keys that nobody has"} {
		at := 10 * float64(i)
		t.Lanes = append(t.Lanes, chart.Lane{Name: name, Spans: []chart.Span{{From: at, To: at + 3}, {From: at + 20, To: at + 20}, {From: at + 40, To: 70}}})
	}
	for i, name := range []string{"decisions/s", "p99, ms", "503, %"} {
		p := chart.Panel{Name: name, Least: 10}
		for minute := range 62 {
			p.Points = append(p.Points, chart.Point{X: float64(minute), Y: float64(minute * minute * i * i)})
		}
		t.Panels = append(t.Panels, p)
	}
	return t
}

func TestATimelineCanBeReadInAnyFont(t *testing.T) {
	for name, line := range map[string]chart.Timeline{
		"an hour": anHour(),
		"nothing": {Title: "Nothing", X: "minutes", Length: 0.2, Panels: []chart.Panel{{Name: "decisions/s"}, {Name: "p99, ms", Least: 10}}},
	} {
		all, err := complaints(string(line.SVG()))
		if err != nil || len(all) > 0 {
			t.Errorf("%s: %v (%v)", name, strings.Join(all, "\n"), err)
		}
	}
}

func TestATimelineHasRoundFiguresAndEveryStretch(t *testing.T) {
	svg := string(anHour().SVG())
	for _, want := range []string{">hang<", ">0<", ">10<", ">60<", ">5000<", ">15000<", ">minutes since the start<", ">503, %<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("%s is not in the plot", want)
		}
	}
	if got, want := strings.Count(svg, `fill="#0072b2"/>`), 9; got != want+1 { // and the colour of a pattern
		t.Errorf("%d stretches are drawn, want %d", got-1, want)
	}
	if strings.Contains(svg, `width="0.0"`) || strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Error("something cannot be seen")
	}
}

func TestTheCommittedTimelinesCanBeReadInAnyFont(t *testing.T) {
	for _, file := range []string{"../../soak/results/soak.svg"} {
		svg, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all, err := complaints(string(svg))
		if err != nil || len(all) > 0 {
			t.Error(fmt.Sprint(file, ":\n", strings.Join(all, "\n"), err))
		}
	}
}
