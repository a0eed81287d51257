package report

import (
	"fmt"
	"math"
)

// trend is the slope of the line with the least squares through points, and its standard error.
type trend struct{ slope, err float64 }

// trendOf wants as many x as y. Fewer than three points show no trend: zero, with an error of zero.
func trendOf(x, y []float64) trend {
	n := float64(len(x))
	if n < 3 {
		return trend{}
	}
	var meanX, meanY float64
	for i := range x {
		meanX += x[i] / n
		meanY += y[i] / n
	}
	var covariance, variance float64
	for i := range x {
		covariance += (x[i] - meanX) * (y[i] - meanY)
		variance += (x[i] - meanX) * (x[i] - meanX)
	}
	if variance == 0 {
		return trend{}
	}
	slope := covariance / variance
	var residue float64
	for i := range x {
		off := y[i] - meanY - slope*(x[i]-meanX)
		residue += off * off
	}
	return trend{slope, math.Sqrt(residue / (n - 2) / variance)}
}

// atMost reports whether the points are no evidence of a slope above limit: two standard errors are what one run in twenty
// shows by chance.
func (t trend) atMost(limit float64) bool { return t.slope-2*t.err <= limit }

func (t trend) String() string { return fmt.Sprintf("%+.1f ± %.1f MiB/h", t.slope, 2*t.err) }

// lowest keeps the lowest value of each whole minute, which is what stays when the work of the moment is done. The
// times, in seconds, ascend; those that are returned are in hours.
func lowest(seconds, values []float64) (hours, lows []float64) {
	for i, at := range seconds {
		minute := math.Floor(at / 60)
		if len(hours) == 0 || hours[len(hours)-1] != minute/60 {
			hours, lows = append(hours, minute/60), append(lows, values[i])
		}
		lows[len(lows)-1] = min(lows[len(lows)-1], values[i])
	}
	return hours, lows
}
