// Package pairing times cases against each other on a machine that is never quiet. The cases take turns in short batches,
// and each batch is divided by the batch of the first case, the floor, in the same turn. What slows the machine down
// for longer than a turn slows both, and leaves the ratio; the rest is noise around the median.
package pairing

import (
	"math/rand/v2"
	"runtime"
	"time"
)

// Case is something to time.
type Case struct {
	Name    string
	Prepare func(n int) // gets ready for n operations, untimed; may be nil
	Run     func(n int) // performs n operations
}

// Plan says how long to look.
type Plan struct {
	Turns int
	Batch time.Duration    // how long one case runs in a turn, about
	Now   func() time.Time // nil: time.Now
}

// Result is what became of one case.
type Result struct {
	Name    string
	PerOp   []float64 // nanoseconds per operation, one for each turn, in the order of the turns
	Ratio   Quartiles // of one operation to one of the floor
	Allocs  float64   // per operation
	Bytes   float64   // allocated per operation
	PerTurn int       // operations
}

// Nanoseconds sums up PerOp.
func (r Result) Nanoseconds() Quartiles { return QuartilesOf(r.PerOp) }

// Compare times the cases and returns their results in the same order. The first is the floor.
func (p Plan) Compare(cases ...Case) []Result {
	if p.Now == nil {
		p.Now = time.Now
	}
	results := make([]Result, len(cases))
	for i, c := range cases {
		n := p.calibrate(c)
		results[i] = Result{Name: c.Name, PerTurn: n}
		results[i].Allocs, results[i].Bytes = allocations(c, n)
	}
	runtime.GC()
	for range p.Turns {
		// In another order every time, so that nobody always pays for the garbage of the same neighbour.
		for _, i := range rand.Perm(len(cases)) {
			n := results[i].PerTurn
			results[i].PerOp = append(results[i].PerOp, float64(p.time(cases[i], n))/float64(n))
		}
	}
	for i := range results {
		results[i].Ratio = QuartilesOf(Ratios(results[i].PerOp, results[0].PerOp))
	}
	return results
}

// Ratios divides turn by turn.
func Ratios(over, under []float64) []float64 {
	ratios := make([]float64, len(over))
	for turn := range over {
		ratios[turn] = over[turn] / under[turn]
	}
	return ratios
}

func (p Plan) time(c Case, n int) time.Duration {
	if c.Prepare != nil {
		c.Prepare(n)
	}
	start := p.Now()
	c.Run(n)
	return p.Now().Sub(start)
}

// calibrate finds how many operations fill a batch.
func (p Plan) calibrate(c Case) int {
	for n := 1; ; n *= 2 {
		took := p.time(c, n)
		if took < p.Batch/4 {
			continue
		}
		took = min(took, p.time(c, n)) // once more, warm
		return max(1, int(float64(n)*float64(p.Batch)/float64(max(took, 1))))
	}
}

// allocations counts for one batch. What runs in the background is counted as well, and is little in comparison.
func allocations(c Case, n int) (count, bytes float64) {
	if c.Prepare != nil {
		c.Prepare(n)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.Run(n)
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(n), float64(after.TotalAlloc-before.TotalAlloc) / float64(n)
}
