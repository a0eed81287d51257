package report

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cardea-auth/cardea/examples/evidence/internal/chart"
)

// plotsFile holds what the plots show, so that they can be drawn again without measuring again.
const plotsFile = "plots.json"

// Plots writes the SVGs into dir, and what they show.
func (r *Results) Plots(dir string) error {
	text, err := json.Marshal(map[string]chart.Chart{
		"cold":     r.coldPlot(),
		"loopback": r.loopbackPlot(),
		"grid":     r.gridPlot(),
		"keys":     r.keysPlot(),
		"refusals": r.refusalsPlot(),
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, plotsFile), append(text, '\n'), 0o644); err != nil {
		return err
	}
	return Redraw(dir)
}

// Redraw draws the plots in dir again, of what an earlier run has measured.
func Redraw(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, plotsFile))
	if err != nil {
		return err
	}
	var charts map[string]chart.Chart
	if err := json.Unmarshal(text, &charts); err != nil {
		return fmt.Errorf("benchmark: %s: %w", plotsFile, err)
	}
	for name, one := range charts {
		if err := os.WriteFile(filepath.Join(dir, name+".svg"), one.SVG(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *Results) coldPlot() chart.Chart {
	c := chart.Chart{Title: "Verifying a token for the first time", X: "time, as a multiple of the signature check alone (less is better)"}
	for _, one := range r.Cold[0].Results {
		c.Labels = append(c.Labels, one.Name)
	}
	for _, g := range r.Cold {
		series := chart.Series{Name: g.Algorithm}
		for _, one := range g.Results {
			series.Values = append(series.Values, one.Ratio.Median)
		}
		c.Bars = append(c.Bars, series)
	}
	return c
}

func (r *Results) loopbackPlot() chart.Chart {
	c := chart.Chart{
		Title: fmt.Sprintf("Loopback HTTP, %d connections", r.Settings.Connections),
		X:     "requests per second, as a share of the same server without authentication (more is better)",
	}
	for _, s := range r.Loopback[0].Servers {
		c.Labels = append(c.Labels, s.Name)
	}
	for _, l := range r.Loopback {
		series := chart.Series{Name: l.Algorithm}
		for _, s := range l.Servers {
			series.Values = append(series.Values, s.Share.Median)
		}
		c.Bars = append(c.Bars, series)
	}
	return c
}

func (r *Results) refusalsPlot() chart.Chart {
	first := r.Refusals[0]
	forged, garbage, unknown := chart.Series{Name: "forged signature"}, chart.Series{Name: "garbage"}, chart.Series{Name: "unknown kid"}
	var labels []string
	for _, one := range first.Peers {
		labels = append(labels, one.Name)
		forged.Values = append(forged.Values, one.Forged.Median)
		garbage.Values = append(garbage.Values, one.Garbage.Median)
		unknown.Values = append(unknown.Values, one.UnknownKey.Median)
	}
	return chart.Chart{
		Title:  "Refusing bad tokens, " + first.Algorithm,
		X:      "time, as a share of what a good, new token costs the same library (less is better)",
		Labels: labels, Bars: []chart.Series{forged, garbage, unknown},
	}
}

func (r *Results) gridPlot() chart.Chart {
	c := chart.Chart{Title: "One cached look-up, over the number of live tokens", X: "live tokens", Y: "nanoseconds over all cores"}
	for _, row := range r.Grid {
		line := chart.Line{Name: fmt.Sprintf("Cardea, goroutines: %d", row.Goroutines)}
		for _, cell := range row.Cells {
			line.Points = append(line.Points, chart.Point{X: float64(cell.Live), Y: cell.Nanoseconds().Median})
		}
		c.Lines = append(c.Lines, line)
	}
	first := r.Grid[0]
	reference := chart.Line{Name: fmt.Sprintf("%s, which remembers no token, goroutines: %d", first.Reference.Name, first.Goroutines)}
	for _, cell := range first.Cells {
		reference.Points = append(reference.Points, chart.Point{X: float64(cell.Live), Y: first.Reference.Nanoseconds().Median})
	}
	c.Lines = append(c.Lines, reference)
	return c
}

func (r *Results) keysPlot() chart.Chart {
	c := chart.Chart{Title: "Finding a key by its kid", X: "keys in the set", Y: "nanoseconds"}
	for _, name := range lookUpSources(r.LookUps) {
		line := chart.Line{Name: name}
		for _, l := range r.LookUps {
			if l.Source == name {
				line.Points = append(line.Points, chart.Point{X: float64(l.Keys), Y: l.Nanoseconds().Median})
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}
