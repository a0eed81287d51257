package model_test

import (
	"math"
	"testing"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/model"
)

// some are costs that are easy to calculate with.
var some = model.Costs{
	Append: 50e-6, Look: 40e-6, Wait: 20e-6, Entry: 1e-6, LookOut: 800, EntryOut: 100, LookIn: 1500, AppendIn: 600,
	Commands: 5, Appended: 5, Turn: 100e-6, Apply: 2e-6, PerEntry: 90, RoundTrip: 1e-3, Line: 1e9,
}

func near(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	if math.Abs(got-want) > share*want {
		t.Errorf("%s: %v, want %v to within %v of it", what, got, want, share)
	}
}

func TestTheSameSeedSaysTheSame(t *testing.T) {
	b := model.Burst{Instances: 20, Rate: 500, Seconds: 2, Seed: 7}
	first, second := some.Simulate(b), some.Simulate(b)
	if first != second {
		t.Errorf("%+v, and then %+v", first, second)
	}
	b.Seed = 8
	if some.Simulate(b) == first {
		t.Error("another seed says the same")
	}
}

func TestOneRevocationTakesItsWay(t *testing.T) {
	got := some.Simulate(model.Burst{Instances: 1, Rate: 5, Seconds: 40, Seed: 1})
	// To the engine, an append, the wake there and back, half a turn, the look there and back, half a turn, and the entry.
	want := 2*some.RoundTrip + some.Append + some.Wait + some.Look + some.Entry + some.Turn + some.Apply
	near(t, "median", got.Median, want, 0.05)
	near(t, "acknowledged", got.Acknowledged, some.RoundTrip+some.Append, 0.1)
}

func TestAnEngineThatIsTooSlowIsSeen(t *testing.T) {
	got := some.Simulate(model.Burst{Instances: 1, Rate: 60_000, Seconds: 5, Seed: 1})
	if got.Busy < 0.99 || got.TooLate == 0 || got.Drained < 5 {
		t.Errorf("three times what it can do: %+v", got)
	}
	if got := some.Simulate(model.Burst{Instances: 1, Rate: 5000, Seconds: 5, Seed: 1}); got.TooLate > 0 || got.Drained > 0.1 {
		t.Errorf("a third of what it can do: %+v", got)
	}
}

// The formula of a full read, and the simulation of one event after the other, agree where both can say something.
func TestTheFormulaOfAFullReadAgreesWithItsSimulation(t *testing.T) {
	for name, row := range map[string]struct {
		instances int
		change    func(*model.Costs)
		limit     string
	}{
		"limited by the engine":      {200, func(*model.Costs) {}, "engine"},
		"limited by the line":        {200, func(c *model.Costs) { c.Line = 2e7 }, "line"},
		"limited by the instance":    {2, func(c *model.Costs) { c.Apply = 20e-6 }, "instance"},
		"limited by the round trips": {1, func(c *model.Costs) { c.RoundTrip = 50e-3 }, "instance"},
		"limited by shared cores":    {8, func(c *model.Costs) { c.Shared, c.Line = 2, 0 }, "instance"},
	} {
		t.Run(name, func(t *testing.T) {
			c := some
			row.change(&c)
			c.Append, c.AppendIn = 0, 0 // everything is there at once
			const n = 20_000
			got := c.Simulate(model.Burst{Instances: row.instances, Rate: n / 1e-6, Seconds: 1e-6, Seed: 1})
			want := c.Restart(row.instances, got.Entries)
			if want.Limit != row.limit {
				t.Errorf("limited by %s, want %s", want.Limit, row.limit)
			}
			near(t, "until all have everything", got.Drained, want.Seconds, 0.2)
		})
	}
}

func TestCapacityAgreesWithTheSimulation(t *testing.T) {
	const rate = 2000
	most := some.Followers(rate)
	if some.Partitions(most, rate) != 1 || some.Partitions(most+most/5, rate) < 2 {
		t.Errorf("%d instances take %d engines, a fifth more %d", most, some.Partitions(most, rate), some.Partitions(most+most/5, rate))
	}
	got := some.Simulate(model.Burst{Instances: most, Rate: rate, Seconds: 3, Seed: 1})
	if got.Drained > 1 {
		t.Errorf("with %d instances it does not keep up: %+v", most, got)
	}
	tooMany := most
	for some.Demand(tooMany, rate) < 1.5 {
		tooMany++
	}
	if got := some.Simulate(model.Burst{Instances: tooMany, Rate: rate, Seconds: 3, Seed: 1}); got.Busy < 0.9 || got.Drained < 1 {
		t.Errorf("with %d instances it keeps up, and should not: %+v", tooMany, got)
	}
	if n := some.Partitions(10_000, 1); n != 0 {
		t.Errorf("ten thousand followers of one engine take %d engines, and are too many for any", n)
	}
}
