package window

import (
	"slices"
	"time"
)

// Windows are in order and do not overlap.
type Windows []Span

// inOrder merges the lists by start.
func inOrder(lists ...[]Span) []Span {
	merged := slices.Concat(lists...)
	slices.SortStableFunc(merged, func(a, b Span) int { return a.Start.Compare(b.Start) })
	return merged
}

// widen adds to every span the time that is needed to notice its end. An outage that begins within that time prolongs the one
// before it, because nobody has been told that it was over.
func widen(spans []Span, now time.Time, tail func(outage time.Duration) time.Duration) Windows {
	var wide Windows
	var end time.Time // of the outage without its tail
	for _, s := range spans {
		if s.End.IsZero() {
			s.End = now
		}
		if last := len(wide) - 1; last >= 0 && !s.Start.After(wide[last].End) {
			if s.End.After(end) {
				end = s.End
			}
			wide[last].End = end.Add(tail(end.Sub(wide[last].Start)))
			continue
		}
		end = s.End
		wide = append(wide, Span{Kind: s.Kind, Start: s.Start, End: end.Add(tail(end.Sub(s.Start)))})
	}
	return wide
}

// Touch reports whether something that lasted from one time to another had a share in a window.
func (w Windows) Touch(from, to time.Time) bool {
	for _, s := range w {
		if !to.Before(s.Start) && !from.After(s.End) {
			return true
		}
	}
	return false
}

// Delay moves a deadline that falls into a window to its end: what was to be done by then could not be.
func (w Windows) Delay(from, deadline time.Time) time.Time {
	for _, s := range w {
		if !deadline.Before(s.Start) && !from.After(s.End) && deadline.Before(s.End) {
			deadline = s.End
		}
	}
	return deadline
}
