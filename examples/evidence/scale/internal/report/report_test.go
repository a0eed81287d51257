package report_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/report"
)

const results = "../../results"

// committed are the results of the figures in the repository.
var committed = sync.OnceValues(func() (*report.Results, error) {
	m, err := figures.Load(filepath.Join(results, "measured.json"))
	if err != nil {
		return nil, err
	}
	return report.Of(m)
})

// What the model says of what was measured must lie within these factors of it. The machine was shared with other work.
const (
	spreadFactor = 3.0
	readFactor   = 2.5
)

func TestTheModelAgreesWithWhatWasMeasured(t *testing.T) {
	r, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Checks {
		if share := c.Simulated.Median / c.Measured.Median; share > spreadFactor || share < 1/spreadFactor {
			t.Errorf("%d processes, %v a second: a median of %v s, and measured %v s", c.Measured.Followers, c.Measured.Rate, c.Simulated.Median, c.Measured.Median)
		}
	}
	for _, c := range r.Reads {
		if share := c.Simulated.Seconds / c.Measured.Seconds; share > readFactor || share < 1/readFactor {
			t.Errorf("%d processes read %d entries: %v s, and measured %v s", c.Measured.Followers, c.Measured.Entries, c.Simulated.Seconds, c.Measured.Seconds)
		}
	}
	for _, s := range r.Measured.Redis.Spreads {
		if s.Looks < 1000 {
			continue // what the engine does by itself is most of it
		}
		n, k := float64(s.Entries), float64(s.Followers)
		model := n*r.Costs.Append + n*k*r.Costs.Entry + s.Looks*r.Costs.Loop(s.Followers)
		if share := model / s.EngineCPU; share > spreadFactor || share < 1/spreadFactor {
			t.Errorf("%v processes, %v a second: the engine worked for %v s, and %v s in the model", k, s.Rate, s.EngineCPU, model)
		}
	}
	if len(r.Checks) < 8 || len(r.Reads) < 5 {
		t.Errorf("%d and %d points were measured", len(r.Checks), len(r.Reads))
	}
}

func TestWhatIsCommittedIsWhatTheProgramWrites(t *testing.T) {
	r, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		got, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(results, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("results/%s is not what is written now: go run ./examples/evidence/scale", f.Name())
		}
	}
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Embed(string(page)); err != nil || again != string(page) {
		t.Errorf("the tables of README.md are not what is written now: go run ./examples/evidence/scale (%v)", err)
	}
}
