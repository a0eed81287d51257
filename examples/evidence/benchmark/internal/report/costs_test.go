package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/report"
)

func TestCostsStandBesideThoseOfBefore(t *testing.T) {
	old := report.Costs{
		Small: []measure.Cost{{What: "a new token", Most: 1.12, Got: exactly(1.22), Allocs: 5, Bytes: 3000}},
		Large: []measure.Cost{{What: "a new token", Most: 1.12, Got: exactly(1.15), Allocs: 5, Bytes: 3000}},
	}
	now := report.Costs{
		Small: []measure.Cost{{What: "a new token", Most: 1.12, Got: exactly(1.11), Allocs: 5, Bytes: 2600}, {What: "memory", Got: exactly(1480)}},
		Large: []measure.Cost{{What: "a new token", Most: 1.12, Got: exactly(1.09), Allocs: 5, Bytes: 2600}, {What: "memory", Got: exactly(1481)}},
	}
	dir, before := filepath.Join(t.TempDir(), "new"), t.TempDir()
	if err := old.Write(before, ""); err != nil {
		t.Fatal(err)
	}
	if err := now.Write(dir, filepath.Join(before, "costs.json")); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "costs.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| a new token | ≤ 1.12 | 1.22 (1.22–1.22) | 1.11 (1.11–1.11) | 1.15 (1.15–1.15) | 1.09 (1.09–1.09) | 5, 3000 | 5, 2600 |",
		"| memory |  |  | 1480 |  | 1481 |  |  |",
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
}

func TestCostsOfOneRunHaveNoColumnsOfAnother(t *testing.T) {
	now := report.Costs{
		Small: []measure.Cost{{What: "a new token", Most: 1.12, Got: exactly(1.11), Allocs: 5, Bytes: 2600}},
		Large: []measure.Cost{{What: "a new token", Most: 1.12, Got: exactly(1.09), Allocs: 5, Bytes: 2600}},
	}
	dir := t.TempDir()
	if err := now.Write(dir, ""); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "costs.md"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "| a new token | ≤ 1.12 | 1.11 (1.11–1.11) | 1.09 (1.09–1.09) | 5, 2600 |"; !strings.Contains(string(page), want) {
		t.Errorf("%q is not in\n%s", want, page)
	}
	if strings.Contains(string(page), "before,") || strings.Contains(string(page), "Before:") {
		t.Errorf("it speaks of a run that there was not:\n%s", page)
	}
}
