// Package chart draws bar charts, logarithmic line charts and timelines as SVG that can be read in any renderer. It takes no font for
// granted: a text gets the room that it needs in the widest of the common fonts. Series differ by pattern, dashes and shape
// of their marks as well as by colour.
package chart

// Chart is one plot. It has either Bars or Lines.
type Chart struct {
	Title string
	X, Y  string // what the axes show; Y is empty with Bars

	Labels []string `json:",omitempty"` // of the groups of bars, from the top
	Bars   []Series `json:",omitempty"` // a bar of each in every group
	Lines  []Line   `json:",omitempty"` // over logarithmic axes
}

// Series is a value, zero or more, for each label.
type Series struct {
	Name   string
	Values []float64
}

// Line is a row of points, whose coordinates are more than zero.
type Line struct {
	Name   string
	Points []Point
}

// Point is one point of a Line.
type Point struct{ X, Y float64 }

// SVG draws c.
func (c Chart) SVG() []byte {
	d := &drawing{title: c.Title}
	if len(c.Bars) > 0 {
		c.drawBars(d)
	} else {
		c.drawLines(d)
	}
	return d.bytes()
}

// Sizes in pixels. All texts but the title have one size.
const (
	canvas    = 900.0
	margin    = 16.0
	titleSize = 16.0
	textSize  = 12.0
	lineStep  = 1.5 * textSize // from one line of text to the next
	gap       = 8.0
)

// head draws the title, and below it a band for the legend, and returns where the rest may begin.
func (d *drawing) head(names []string, swatch func(at int, x, y float64)) (top float64) {
	y := margin + titleSize
	d.text(canvas/2, y, titleSize, middle, d.title)
	y += gap + lineStep
	const swatchWidth = 36.0
	x := margin
	for at, name := range names {
		width := swatchWidth + gap + Width(name, textSize) + 2*gap
		if x > margin && x+width > canvas-margin {
			x, y = margin, y+lineStep
		}
		swatch(at, x, y-textSize/3)
		d.text(x+swatchWidth+gap, y, textSize, start, name)
		x += width
	}
	return y + 2*gap
}
