// Package report makes Markdown tables and plots of what was measured and simulated.
package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/model"
)

// Results are the figures, and what the model makes of them.
type Results struct {
	Measured  *figures.Measured
	Costs     model.Costs
	Checks    []Check
	Reads     []ReadCheck
	Questions []Answer
	Spreads   []model.Spread
	Restarts  []model.Restart
}

// Check is what was measured of a spread beside what the model says of it.
type Check struct {
	Measured  figures.Spread
	Simulated model.Spread
}

// ReadCheck is the same of a full read.
type ReadCheck struct {
	Measured  figures.Read
	Simulated model.Restart
}

// Answer is what the model says of a service of some size.
type Answer struct {
	Instances, Entries int
	Memory             float64 // bytes of an instance
	Steady, Burst      model.Spread
	Restart            model.Restart
	Partitions         int // for the burst, were it to last
}

const seed = 1

// The sizes that are simulated.
var (
	instances = []int{1, 10, 100, 1000, 10_000}
	entries   = []int{1000, 10_000, 100_000, 1_000_000, 10_000_000}
	rates     = []float64{1, 10, 100, 1000, 10_000, 100_000}
)

// Of runs the model. It takes some seconds.
func Of(m *figures.Measured) (*Results, error) {
	c, err := model.Of(m)
	if err != nil {
		return nil, err
	}
	r := &Results{Measured: m, Costs: c}
	r.check()
	r.Questions = []Answer{r.ask(1000, 1_000_000, 10, 10_000), r.ask(100, 1_000_000, 10, 10_000), r.ask(10, 1_000_000, 10, 10_000)}
	for _, k := range instances {
		for _, rate := range rates {
			load := model.Burst{Instances: k, Rate: rate, Seconds: seconds(k, rate), Seed: seed}
			if r.fallsBehind(k, rate) {
				r.Spreads = append(r.Spreads, model.Spread{Burst: load, Busy: 1}) // the longer it lasts the later, so there is nothing to say
				continue
			}
			r.Spreads = append(r.Spreads, c.Simulate(load))
		}
		for _, n := range entries {
			r.Restarts = append(r.Restarts, c.Restart(k, n))
		}
	}
	return r, nil
}

// seconds is how long a load is simulated: long enough for some revocations, and short enough for what comes of it.
func seconds(instances int, rate float64) float64 {
	return max(min(10, 1e6/rate/float64(instances)), 1) + 20/rate
}

func (r *Results) check() {
	here := r.Costs.Where(r.Measured)
	for _, s := range r.Measured.Redis.Spreads {
		r.Checks = append(r.Checks, Check{s, here.Simulate(model.Burst{Instances: s.Followers, Rate: s.Rate, Seconds: float64(s.Entries) / s.Rate, Seed: seed, Clients: s.Clients})})
	}
	for _, one := range r.Measured.Redis.Reads {
		r.Reads = append(r.Reads, ReadCheck{one, here.Restart(one.Followers, one.Entries)})
	}
}

func (r *Results) ask(instances, entries int, steady, burst float64) Answer {
	const burstSeconds = 10
	c := r.Costs
	return Answer{
		Instances: instances, Entries: entries, Memory: float64(entries) * r.Measured.PerEntry(entries),
		Steady:     c.Simulate(model.Burst{Instances: instances, Rate: steady, Seconds: burstSeconds, Seed: seed}),
		Burst:      c.Simulate(model.Burst{Instances: instances, Rate: burst, Seconds: burstSeconds, Seed: seed}),
		Restart:    c.Restart(instances, entries),
		Partitions: c.Partitions(instances, burst),
	}
}

// Write writes results.md and the plots into dir.
func (r *Results) Write(dir string) error {
	if err := os.WriteFile(filepath.Join(dir, "results.md"), []byte(r.Markdown()), 0o644); err != nil {
		return err
	}
	for name, c := range r.charts() {
		if err := os.WriteFile(filepath.Join(dir, name+".svg"), c.SVG(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// table lays out Markdown. All columns are figures.
type table struct{ strings.Builder }

func newTable(head ...string) *table {
	t := new(table)
	t.row(head...)
	t.WriteString("|" + strings.Repeat("---:|", len(head)) + "\n")
	return t
}

func (t *table) row(cells ...string) { t.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// digits are those that mean something.
func digits(x float64) string {
	switch {
	case x >= 100:
		return grouped(fmt.Sprintf("%.0f", x))
	case x >= 10:
		return fmt.Sprintf("%.0f", x)
	case x >= 1:
		return fmt.Sprintf("%.1f", x)
	case x >= 0.1:
		return fmt.Sprintf("%.2f", x)
	default:
		return fmt.Sprintf("%.3f", x)
	}
}

// grouped puts a space between thousands, where there are more than four digits.
func grouped(text string) string {
	if len(text) <= 4 {
		return text
	}
	first := len(text) % 3
	groups := []string{text[:first]}
	for at := first; at < len(text); at += 3 {
		groups = append(groups, text[at:at+3])
	}
	return strings.TrimSpace(strings.Join(groups, " "))
}

func count(n int) string { return grouped(fmt.Sprint(n)) }

// duration is a time in a fitting unit.
func duration(seconds float64) string {
	switch {
	case seconds == 0:
		return "0"
	case seconds < 1e-6:
		return digits(seconds*1e9) + " ns"
	case seconds < 1e-3:
		return digits(seconds*1e6) + " µs"
	case seconds < 1:
		return digits(seconds*1e3) + " ms"
	case seconds < 300:
		return digits(seconds) + " s"
	case seconds < 3*3600:
		return digits(seconds/60) + " min"
	default:
		return digits(seconds/3600) + " h"
	}
}

// bytes is a size in a fitting unit.
func bytes(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 {
			return digits(n) + " " + unit
		}
		n /= 1000
	}
	return digits(n) + " TB"
}

func percent(share float64) string { return digits(100*share) + " %" }
