package chart

import (
	"fmt"
	"math"
)

const barHeight = textSize + 2 // its value stands beside it

// drawBars draws horizontal bars from zero, the label of each group left of it and the value right of each bar.
func (c Chart) drawBars(d *drawing) {
	var names []string
	for _, s := range c.Bars {
		names = append(names, s.Name)
	}
	top := d.head(names, func(at int, x, y float64) { d.bar(at, x, y-barHeight/2, 36, barHeight) })

	left, most := 0.0, 0.0
	for _, label := range c.Labels {
		left = max(left, Width(label, textSize))
	}
	left += margin + gap
	values := 0.0 // the room for a value beside its bar
	for _, s := range c.Bars {
		for _, v := range s.Values {
			most, values = max(most, v), max(values, Width(figure(v), textSize))
		}
	}
	right := canvas - margin - values - gap
	scale := (right - left) / most

	group := barHeight*float64(len(c.Bars)) + gap
	bottom := top + group*float64(len(c.Labels))
	step := tickStep(most)
	for n := 0.0; n*step <= most; n++ {
		x := left + n*step*scale
		d.rule(x, top, x, bottom+4, faint)
		d.text(x, bottom+gap+textSize, textSize, middle, fmt.Sprintf("%g", math.Round(n*step*1e6)/1e6))
	}
	for at, label := range c.Labels {
		y := top + group*float64(at) + gap/2
		d.text(left-gap, y+(group-gap)/2+textSize/3, textSize, end, label)
		for i, s := range c.Bars {
			width := s.Values[at] * scale
			d.bar(i, left, y, width, barHeight)
			d.text(left+width+gap/2, y+barHeight-3, textSize, start, figure(s.Values[at]))
			y += barHeight
		}
	}
	d.rule(left, top, left, bottom, ink)
	d.text((left+right)/2, bottom+gap+textSize+lineStep, textSize, middle, c.X)
	d.height = bottom + gap + textSize + lineStep + margin
}

// figure is a value with as many digits as mean something.
func figure(v float64) string {
	switch {
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	default:
		return fmt.Sprintf("%.3f", v)
	}
}

// tickStep is 1, 2 or 5 of some power of ten, and leaves five to twelve ticks up to most.
func tickStep(most float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(most/5)))
	for _, step := range []float64{5, 2} {
		if most/(step*power) >= 4 {
			return step * power
		}
	}
	return power
}
