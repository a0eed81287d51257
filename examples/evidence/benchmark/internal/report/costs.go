package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/measure"
)

// Costs are what users spend, in a process with a small heap and in one like a server.
type Costs struct {
	Machine      Machine
	Small, Large []measure.Cost
}

const costsFile = "costs.json"

// Write writes the figures and a page with them into dir. before, where it is not empty, is the file of an earlier run to stand beside.
func (c *Costs) Write(dir, before string) error {
	text, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, costsFile), append(text, '\n'), 0o644); err != nil {
		return err
	}
	var old *Costs
	if before != "" {
		text, err := os.ReadFile(before)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(text, &old); err != nil {
			return fmt.Errorf("benchmark: %s: %w", before, err)
		}
	}
	return os.WriteFile(filepath.Join(dir, "costs.md"), []byte(c.page(old)), 0o644)
}

// page is the figures beside those of old, or alone where old is nil.
func (c *Costs) page(old *Costs) string {
	text := "# What users spend\n\nMeasured by `go run . -costs`, or by CPU time with `-cpu` as well, with small heap and default GC, and with a heap like a server's. " +
		"Medians, in brackets the quartiles.\n\nNow: " + c.Machine.String() + "\n"
	if old == nil {
		t := newTable("", "target", "small heap", "large heap", "allocs, B")
		for i, row := range c.Small {
			t.row(row.What, targetOf(row), cost(row), cost(c.Large[i]), allocations(row))
		}
		return text + t.String()
	}
	t := newTable("", "target", "before, small heap", "small heap", "before, large heap", "large heap", "before: allocs, B", "allocs, B")
	for i, row := range c.Small {
		t.row(row.What, targetOf(row), costOf(old.Small, row.What), cost(row), costOf(old.Large, row.What), cost(c.Large[i]),
			allocationsOf(old.Small, row.What), allocations(row))
	}
	return text + "Before: " + old.Machine.String() + "\n" + t.String()
}

func targetOf(row measure.Cost) string {
	if row.Most == 0 {
		return ""
	}
	return "≤ " + limitText(row.Most)
}

func cost(c measure.Cost) string {
	if c.Got.First == c.Got.Third && c.Allocs == 0 {
		return digits(c.Got.Median)
	}
	return ratio(c.Got)
}

func allocations(c measure.Cost) string {
	if c.Bytes == 0 && c.Allocs == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f, %.0f", c.Allocs, c.Bytes)
}

func find(rows []measure.Cost, what string) (measure.Cost, bool) {
	for _, row := range rows {
		if row.What == what {
			return row, true
		}
	}
	return measure.Cost{}, false
}

func costOf(rows []measure.Cost, what string) string {
	row, ok := find(rows, what)
	if !ok {
		return ""
	}
	return cost(row)
}

func allocationsOf(rows []measure.Cost, what string) string {
	row, _ := find(rows, what)
	return allocations(row)
}

// Crowd tells what very many live tokens take.
func Crowd(m Machine, c measure.Crowded) string {
	return fmt.Sprintf("%s\n%d live tokens of %d bytes: %.0f bytes of memory each, %.2f GB for all. A look-up among them takes %s, among %d %s: %s times as long.\n",
		m, c.Tokens, c.TokenBytes, c.PerToken, c.PerToken*float64(c.Tokens)/1e9, duration(c.Among.Median), c.Few, duration(c.AmongFew.Median), ratio(c.Ratio))
}
