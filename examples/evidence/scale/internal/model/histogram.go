package model

import "math"

// histogram holds times by their size, to within a fiftieth.
type histogram struct {
	counts [bins]int
	n      int
	most   float64
}

// The bins begin at a nanosecond, and end beyond a year.
const (
	least = 1e-9
	step  = 0.02
	bins  = 2000
)

func (h *histogram) add(t float64) {
	h.counts[bin(t)]++
	h.n++
	h.most = max(h.most, t)
}

// bin is the number of steps from least to t, looked up by the first bits of t: most of a simulation would be logarithms otherwise.
func bin(t float64) int {
	slot := int(math.Float64bits(max(t, least))>>slotBits) - firstSlot
	if slot >= len(slots) {
		return bins - 1
	}
	if s := slots[slot]; t < s.next {
		return s.bin
	}
	return min(slots[slot].bin+1, bins-1)
}

// slots are the numbers that have the same exponent and the same six bits after it. They are no further apart than a step, so that one bin ends
// in each of them at most.
var slots = makeSlots()

type slot struct {
	bin  int
	next float64 // where the next bin begins
}

const slotBits = 52 - 6

var firstSlot = int(math.Float64bits(least) >> slotBits)

func makeSlots() (all []slot) {
	for at := firstSlot; ; at++ {
		number := int(math.Log(max(math.Float64frombits(uint64(at)<<slotBits), least)/least) / step)
		if number >= bins {
			return all
		}
		all = append(all, slot{number, least * math.Exp(float64(number+1)*step)})
	}
}

// quantile is a time that such a share lies below.
func (h *histogram) quantile(q float64) float64 {
	left := int(q * float64(h.n))
	for at, count := range h.counts {
		if left -= count; left < 0 {
			return least * math.Exp((float64(at)+0.5)*step)
		}
	}
	return h.most
}

// above is the share of what is longer than t.
func (h *histogram) above(t float64) float64 {
	if h.n == 0 {
		return 0
	}
	n := 0
	for _, count := range h.counts[bin(t)+1:] {
		n += count
	}
	return float64(n) / float64(h.n)
}
