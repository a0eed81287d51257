package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/peer"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/report"
)

func exactly(x float64) pairing.Quartiles {
	return pairing.Quartiles{First: x, Median: x, Third: x}
}

func result(name string, ns, ratio float64) pairing.Result {
	return pairing.Result{Name: name, PerOp: []float64{ns}, Ratio: exactly(ratio), Allocs: 2}
}

// loads are the servers where Cardea bears a share of what the one without authentication does.
func loads(share float64) []measure.Load {
	return []measure.Load{{Name: "no authentication", Share: exactly(1)}, {Name: "Cardea", Share: exactly(share), P99Ratio: exactly(0.99)}}
}

// sample is a run in which Cardea costs cold as many times the floor.
func sample(cold float64) *report.Results {
	var colds []measure.Group
	for _, algorithm := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		colds = append(colds, measure.Group{Algorithm: algorithm, Results: []pairing.Result{
			result(measure.Floor, 100, 1), result(measure.MethodOnly, 110, 1.1), result(measure.Cold, 100*cold, cold), result(peer.Reference, 200, 2), result(peer.Documented, 210, 2.1),
		}})
	}
	var lookUps []measure.LookUp
	for _, keys := range measure.KeyCounts {
		one := result(measure.FixedKeys, 20, 1)
		one.Allocs = 0
		lookUps = append(lookUps, measure.LookUp{Source: measure.FixedKeys, Keys: keys, Result: one})
	}
	cell := func(live int) measure.Cell { return measure.Cell{Live: live, Result: result("", 1000, 1)} }
	return &report.Results{
		Settings: measure.Quick(),
		Cold:     colds,
		Hits:     []measure.Group{{Algorithm: "RS256", Results: []pairing.Result{result(measure.Hit, 1, 1.2), result(measure.AnswerHit, 1, 1.2)}}},
		Handlers: []measure.Group{{Algorithm: "RS256", Results: []pairing.Result{
			result(peer.Reference, 80, 1), result("Cardea", 1, 1.0/80),
		}}},
		Overheads: []measure.Overhead{{Framework: "net/http", Ratio: exactly(1)}, {Framework: "Echo", Ratio: exactly(1.01)}},
		Loopback:  []measure.Loads{{Algorithm: "RS256", Servers: loads(0.94), Ordinary: loads(0.96)}},
		Grid:      []measure.Row{{Goroutines: 1, Cells: []measure.Cell{cell(100), cell(10_000)}, Reference: result(peer.Reference, 50_000, 50)}},
		Growth:    measure.Growth{Few: 100, Many: 10_000, Open: exactly(1), Cached: exactly(1.02), Room: 1250, Missed: 0.875, Beyond: exactly(1.01)},
		LookUps:   lookUps,
		Refusals:  []measure.Refusals{{Algorithm: "RS256", Peers: []measure.Refused{{Name: "Cardea", Forged: exactly(0.9), Garbage: exactly(0.04), UnknownKey: exactly(0.2)}}}},
		Scaling:   []measure.Scaling{{Name: "Cardea", Points: []measure.ScalingPoint{{Cores: 1, Rate: 1}}}},
	}
}

func missed(r *report.Results) (names []string) {
	for _, target := range r.Targets() {
		if !target.Met {
			names = append(names, target.What)
		}
	}
	return names
}

func TestATargetThatIsMissedIsShownAsMissed(t *testing.T) {
	if got := missed(sample(1.05)); len(got) > 0 {
		t.Errorf("missed although all is well: %q", got)
	}
	got := missed(sample(1.11))
	if want := "cold, of bare crypto, ES256"; len(got) != 1 || got[0] != want {
		t.Errorf("missed at 1.11: %q, want only %q", got, want)
	}
	worse := sample(1.05)
	worse.Refusals[0].Peers[0].Garbage = exactly(0.06)
	worse.Loopback[0].Servers[1].Share = exactly(0.92)
	worse.Loopback[0].Ordinary[1].P99Ratio = exactly(1.2)
	worse.Hits[0].Results[1].PerOp = []float64{1.1}
	worse.LookUps[0].Allocs = 1
	if got := missed(worse); len(got) != 5 {
		t.Errorf("missed: %q, want garbage, loopback twice, the answer and the allocations of a look-up", got)
	}
}

func TestTheReportIsWrittenWithItsPlots(t *testing.T) {
	r := sample(1.11)
	var md strings.Builder
	if err := r.Markdown(&md); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| cold, of bare crypto, RS256 | ≤ 1.15 | 1.11 (1.11–1.11) | met |",
		"| cold, of bare crypto, ES256 | ≤ 1.10 | 1.11 (1.11–1.11) | missed |",
		"| cached, whole middleware, of golang-jwt + keyfunc, RS256 | ≤ 1/40 |",
		"| *golang-jwt's signature check alone, of golang-jwt + keyfunc* | 0.55 (0.55–0.55) |",
	} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	dir := t.TempDir()
	if err := r.Plots(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"cold", "loopback", "grid", "keys", "refusals"} {
		if !strings.Contains(md.String(), "("+name+".svg)") {
			t.Errorf("the report does not show %s.svg", name)
		}
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil || !strings.Contains(string(svg), "</svg>") {
			t.Errorf("%s.svg is no SVG: %v", name, err)
		}
	}
}

func TestEmbedReplacesWhatIsBetweenTheMarks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "README.md")
	const begin, end = "<!-- targets: written by the benchmark -->\n", "<!-- end of targets -->\n"
	if err := os.WriteFile(file, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the marks stay
		if err := report.Embed(file, "new\n"); err != nil {
			t.Fatal(err)
		}
	}
	got, _ := os.ReadFile(file)
	if want := "before\n" + begin + "new\n" + end + "after\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := os.WriteFile(file, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if report.Embed(file, "new\n") == nil {
		t.Error("a file without marks was taken")
	}
}
