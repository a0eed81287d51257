package pairing_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/pairing"
)

func TestQuartiles(t *testing.T) {
	for _, tc := range []struct {
		name   string
		sample []float64
		want   pairing.Quartiles
	}{
		{"one value is all of them", []float64{7}, pairing.Quartiles{First: 7, Median: 7, Third: 7}},
		{"the order does not matter", []float64{3, 1, 2}, pairing.Quartiles{First: 1.5, Median: 2, Third: 2.5}},
		{"an even number is interpolated", []float64{1, 2, 3, 4}, pairing.Quartiles{First: 1.75, Median: 2.5, Third: 3.25}},
		{"an outlier does not move the middle", []float64{1, 1, 1, 1, 1e9}, pairing.Quartiles{First: 1, Median: 1, Third: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			sample := slices.Clone(tc.sample)
			if got := pairing.QuartilesOf(sample); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
			if !slices.Equal(sample, tc.sample) {
				t.Errorf("the sample was reordered: %v", sample)
			}
		})
	}
	if q := pairing.QuartilesOf(nil); !math.IsNaN(q.First) || !math.IsNaN(q.Median) || !math.IsNaN(q.Third) {
		t.Errorf("of nothing: got %v, want NaN", q)
	}
}

// machine is a clock that only work moves, and that gets slower from turn to turn.
type machine struct {
	now  time.Time
	pace time.Duration
}

func (m *machine) work(units int) func(int) {
	return func(n int) {
		m.now = m.now.Add(time.Duration(n*units) * m.pace)
		m.pace += time.Nanosecond // each batch is slower than the one before
	}
}

func TestARatioSurvivesAMachineThatSlowsDown(t *testing.T) {
	m := &machine{pace: time.Microsecond}
	plan := pairing.Plan{Turns: 201, Batch: time.Millisecond, Now: func() time.Time { return m.now }}
	got := plan.Compare(
		pairing.Case{Name: "floor", Run: m.work(1)},
		pairing.Case{Name: "triple", Run: m.work(3)},
	)
	if got[0].Name != "floor" || got[1].Name != "triple" {
		t.Fatalf("the results are in another order: %s, %s", got[0].Name, got[1].Name)
	}
	if want := (pairing.Quartiles{First: 1, Median: 1, Third: 1}); got[0].Ratio != want {
		t.Errorf("the floor to itself: got %v, want %v", got[0].Ratio, want)
	}
	if r := got[1].Ratio; math.Abs(r.Median-3) > 0.01 {
		t.Errorf("triple work: got ratio %v, want 3", r)
	}
	perOp := got[0].PerOp
	if len(perOp) != 201 || perOp[200] <= perOp[0] {
		t.Errorf("the machine did not slow down over %d turns: the test proves nothing", len(perOp))
	}
}

func TestABatchIsAsLongAsPlanned(t *testing.T) {
	m := &machine{pace: time.Microsecond}
	plan := pairing.Plan{Turns: 1, Batch: 1500 * time.Microsecond, Now: func() time.Time { return m.now }}
	for units, want := range map[int]int{1: 1500, 10: 150, 10_000: 1} {
		got := plan.Compare(pairing.Case{Name: "work", Run: m.work(units)})[0].PerTurn
		if math.Abs(float64(got-want)) > 0.05*float64(want) {
			t.Errorf("operations of %d µs: %d in a batch, want about %d", units, got, want)
		}
	}
}

func TestPreparationIsNotTimed(t *testing.T) {
	m := &machine{pace: time.Microsecond}
	plan := pairing.Plan{Turns: 3, Batch: time.Millisecond, Now: func() time.Time { return m.now }}
	prepared, ran := 0, 0
	work := m.work(1)
	got := plan.Compare(pairing.Case{
		Name:    "prepared",
		Prepare: func(n int) { prepared += n; m.now = m.now.Add(time.Hour) },
		Run:     func(n int) { ran += n; work(n) },
	})
	if prepared != ran {
		t.Errorf("prepared for %d operations and ran %d", prepared, ran)
	}
	if q := got[0].Nanoseconds(); q.Third > 2000 {
		t.Errorf("an hour of preparation was timed: %v ns per operation", q)
	}
}

var sink []byte

func TestAllocationsAreCountedPerOperation(t *testing.T) {
	plan := pairing.Plan{Turns: 1, Batch: time.Millisecond}
	got := plan.Compare(pairing.Case{Name: "allocates", Run: func(n int) {
		for range n {
			sink = make([]byte, 512)
		}
	}})[0]
	if math.Round(got.Allocs) != 1 || math.Round(got.Bytes/8) != 64 {
		t.Errorf("got %.2f allocations of %.1f bytes, want 1 of 512", got.Allocs, got.Bytes)
	}
}
