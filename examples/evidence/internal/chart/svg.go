package chart

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// drawing collects the elements of an SVG, whose height is known at the end.
type drawing struct {
	title  string
	height float64
	body   strings.Builder
}

// anchor is the side of a text that stays in place.
type anchor string

const (
	start  anchor = "start"
	middle anchor = "middle"
	end    anchor = "end"
)

const ink, faint, paper = "#1a1a1a", "#d0d0d0", "#ffffff"

func (d *drawing) text(x, y, size float64, at anchor, text string) {
	fmt.Fprintf(&d.body, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%g\" text-anchor=\"%s\">%s</text>\n", x, y, size, at, escaped(text))
}

// upright draws a text that reads from below, around x and y.
func (d *drawing) upright(x, y, size float64, text string) {
	fmt.Fprintf(&d.body, "<text transform=\"translate(%.1f, %.1f) rotate(-90)\" font-size=\"%g\" text-anchor=\"middle\">%s</text>\n", x, y, size, escaped(text))
}

func (d *drawing) rule(x1, y1, x2, y2 float64, colour string) {
	fmt.Fprintf(&d.body, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\" fill=\"none\"/>\n", x1, y1, x2, y2, colour)
}

// bar draws a bar of the series in its colour and pattern.
func (d *drawing) bar(series int, x, y, width, height float64) {
	fmt.Fprintf(&d.body, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"url(#s%d)\" stroke=\"%s\" stroke-width=\"0.5\"/>\n",
		x, y, width, height, series, ink)
}

// stroke draws a line of the series in its colour and dashes, and a mark on each point.
func (d *drawing) stroke(series int, points []Point) {
	look := looks[series%len(looks)]
	var path strings.Builder
	command := "M"
	for _, p := range points {
		fmt.Fprintf(&path, "%s%.1f %.1f", command, p.X, p.Y)
		command = "L"
	}
	fmt.Fprintf(&d.body, "<path d=\"%s\" stroke=\"%s\" stroke-width=\"2\" stroke-dasharray=\"%s\" fill=\"none\"/>\n", path.String(), look.colour, look.dashes)
	for _, p := range points {
		fmt.Fprintf(&d.body, "<path d=\"M%.1f %.1f%s\" fill=\"%s\" stroke=\"%s\"/>\n", p.X, p.Y, look.mark, look.fill(), look.colour)
	}
}

// look is how a series differs from the others: as bars by pattern, as a line by dashes and mark.
type look struct {
	colour  string // of Okabe and Ito, who chose them for every kind of colour vision
	pattern string // drawn over the colour in a square of 8
	dashes  string
	mark    string // around the point, in relative coordinates
	hollow  bool   // of the mark
}

func (l look) fill() string {
	if l.hollow {
		return paper
	}
	return l.colour
}

const (
	square  = "m-4 -4l8 0l0 8l-8 0z"
	diamond = "m0 -5l5 5l-5 5l-5 -5z"
	peak    = "m0 -5l5 9l-10 0z"
)

var looks = []look{
	{colour: "#0072b2", dashes: "none", mark: square},
	{colour: "#e69f00", pattern: "M0 8L8 0M-1 1L1 -1M7 9L9 7", dashes: "8 4", mark: diamond, hollow: true},
	{colour: "#56b4e9", pattern: "M2 2L2 6M6 2L6 6", dashes: "2 3", mark: peak},
	{colour: "#cc79a7", pattern: "M0 4L8 4M4 0L4 8", dashes: "8 3 2 3", mark: square, hollow: true},
	{colour: "#009e73", pattern: "M0 0L8 8M-1 7L1 9M7 -1L9 1", dashes: "12 3", mark: diamond},
}

func (d *drawing) bytes() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%.0f\" viewBox=\"0 0 %g %.0f\" role=\"img\" font-family=\"sans-serif\" fill=\"%s\">\n",
		canvas, d.height, canvas, d.height, ink)
	fmt.Fprintf(&b, "<title>%s</title>\n<defs>\n", escaped(d.title))
	for i, look := range looks {
		fmt.Fprintf(&b, "<pattern id=\"s%d\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect width=\"8\" height=\"8\" fill=\"%s\"/>", i, look.colour)
		if look.pattern != "" {
			fmt.Fprintf(&b, "<path d=\"%s\" stroke=\"%s\" fill=\"none\"/>", look.pattern, ink)
		}
		b.WriteString("</pattern>\n")
	}
	fmt.Fprintf(&b, "</defs>\n<rect width=\"%g\" height=\"%.0f\" fill=\"%s\"/>\n%s</svg>\n", canvas, d.height, paper, d.body.String())
	return b.Bytes()
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes all
	return b.String()
}

// Width is the room that a text may need: about that of the widest common fonts, which are Verdana and DejaVu Sans.
func Width(text string, size float64) float64 {
	em := 0.0
	for _, c := range text {
		switch {
		case strings.ContainsRune("ijl.,:;'|!()[]/ ", c):
			em += 0.42
		case strings.ContainsRune("mwMW@%", c):
			em += 1.02
		case c >= 'A' && c <= 'Z' || c > '~':
			em += 0.8
		case strings.ContainsRune("+=<>", c):
			em += 0.84
		default:
			em += 0.66
		}
	}
	return em * size
}
