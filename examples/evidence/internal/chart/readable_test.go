package chart_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/internal/chart"
)

// box is the room that something takes on the canvas.
type box struct {
	what                     string
	left, top, right, bottom float64
}

func (b box) touches(other box) bool {
	return b.left < other.right && other.left < b.right && b.top < other.bottom && other.top < b.bottom
}

func (b box) within(other box) bool {
	return other.left <= b.left && b.right <= other.right && other.top <= b.top && b.bottom <= other.bottom
}

// complaints says what of an SVG cannot be read: texts that lie on each other, on a bar or beyond the canvas, in the widest common
// font, shapes beyond the canvas, and fonts that a renderer may not have.
func complaints(svg string) ([]string, error) {
	page, err := read(svg)
	if err != nil {
		return nil, err
	}
	all := page.complaints
	for i, text := range page.texts {
		if !text.within(page.canvas) {
			all = append(all, fmt.Sprintf("%q leaves the canvas", text.what))
		}
		for _, other := range page.texts[:i] {
			if text.touches(other) {
				all = append(all, fmt.Sprintf("%q lies on %q", text.what, other.what))
			}
		}
		for _, shape := range page.shapes {
			if text.touches(shape) {
				all = append(all, fmt.Sprintf("%q lies on a shape filled with %s", text.what, shape.what))
			}
		}
	}
	for _, shape := range page.shapes {
		if !shape.within(page.canvas) {
			all = append(all, fmt.Sprintf("a shape filled with %s leaves the canvas", shape.what))
		}
	}
	return all, nil
}

// page is what is painted. Lines without a filling may lie anywhere, and so may what is as white as the paper.
type page struct {
	canvas        box
	texts, shapes []box
	complaints    []string
}

func read(svg string) (*page, error) {
	p := new(page)
	decoder := xml.NewDecoder(strings.NewReader(svg))
	var open []element
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, to: identity, attributes: map[string]string{}}
			if len(open) > 0 {
				e.to, e.hidden = open[len(open)-1].to, open[len(open)-1].hidden || open[len(open)-1].name == "defs"
			}
			for _, a := range token.Attr {
				e.attributes[a.Name.Local] = a.Value
			}
			if e.to, err = transformed(e.to, e.attributes["transform"]); err != nil {
				return nil, err
			}
			open = append(open, e)
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(token)
			}
		case xml.EndElement:
			if err := p.paint(open[len(open)-1]); err != nil {
				return nil, err
			}
			open = open[:len(open)-1]
		}
	}
}

type element struct {
	name, text string
	attributes map[string]string
	to         matrix // from here to the canvas
	hidden     bool   // it only defines something
}

