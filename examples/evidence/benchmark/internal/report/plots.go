package report

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/plotutil"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Plots writes the SVGs into dir.
func (r *Results) Plots(dir string) error {
	for name, compose := range map[string]func() (*plot.Plot, error){
		"cold.svg":     r.coldPlot,
		"loopback.svg": r.loopbackPlot,
		"grid.svg":     r.gridPlot,
		"keys.svg":     r.keysPlot,
		"refusals.svg": r.refusalsPlot,
	} {
		p, err := compose()
		if err != nil {
			return fmt.Errorf("benchmark: %s: %w", name, err)
		}
		if err := save(p, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

const width, height, margin = 26 * vg.Centimeter, 13 * vg.Centimeter, 0.5 * vg.Centimeter

// save is [plot.Plot.Save] with a margin, for labels that hang over.
func save(p *plot.Plot, path string) error {
	canvas := vgsvg.New(width, height)
	p.Draw(draw.Crop(draw.New(canvas), margin, -margin, margin, -margin))
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	// The plot was laid out for this font; where it is missing, others of the same width serve.
	text := bytes.ReplaceAll(svg.Bytes(), []byte("font-family:Liberation Serif;"), []byte("font-family:Liberation Serif,Times New Roman,Times,serif;"))
	return os.WriteFile(path, text, 0o644)
}

// bars are one series of a bar chart: a value for each label.
type bars struct {
	name   string
	values plotter.Values
}

// horizontal draws series side by side, the first label on top.
func horizontal(title, axis string, labels []string, all []bars) (*plot.Plot, error) {
	p := newPlot(title)
	p.X.Label.Text = axis
	p.Legend.Top = false
	thickness := height * 0.6 / vg.Length(len(labels)*len(all))
	for at, series := range all {
		slices.Reverse(series.values)
		chart, err := plotter.NewBarChart(series.values, thickness)
		if err != nil {
			return nil, err
		}
		chart.Horizontal = true
		chart.LineStyle.Width = 0
		chart.Color = plotutil.Color(at)
		chart.Offset = thickness * (vg.Length(len(all)-1)/2 - vg.Length(at))
		p.Add(chart)
		p.Legend.Add(series.name, chart)
	}
	p.X.Min = 0
	p.X.Max *= 1.2 // room for the legend
	reversed := slices.Clone(labels)
	slices.Reverse(reversed)
	p.NominalY(reversed...)
	return p, nil
}

func newPlot(title string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.Padding = vg.Points(8)
	p.Legend.Top = true
	p.Legend.Padding = vg.Points(3)
	grid := plotter.NewGrid()
	p.Add(grid)
	return p
}

func (r *Results) coldPlot() (*plot.Plot, error) {
	var labels []string
	for _, one := range r.Cold[0].Results {
		labels = append(labels, one.Name)
	}
	var all []bars
	for _, g := range r.Cold {
		series := bars{name: g.Algorithm}
		for _, one := range g.Results {
			series.values = append(series.values, one.Ratio.Median)
		}
		all = append(all, series)
	}
	return horizontal("Verifying a token for the first time", "time, as a multiple of the signature check alone (less is better)", labels, all)
}

func (r *Results) loopbackPlot() (*plot.Plot, error) {
	var labels []string
	for _, s := range r.Loopback[0].Servers {
		labels = append(labels, s.Name)
	}
	var all []bars
	for _, l := range r.Loopback {
		series := bars{name: l.Algorithm}
		for _, s := range l.Servers {
			series.values = append(series.values, s.Share.Median)
		}
		all = append(all, series)
	}
	return horizontal(fmt.Sprintf("Loopback HTTP, %d connections", r.Settings.Connections),
		"requests per second, as a share of the same server without authentication (more is better)", labels, all)
}

func (r *Results) refusalsPlot() (*plot.Plot, error) {
	var labels []string
	forged, garbage, unknown := bars{name: "forged signature"}, bars{name: "garbage"}, bars{name: "unknown kid"}
	for _, one := range r.Refusals[0].Peers {
		labels = append(labels, one.Name)
		forged.values = append(forged.values, one.Forged.Median)
		garbage.values = append(garbage.values, one.Garbage.Median)
		unknown.values = append(unknown.values, one.UnknownKey.Median)
	}
	return horizontal("Refusing bad tokens, "+r.Refusals[0].Algorithm,
		"time, as a share of what a good, new token costs the same library (less is better)", labels, []bars{forged, garbage, unknown})
}

func (r *Results) gridPlot() (*plot.Plot, error) {
	p := logLog("One cached look-up, over the number of live tokens", "live tokens", "nanoseconds over all cores")
	for at, row := range r.Grid {
		var line, reference plotter.XYs
		for _, c := range row.Cells {
			line = append(line, plotter.XY{X: float64(c.Live), Y: c.Nanoseconds().Median})
			reference = append(reference, plotter.XY{X: float64(c.Live), Y: row.Reference.Nanoseconds().Median})
		}
		if err := addLine(p, at, fmt.Sprintf("Cardea, %d goroutines", row.Goroutines), line); err != nil {
			return nil, err
		}
		if at == 0 {
			if err := addLine(p, len(r.Grid), fmt.Sprintf("%s, %d goroutine, any number", row.Reference.Name, row.Goroutines), reference); err != nil {
				return nil, err
			}
		}
	}
	roomy(p)
	return p, nil
}

func (r *Results) keysPlot() (*plot.Plot, error) {
	p := logLog("Finding a key by its kid", "keys in the set", "nanoseconds")
	for at, name := range lookUpSources(r.LookUps) {
		var line plotter.XYs
		for _, l := range r.LookUps {
			if l.Source == name {
				line = append(line, plotter.XY{X: float64(l.Keys), Y: l.Nanoseconds().Median})
			}
		}
		if err := addLine(p, at, name, line); err != nil {
			return nil, err
		}
	}
	roomy(p)
	return p, nil
}

func logLog(title, x, y string) *plot.Plot {
	p := newPlot(title)
	p.X.Label.Text, p.Y.Label.Text = x, y
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = decades{}, decades{}
	return p
}

func addLine(p *plot.Plot, at int, name string, points plotter.XYs) error {
	line, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	line.Color, line.Width = plotutil.Color(at), vg.Points(1.5)
	marks.Color, marks.Shape = plotutil.Color(at), plotutil.Shape(at)
	p.Add(line, marks)
	p.Legend.Add(name, line, marks)
	return nil
}

// roomy ends the axes at whole decades, so that a flat line looks flat, and leaves one for the legend.
func roomy(p *plot.Plot) {
	p.X.Min, p.X.Max = decade(p.X.Min, math.Floor), decade(p.X.Max, math.Ceil)
	p.Y.Min, p.Y.Max = decade(p.Y.Min, math.Floor), 10*decade(p.Y.Max, math.Ceil)
}

func decade(x float64, round func(float64) float64) float64 {
	return math.Pow(10, round(math.Log10(x)))
}

// decades are the ticks of [plot.LogTicks] with plain numbers beside them.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	ticks := plot.LogTicks{}.Ticks(low, high)
	for i := range ticks {
		if ticks[i].Label != "" {
			ticks[i].Label = fmt.Sprintf("%.0f", ticks[i].Value)
		}
	}
	return ticks
}
