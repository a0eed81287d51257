package model

import (
	"math"
	"sort"
)

// Enough is how much of the time an engine may be needed, so that what comes by chance has room.
const Enough = 0.7

// Demand is the share of the time that an engine is needed for instances that follow it and a rate of revocations, if followers ask as seldom
// as they ever do, twice a second. They ask more often while there is time for it, which makes revocations hold sooner. Beyond one the engine
// falls behind. The share of its line counts if that is more.
func (c Costs) Demand(instances int, rate float64) float64 {
	c = c.with(instances)
	k := float64(instances)
	engine := k/hold*(c.Look+c.Wait) + rate*(c.Append+k*c.Entry)
	if c.Line == 0 {
		return engine
	}
	return max(engine, k*(c.LookOut/hold+rate*c.EntryOut)/c.Line)
}

// Partitions is how many engines it takes, each with its share of the issuers and followed by all instances, so that none is needed more than
// Enough. Zero: no number is enough, because so many followers alone are too many for one engine.
func (c Costs) Partitions(instances int, rate float64) int {
	followers := c.Demand(instances, 0)
	if followers >= Enough {
		return 0
	}
	return max(1, int(math.Ceil((c.Demand(instances, rate)-followers)/(Enough-followers))))
}

// Followers is how many instances one engine can have at a rate, so that it is needed no more than Enough.
func (c Costs) Followers(rate float64) int {
	const most = 1 << 20
	return sort.Search(most, func(k int) bool { return c.Demand(k+1, rate) > Enough })
}

// Wave is how many instances can start at once and have everything within so many seconds, as far as the engine and its line are concerned.
func (c Costs) Wave(entries int, seconds float64) int {
	one := c.Restart(1, entries)
	most := seconds / one.Engine
	if c.Line > 0 {
		most = min(most, seconds*c.Line/one.Bytes)
	}
	return int(most)
}
