package chart

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Timeline is a plot over time: stretches by name, and curves below them, which show the stretches as a shade.
type Timeline struct {
	Title  string
	X      string  // what the axis of time shows
	Length float64 // of that axis, from zero
	Lanes  []Lane  // from the top
	Panels []Panel
}

// Lane is what happened under one name.
type Lane struct {
	Name  string
	Spans []Span
}

// Span is a stretch of time. One too short to be seen is drawn wider.
type Span struct{ From, To float64 }

// Panel is one curve over the whole time. Its values are zero or more.
type Panel struct {
	Name   string
	Least  float64 // that the axis shows, so that noise does not look like news
	Points []Point
}

const (
	panelHeight = 120.0
	shade       = "#f3d9d3"
	narrowest   = 1.0 // pixels of a Span
)

// SVG draws t.
func (t Timeline) SVG() []byte {
	d := &drawing{title: t.Title}
	top := d.head(nil, nil)
	ticks := make([][]float64, len(t.Panels))
	left := margin
	for _, lane := range t.Lanes {
		left = max(left, margin+Width(lane.Name, textSize)+gap)
	}
	for i, p := range t.Panels {
		ticks[i] = round(p.highest(), 4)
		for _, tick := range ticks[i] {
			left = max(left, margin+Width(plain(tick), textSize)+gap)
		}
	}
	minutes := round(t.Length, 8)
	right := canvas - margin - Width(plain(t.Length), textSize)
	at := func(x float64) float64 { return left + min(max(x, 0), t.Length)/t.Length*(right-left) }

	y := top
	for _, lane := range t.Lanes {
		d.rule(left, y+lineStep, right, y+lineStep, faint)
		d.text(left-gap, y+lineStep/2+textSize/3, textSize, end, lane.Name)
		for _, span := range lane.Spans {
			d.span(at(span.From), at(span.To), y+2, lineStep-4, looks[0].colour)
		}
		y += lineStep
	}
	for i, p := range t.Panels {
		y += gap + lineStep
		d.text(left, y, textSize, start, p.Name)
		y += gap
		bottom := y + panelHeight
		for _, lane := range t.Lanes {
			for _, span := range lane.Spans {
				d.span(at(span.From), at(span.To), y, panelHeight, shade)
			}
		}
		height := func(v float64) float64 { return bottom - v/p.highest()*panelHeight }
		for _, tick := range ticks[i] {
			d.rule(left-4, height(tick), right, height(tick), faint)
			d.text(left-gap, height(tick)+textSize/3, textSize, end, plain(tick))
		}
		for _, tick := range minutes {
			d.rule(at(tick), y, at(tick), bottom+4, faint)
		}
		d.curve(p.Points, at, height)
		y = bottom
	}
	for _, tick := range minutes {
		d.text(at(tick), y+gap+textSize, textSize, middle, plain(tick))
	}
	y += gap + textSize + lineStep
	d.text((left+right)/2, y, textSize, middle, t.X)
	d.height = y + margin
	return d.bytes()
}

func (p Panel) highest() float64 {
	highest := p.Least
	for _, point := range p.Points {
		highest = max(highest, point.Y*1.08)
	}
	return max(highest, math.SmallestNonzeroFloat32)
}

// round are the round numbers from zero to most, at most so many steps.
func round(most float64, steps int) (ticks []float64) {
	step := math.Pow10(int(math.Floor(math.Log10(most / float64(steps)))))
	for _, wider := range []float64{1, 2, 5, 10} {
		if most <= wider*step*float64(steps) {
			step *= wider
			break
		}
	}
	for i := 0; float64(i)*step <= most; i++ {
		ticks = append(ticks, float64(i)*step)
	}
	return ticks
}

func plain(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func (d *drawing) span(from, to, y, height float64, fill string) {
	fmt.Fprintf(&d.body, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"/>\n", from, y, max(to-from, narrowest), height, fill)
}

// curve draws what lies between points as straight.
func (d *drawing) curve(points []Point, x, y func(float64) float64) {
	var path strings.Builder
	command := "M"
	for _, p := range points {
		fmt.Fprintf(&path, "%s%.1f %.1f", command, x(p.X), y(p.Y))
		command = "L"
	}
	if path.Len() > 0 {
		fmt.Fprintf(&d.body, "<path d=\"%s\" stroke=\"%s\" fill=\"none\"/>\n", path.String(), looks[0].colour)
	}
}