// attribute is a presentation attribute, which may stand in style as well.
func (e element) attribute(name string) string {
	for part := range strings.SplitSeq(e.attributes["style"], ";") {
		if key, value, _ := strings.Cut(part, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return e.attributes[name]
}

func (e element) number(name string) float64 {
	n, _ := strconv.ParseFloat(strings.TrimSuffix(e.attribute(name), "px"), 64)
	return n
}

func (p *page) paint(e element) error {
	if fonts := e.attribute("font-family"); fonts != "" && fonts != "sans-serif" && fonts != "serif" {
		p.complaints = append(p.complaints, "a font that may not be there: "+fonts)
	}
	switch e.name {
	case "svg":
		var x, y, width, height float64
		if _, err := fmt.Sscan(e.attributes["viewBox"], &x, &y, &width, &height); err != nil {
			return err
		}
		p.canvas = box{"canvas", x, y, x + width, y + height}
	case "text":
		p.texts = append(p.texts, textBox(e))
	case "rect":
		x, y := e.number("x"), e.number("y")
		p.fill(e, [][2]float64{{x, y}, {x + e.number("width"), y + e.number("height")}})
	case "path":
		points, err := corners(e.attributes["d"])
		if err != nil {
			return err
		}
		p.fill(e, points)
	case "g", "defs", "pattern", "title":
	default:
		return fmt.Errorf("an element that this reader does not know: %s", e.name)
	}
	return nil
}

func (p *page) fill(e element, points [][2]float64) {
	switch fill := strings.ToLower(e.attribute("fill")); {
	case e.hidden, fill == "none", fill == "#ffffff" && e.attribute("stroke") == "":
	default:
		p.shapes = append(p.shapes, e.to.boxOf(fill, points))
	}
}

func textBox(e element) box {
	x, y, size := e.number("x"), e.number("y"), e.number("font-size")
	width := chart.Width(e.text, size)
	switch e.attribute("text-anchor") {
	case "middle":
		x -= width / 2
	case "end":
		x -= width
	}
	return e.to.boxOf(e.text, [][2]float64{{x, y - 0.75*size}, {x + width, y + 0.2*size}})
}

var step = regexp.MustCompile(`[A-Za-z]|-?[0-9.]+`)

// corners are the points of a path of straight lines.
func corners(d string) (points [][2]float64, err error) {
	words := step.FindAllString(d, -1)
	command := ""
	var at [2]float64
	for i := 0; i < len(words); {
		if strings.Contains("MLmlZz", words[i]) {
			command = words[i]
			i++
			continue
		}
		x, err := strconv.ParseFloat(words[i], 64)
		if err != nil || i+1 >= len(words) {
			return nil, fmt.Errorf("a path that this reader does not know: %s", d)
		}
		y, err := strconv.ParseFloat(words[i+1], 64)
		if err != nil {
			return nil, fmt.Errorf("a path that this reader does not know: %s", d)
		}
		if command == "m" || command == "l" {
			x, y = at[0]+x, at[1]+y
		}
		at = [2]float64{x, y}
		points = append(points, at)
		i += 2
	}
	return points, nil
}

// matrix is an affine transformation: x' = a x + c y + e, y' = b x + d y + f.
type matrix struct{ a, b, c, d, e, f float64 }

var identity = matrix{a: 1, d: 1}

func (m matrix) times(n matrix) matrix {
	return matrix{
		a: m.a*n.a + m.c*n.b, b: m.b*n.a + m.d*n.b,
		c: m.a*n.c + m.c*n.d, d: m.b*n.c + m.d*n.d,
		e: m.a*n.e + m.c*n.f + m.e, f: m.b*n.e + m.d*n.f + m.f,
	}
}

func (m matrix) boxOf(what string, points [][2]float64) box {
	all := box{what, math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	left, right, top, bottom := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, p := range points {
		left, right, top, bottom = min(left, p[0]), max(right, p[0]), min(top, p[1]), max(bottom, p[1])
	}
	for _, p := range [][2]float64{{left, top}, {right, top}, {left, bottom}, {right, bottom}} {
		x, y := m.a*p[0]+m.c*p[1]+m.e, m.b*p[0]+m.d*p[1]+m.f
		all.left, all.right, all.top, all.bottom = min(all.left, x), max(all.right, x), min(all.top, y), max(all.bottom, y)
	}
	return all
}

var function = regexp.MustCompile(`([a-z]+)\(([^)]*)\)`)

func transformed(m matrix, by string) (matrix, error) {
	for _, call := range function.FindAllStringSubmatch(by, -1) {
		var arguments []float64
		for word := range strings.FieldsFuncSeq(call[2], func(c rune) bool { return c == ',' || c == ' ' }) {
			n, err := strconv.ParseFloat(word, 64)
			if err != nil {
				return m, err
			}
			arguments = append(arguments, n)
		}
		switch first := arguments[0]; {
		case call[1] == "rotate" && len(arguments) == 1:
			sin, cos := math.Sincos(first * math.Pi / 180)
			m = m.times(matrix{a: cos, b: sin, c: -sin, d: cos})
		case call[1] == "translate" && len(arguments) == 2:
			m = m.times(matrix{a: 1, d: 1, e: first, f: arguments[1]})
		case call[1] == "scale" && len(arguments) == 2:
			m = m.times(matrix{a: first, d: arguments[1]})
		default:
			return m, fmt.Errorf("a transformation that this reader does not know: %s", call[0])
		}
	}
	return m, nil
}
