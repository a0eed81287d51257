package load

import (
	"math"
	"sync/atomic"
	"time"
)

// Histogram counts durations from a microsecond to a minute in steps of 5 %. It is safe for concurrent use.
type Histogram struct{ counts [buckets]atomic.Int64 }

const (
	buckets = 370
	growth  = 1.05
)

// Add counts one.
func (h *Histogram) Add(d time.Duration) {
	at := 0
	if d > time.Microsecond {
		at = min(buckets-1, int(math.Log(float64(d)/float64(time.Microsecond))/math.Log(growth))+1)
	}
	h.counts[at].Add(1)
}

// Counts is a Histogram at one moment.
type Counts [buckets]int64

// Now copies the counts.
func (h *Histogram) Now() (c Counts) {
	for i := range c {
		c[i] = h.counts[i].Load()
	}
	return c
}

// Since is what has been counted since an earlier moment.
func (c Counts) Since(earlier Counts) Counts {
	for i := range c {
		c[i] -= earlier[i]
	}
	return c
}

// Plus adds two.
func (c Counts) Plus(other Counts) Counts {
	for i := range c {
		c[i] += other[i]
	}
	return c
}

// Total is how many there are.
func (c Counts) Total() (total int64) {
	for _, n := range c {
		total += n
	}
	return total
}

// Quantile is the time within which this share of all were done, rounded up by 5 % at most; zero if there were none.
func (c Counts) Quantile(share float64) time.Duration {
	rank := int64(math.Ceil(share * float64(c.Total())))
	if rank == 0 {
		return 0
	}
	for at, n := range c {
		if rank -= n; rank <= 0 {
			return time.Duration(math.Pow(growth, float64(at)) * float64(time.Microsecond))
		}
	}
	return time.Minute
}
