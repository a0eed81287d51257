package report

import (
	"bytes"
	"image/color"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/soak"
	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

const (
	width       = 27 * vg.Centimeter
	panelHeight = 4.2 * vg.Centimeter
	laneHeight  = 0.5 * vg.Centimeter // one kind of fault
	margin      = 0.5 * vg.Centimeter
	headHeight  = 1.2 * vg.Centimeter
	axisHeight  = 1.4 * vg.Centimeter // below the last panel
)

var (
	blue  = color.RGBA{R: 0x1f, G: 0x5a, B: 0xa6, A: 0xff}
	red   = color.RGBA{R: 0xc4, G: 0x3c, B: 0x2e, A: 0xff}
	shade = color.RGBA{R: 0xf3, G: 0xd9, B: 0xd3, A: 0xff}
)

// panel is one curve over the whole time.
type panel struct {
	name  string
	of    func(soak.Point) float64
	least float64 // that the axis shows, so that noise does not look like news
}

var panels = []panel{
	{"decisions/s", func(p soak.Point) float64 { return p.Rate }, 0},
	{"p99, ms", func(p soak.Point) float64 { return p.P99 }, 10},
	{"503, %", func(p soak.Point) float64 { return p.Share503 }, 10},
	{"RSS, MiB", func(p soak.Point) float64 { return p.RSS }, 50},
	{"goroutines", func(p soak.Point) float64 { return p.Goroutines }, 100},
}

// timeline draws the faults by kind, and below them, on the same axis, what they did.
func timeline(r *soak.Results) ([]byte, error) {
	lanes := kindsOf(r.Faults)
	first, err := faultPanel(r, lanes)
	if err != nil {
		return nil, err
	}
	plots := []*plot.Plot{first}
	heights := []vg.Length{headHeight + laneHeight*vg.Length(max(1, len(lanes)))}
	for _, of := range panels {
		p, err := curve(r, of)
		if err != nil {
			return nil, err
		}
		plots, heights = append(plots, p), append(heights, panelHeight)
	}
	last := len(plots) - 1
	plots[last].X.Label.Text = "minutes since the start"
	heights[last] += axisHeight - 0.5*vg.Centimeter
	return stack(plots, heights)
}

// kindsOf lists the kinds in alphabetical order, from the top down.
func kindsOf(faults []window.Span) (names []string) {
	for _, f := range faults {
		if !slices.Contains(names, f.Kind) {
			names = append(names, f.Kind)
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names
}

func (s stretch) polygon(low, high float64, fill color.Color) (*plotter.Polygon, error) {
	p, err := plotter.NewPolygon(plotter.XYs{{X: s.from, Y: low}, {X: s.to, Y: low}, {X: s.to, Y: high}, {X: s.from, Y: high}})
	if err != nil {
		return nil, err
	}
	p.Color, p.LineStyle.Width = fill, 0
	return p, nil
}

// stretch is a fault on the axis.
type stretch struct{ from, to float64 }

// stretchOf makes what takes no time wide enough to be seen.
func stretchOf(r *soak.Results, f window.Span) stretch {
	s := stretch{f.Start.Sub(r.Start).Minutes(), f.End.Sub(r.Start).Minutes()}
	if f.End.IsZero() {
		s.to = r.Took.Minutes()
	}
	s.to = max(s.to, s.from+r.Took.Minutes()/600)
	return s
}

func newPanel(r *soak.Results) *plot.Plot {
	p := plot.New()
	p.X.Min, p.X.Max = 0, r.Took.Minutes()
	p.Y.Label.TextStyle.Font.Size = vg.Points(10)
	p.X.Padding, p.Y.Padding = 0, vg.Points(4)
	p.X.Tick.Marker, p.Y.Tick.Marker = short{}, short{}
	return p
}

// short are the ticks of [plot.DefaultTicks] without digits that say nothing.
type short struct{}

func (short) Ticks(low, high float64) []plot.Tick {
	ticks := plot.DefaultTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = strconv.FormatFloat(ticks[i].Value, 'g', 6, 64)
		}
	}
	return ticks
}

func faultPanel(r *soak.Results, lanes []string) (*plot.Plot, error) {
	p := newPanel(r)
	p.Title.Text = "Faults of the authorization servers, and what the API did meanwhile"
	p.Title.TextStyle.Font.Size = vg.Points(13)
	p.Title.Padding = vg.Points(6)
	p.Add(plotter.NewGrid())
	for _, f := range r.Faults {
		at := float64(slices.Index(lanes, f.Kind))
		bar, err := stretchOf(r, f).polygon(at-0.35, at+0.35, red)
		if err != nil {
			return nil, err
		}
		p.Add(bar)
	}
	p.NominalY(lanes...)
	p.Y.Padding = vg.Points(30) // the names are longer in other fonts
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, r.Took.Minutes(), -0.6, float64(len(lanes))-0.4
	return p, nil
}

func curve(r *soak.Results, of panel) (*plot.Plot, error) {
	p := newPanel(r)
	p.Y.Label.Text = of.name
	highest := of.least
	var points plotter.XYs
	for _, one := range r.Points {
		points = append(points, plotter.XY{X: one.At / 60, Y: of.of(one)})
		highest = max(highest, of.of(one)*1.08)
	}
	for _, f := range r.Faults {
		area, err := stretchOf(r, f).polygon(0, highest, shade)
		if err != nil {
			return nil, err
		}
		p.Add(area)
	}
	p.Add(plotter.NewGrid())
	if len(points) > 0 {
		line, err := plotter.NewLine(points)
		if err != nil {
			return nil, err
		}
		line.Color, line.Width = blue, vg.Points(0.8)
		p.Add(line)
	}
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = 0, r.Took.Minutes(), 0, highest
	return p, nil
}

// stack draws the plots below each other with their axes in line.
func stack(plots []*plot.Plot, heights []vg.Length) ([]byte, error) {
	total := 2 * margin
	for _, h := range heights {
		total += h
	}
	canvas := vgsvg.New(width, total)
	page := draw.New(canvas)
	left := make([]vg.Length, len(plots))
	var widest vg.Length
	for i, p := range plots {
		left[i] = p.DataCanvas(page).Min.X - page.Min.X
		widest = max(widest, left[i])
	}
	top := total - margin
	for i, p := range plots {
		p.Draw(draw.Canvas{Canvas: canvas, Rectangle: vg.Rectangle{
			Min: vg.Point{X: margin + widest - left[i], Y: top - heights[i] + vg.Points(6)},
			Max: vg.Point{X: width - 2*margin, Y: top},
		}})
		top -= heights[i]
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return nil, err
	}
	// The plots were laid out for this font; where it is missing, others of the same width serve.
	return bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Serif;"), []byte("font-family:Liberation Serif,Times New Roman,Times,serif;")), nil
}
