package report

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/label"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/soak"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

func TestTheTrendIsThatOfTheLine(t *testing.T) {
	for _, row := range []struct {
		name string
		x, y []float64
		want trend
	}{
		{"nothing", nil, nil, trend{}},
		{"two points", []float64{1, 2}, []float64{5, 6}, trend{}},
		{"all at one time", []float64{1, 1, 1}, []float64{5, 6, 7}, trend{}},
		{"flat", []float64{0, 1, 2}, []float64{7, 7, 7}, trend{}},
		{"a line", []float64{0, 1, 2}, []float64{1, 3, 5}, trend{slope: 2}},
		{"noise around a line", []float64{0, 1, 2, 3}, []float64{1, -1, 3, 1}, trend{0.4, math.Sqrt(0.72)}},
	} {
		if got := trendOf(row.x, row.y); math.Abs(got.slope-row.want.slope) > 1e-6 || math.Abs(got.err-row.want.err) > 1e-6 {
			t.Errorf("%s: got %+v, want %+v", row.name, got, row.want)
		}
	}
}

func TestWhatIsNoEvidenceOfGrowth(t *testing.T) {
	for _, row := range []struct {
		trend
		want bool
	}{{trend{0.9, 0}, true}, {trend{1.1, 0}, false}, {trend{5, 2.1}, true}, {trend{5, 1.9}, false}, {trend{-9, 1}, true}} {
		if got := row.atMost(1); got != row.want {
			t.Errorf("%v is at most 1: %t", row.trend, got)
		}
	}
}

func TestTheLowestOfEachMinuteCounts(t *testing.T) {
	hours, lows := lowest([]float64{0, 30, 59, 60, 100, 240}, []float64{9, 3, 5, 8, 8, 1})
	if !slices.Equal(hours, []float64{0, 1.0 / 60, 4.0 / 60}) || !slices.Equal(lows, []float64{3, 8, 1}) {
		t.Errorf("got %v, %v", hours, lows)
	}
}

func TestDigitsComeInThrees(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1 000", 7200345: "7 200 345"} {
		if got := count(n); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func sample() *soak.Results {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r := &soak.Results{
		Start: start, Took: 20 * time.Minute, Decisions: 6000, Counts: map[string]int{"hang": 1},
		Faults:   []window.Span{{Kind: "hang", Start: start.Add(10 * time.Second), End: start.Add(15 * time.Second)}, {Kind: "rotation", Start: start, End: start}},
		Verdicts: map[label.Verdict]int64{label.Right: 5990, label.Inside: 10},
	}
	for i := range 60 {
		r.Points = append(r.Points, soak.Point{At: float64(i), Rate: 100, RSS: 40, Goroutines: 90})
	}
	return r
}

func TestTheReportTellsWhatWasPromised(t *testing.T) {
	r := sample()
	d := Soak(r)
	for _, want := range []string{
		"| wrong accepts | 0 | 0 | kept |", "| heap at rest, growth over the second half | ≤ 1 MiB/h | +0.0 ± 0.0 MiB/h | kept |",
		"6 000 in 20m0s",
	} {
		if !strings.Contains(d.Markdown, want) {
			t.Errorf("%q is missing in\n%s", want, d.Markdown)
		}
	}
	if picture := string(d.Picture); !strings.Contains(picture, "</svg>") || !strings.Contains(picture, ">hang<") {
		t.Error("the picture is incomplete")
	}
	r.Verdicts[label.WrongAccept] = 1
	if d = Soak(r); !strings.Contains(d.Summary, "| wrong accepts | 0 | 1 | **broken** |") {
		t.Errorf("a wrong accept is not told: %s", d.Summary)
	}
}

func TestOneModeLeavesTheOthersAlone(t *testing.T) {
	dir := t.TempDir()
	readme := filepath.Join(dir, "README.md")
	const before = "# x\n<!-- soak: written by the program -->\nold\n<!-- end of soak -->\n<!-- kids: written by the program -->\nkept\n<!-- end of kids -->\n"
	if err := os.WriteFile(readme, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	d := Document{Mode: "soak", Markdown: "all", Summary: "new\n"}
	if err := d.Write(filepath.Join(dir, "results"), readme); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if want := strings.Replace(before, "old", "new", 1); err != nil || string(text) != want {
		t.Errorf("got %s, %v", text, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "results", "soak.md")); err != nil || string(got) != "all" {
		t.Errorf("got %s, %v", got, err)
	}
}
