package report

import (
	"fmt"

	"github.com/cardea-auth/cardea/examples/evidence/internal/chart"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/figures"
	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/model"
)

func (r *Results) charts() map[string]chart.Chart {
	return map[string]chart.Chart{
		"memory":  r.memoryPlot(),
		"lookups": r.lookUpPlot(),
		"check":   r.checkPlot(),
		"spread":  r.ratePlot("Simulated: until a revocation holds at 99 of 100 instances, where one engine keeps up", "seconds", func(s model.Spread) float64 { return s.P99 }),
		"busy":    r.ratePlot("Simulated: share of the time that the one engine works, where it keeps up", "per cent", func(s model.Spread) float64 { return 100 * s.Busy }),
		"restart": r.restartPlot(),
	}
}

func (r *Results) listLine(name string, value func(figures.List) float64) chart.Line {
	line := chart.Line{Name: name}
	for _, l := range r.Measured.Lists {
		line.Points = append(line.Points, chart.Point{X: float64(l.Entries), Y: value(l)})
	}
	return line
}

func (r *Results) memoryPlot() chart.Chart {
	return chart.Chart{Title: "Measured: memory of an instance", X: "entries", Y: "megabytes", Lines: []chart.Line{
		r.listLine("the list", func(l figures.List) float64 { return l.PerEntry * float64(l.Entries) / 1e6 }),
		r.listLine("the whole process at its largest, reading", func(l figures.List) float64 { return l.Resident * float64(l.Entries) / 1e6 }),
	}}
}

func (r *Results) lookUpPlot() chart.Chart {
	nano := func(of func(figures.List) float64) func(figures.List) float64 {
		return func(l figures.List) float64 { return of(l) * 1e9 }
	}
	return chart.Chart{Title: "Measured: look-ups, and whole checks of a repeated token", X: "entries", Y: "nanoseconds", Lines: []chart.Line{
		r.listLine("look-up: revoked", nano(func(l figures.List) float64 { return l.Hit })),
		r.listLine("look-up: not revoked", nano(func(l figures.List) float64 { return l.Miss })),
		r.listLine("look-up: a new token", nano(func(l figures.List) float64 { return l.New })),
		r.listLine("check: nothing has changed", nano(func(l figures.List) float64 { return l.Guard })),
		r.listLine("check: something has changed", nano(func(l figures.List) float64 { return l.GuardAll })),
	}}
}

func (r *Results) checkPlot() chart.Chart {
	c := chart.Chart{Title: "Measured and simulated: until a revocation holds in other processes, 100 a second", X: "processes", Y: "milliseconds"}
	for _, one := range []struct {
		name  string
		value func(Check) float64
	}{
		{"median, measured", func(c Check) float64 { return c.Measured.Median }},
		{"median, simulated", func(c Check) float64 { return c.Simulated.Median }},
		{"99 of 100, measured", func(c Check) float64 { return c.Measured.P99 }},
		{"99 of 100, simulated", func(c Check) float64 { return c.Simulated.P99 }},
	} {
		line := chart.Line{Name: one.name}
		for _, check := range r.Checks {
			if check.Measured.Rate == 100 {
				line.Points = append(line.Points, chart.Point{X: float64(check.Measured.Followers), Y: one.value(check) * 1e3})
			}
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}

func (r *Results) ratePlot(title, y string, value func(model.Spread) float64) chart.Chart {
	c := chart.Chart{Title: title, X: "revocations a second", Y: y}
	for i := range instances {
		line := chart.Line{Name: "instances: " + count(instances[i])}
		for _, s := range r.Spreads[i*len(rates) : (i+1)*len(rates)] {
			if !r.fallsBehind(s.Instances, s.Rate) {
				line.Points = append(line.Points, chart.Point{X: s.Rate, Y: value(s)})
			}
		}
		if len(line.Points) > 0 {
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}

func (r *Results) restartPlot() chart.Chart {
	c := chart.Chart{Title: "Simulated: restart of all instances at once, until the last can judge", X: "instances", Y: "seconds"}
	for at, n := range entries {
		line := chart.Line{Name: fmt.Sprintf("entries: %s", count(n))}
		for i := range instances {
			line.Points = append(line.Points, chart.Point{X: float64(instances[i]), Y: r.Restarts[i*len(entries)+at].Seconds})
		}
		c.Lines = append(c.Lines, line)
	}
	return c
}
