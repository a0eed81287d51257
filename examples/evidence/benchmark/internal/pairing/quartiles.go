package pairing

import (
	"math"
	"slices"
)

// Quartiles sum up a sample: its median, and the bounds of its middle half.
type Quartiles struct{ First, Median, Third float64 }

// QuartilesOf interpolates between neighbours, as spreadsheets do (type 7 of Hyndman and Fan). Of nothing they are NaN.
func QuartilesOf(sample []float64) Quartiles {
	if len(sample) == 0 {
		return Quartiles{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(sample))
	return Quartiles{quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75)}
}

func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low == len(sorted)-1 {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}
