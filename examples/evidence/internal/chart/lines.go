package chart

import (
	"fmt"
	"math"
)

const plotHeight = 300.0

// drawLines draws the lines over logarithmic axes that end at whole decades, so that a flat line looks flat.
func (c Chart) drawLines(d *drawing) {
	var names []string
	for _, l := range c.Lines {
		names = append(names, l.Name)
	}
	top := d.head(names, func(at int, x, y float64) { d.stroke(at, []Point{{x, y}, {x + 18, y}, {x + 36, y}}) })

	xs, ys := newDecades(), newDecades()
	for _, l := range c.Lines {
		for _, p := range l.Points {
			xs.hold(p.X)
			ys.hold(p.Y)
		}
	}
	left := margin + lineStep
	for n := ys.low; n <= ys.high; n++ {
		left = max(left, margin+lineStep+Width(power(n), textSize)+gap)
	}
	right := canvas - margin - Width(power(xs.high), textSize)/2
	bottom := top + plotHeight
	for n := xs.low; n <= xs.high; n++ {
		x := xs.place(math.Pow10(n), left, right)
		d.rule(x, top, x, bottom+4, faint)
		d.text(x, bottom+gap+textSize, textSize, middle, power(n))
	}
	for n := ys.low; n <= ys.high; n++ {
		y := ys.place(math.Pow10(n), bottom, top)
		d.rule(left-4, y, right, y, faint)
		d.text(left-gap, y+textSize/3, textSize, end, power(n))
	}
	for at, l := range c.Lines {
		var points []Point
		for _, p := range l.Points {
			points = append(points, Point{xs.place(p.X, left, right), ys.place(p.Y, bottom, top)})
		}
		d.stroke(at, points)
	}
	d.upright(margin+textSize, (top+bottom)/2, textSize, c.Y)
	d.text((left+right)/2, bottom+gap+textSize+lineStep, textSize, middle, c.X)
	d.height = bottom + gap + textSize + lineStep + margin
}

// decades are the powers of ten around some values.
type decades struct{ low, high int }

func newDecades() decades { return decades{math.MaxInt, math.MinInt} }

func (d *decades) hold(v float64) {
	d.low = min(d.low, int(math.Floor(math.Log10(v))))
	d.high = max(d.high, int(math.Ceil(math.Log10(v))), d.low+1)
}

// place is where v lies between first, at the lowest power, and last.
func (d decades) place(v, first, last float64) float64 {
	return first + (math.Log10(v)-float64(d.low))/float64(d.high-d.low)*(last-first)
}

func power(n int) string { return fmt.Sprintf("%.*f", max(0, -n), math.Pow10(n)) }
