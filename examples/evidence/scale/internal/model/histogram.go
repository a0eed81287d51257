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

func bin(t float64) int {
	return min(max(0, int(math.Log(max(t, least)/least)/step)), bins-1)
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
