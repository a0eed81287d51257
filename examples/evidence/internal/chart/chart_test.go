package chart_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/examples/evidence/internal/chart"
)

func bars(series int, labels []string, value float64) chart.Chart {
	c := chart.Chart{Title: "Bars of a certain kind", X: "time, as a multiple of something else (less is better)", Labels: labels}
	for at := range series {
		s := chart.Series{Name: strings.Repeat("series ", at+1)}
		for i := range labels {
			s.Values = append(s.Values, value*float64(i+at+1))
		}
		c.Bars = append(c.Bars, s)
	}
	return c
}

func lines(names ...string) chart.Chart {
	c := chart.Chart{Title: "Lines", X: "keys", Y: "nanoseconds over all cores"}
	for at, name := range names {
		c.Lines = append(c.Lines, chart.Line{Name: name, Points: []chart.Point{{1, 0.5}, {62_500, float64(at+1) * 1e6}}})
	}
	return c
}

func TestAChartCanBeReadInAnyFont(t *testing.T) {
	for name, c := range map[string]chart.Chart{
		"one bar":             bars(1, []string{"one"}, 1),
		"bars of zero":        bars(1, []string{"<&>", "two"}, 1e-9),
		"many bars":           bars(5, []string{"short", "a library with a name of quite some length, MapClaims", "WWWWWWWWWW"}, 123),
		"one line":            lines("one"),
		"a legend that wraps": lines("golang-jwt + keyfunc, which remembers no token", "another of the same length, or a little more", "a third", "a fourth, and a fifth"),
	} {
		t.Run(name, func(t *testing.T) {
			found, err := complaints(string(c.SVG()))
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range found {
				t.Error(one)
			}
		})
	}
}

// The plots of the programs that draw with this package.
func TestTheCommittedPlotsCanBeReadInAnyFont(t *testing.T) {
	var files []string
	for room, least := range map[string]int{"benchmark": 5, "scale": 5} {
		found, err := filepath.Glob("../../" + room + "/results/*.svg")
		if err != nil || len(found) < least {
			t.Fatalf("%d plots of %s: %v", len(found), room, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(filepath.ToSlash(file), func(t *testing.T) {
			svg, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found, err := complaints(string(svg))
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range found {
				t.Error(one)
			}
		})
	}
}

func TestSeriesDifferByMoreThanColour(t *testing.T) {
	colour := regexp.MustCompile(`#[0-9a-f]{6}`)
	svg := string(bars(5, []string{"one"}, 1).SVG())
	patterns := map[string]bool{}
	for _, pattern := range regexp.MustCompile(`(?s)<pattern id="s\d"(.*?)</pattern>`).FindAllStringSubmatch(svg, -1) {
		patterns[colour.ReplaceAllString(pattern[1], "")] = true
	}
	if len(patterns) != 5 {
		t.Errorf("%d patterns of bars without their colours, want 5", len(patterns))
	}
	svg = string(lines("a", "b", "c", "d", "e").SVG())
	dashes, marks := map[string]bool{}, map[string]bool{}
	for _, one := range regexp.MustCompile(`stroke-dasharray="([^"]*)"`).FindAllStringSubmatch(svg, -1) {
		dashes[one[1]] = true
	}
	for _, one := range regexp.MustCompile(`d="M[0-9. ]+(m[^"]*)" fill="([^"]*)"`).FindAllStringSubmatch(svg, -1) {
		marks[one[1]+colour.ReplaceAllStringFunc(one[2], func(c string) string { return map[bool]string{true: " hollow"}[c == "#ffffff"] })] = true
	}
	if len(dashes) != 5 || len(marks) != 5 {
		t.Errorf("%d kinds of dashes and %d of marks, want 5", len(dashes), len(marks))
	}
}

// The reader of the other tests must see what is wrong.
func TestWhatCannotBeReadIsSeen(t *testing.T) {
	for name, row := range map[string]struct{ body, want string }{
		"a label under its bar":              {`<rect x="10" y="10" width="50" height="10" fill="url(#s0)"/><text x="50" y="20" font-size="10">Cardea</text>`, "lies on a shape"},
		"a legend on a bar, which is a path": {`<g transform="scale(1, -1) translate(0, -100)"><path d="M10,10L60,10L60,30L10,30Z" style="fill:#990000"/><text x="55" y="-15" transform="scale(1, -1)" style="font-size:10px">Cardea</text></g>`, "lies on a shape"},
		"an axis title that runs off":        {`<text x="180" y="50" font-size="10" text-anchor="middle">nanoseconds</text>`, "leaves the canvas"},
		"one that runs off below":            {`<text x="50" y="99" font-size="10">g</text>`, "leaves the canvas"},
		"one that reads from below":          {`<text transform="translate(20, 20) rotate(-90)" font-size="10" text-anchor="middle">nanoseconds</text>`, "leaves the canvas"},
		"two labels on each other":           {`<text x="10" y="20" font-size="10">golang-jwt</text><text x="60" y="25" font-size="10">keyfunc</text>`, "lies on"},
		"a bar that leaves the canvas":       {`<rect x="10" y="10" width="500" height="10" fill="#000000"/>`, "leaves the canvas"},
		"the author's fonts":                 {`<text x="10" y="20" font-size="10" style="font-family:Liberation Serif,Times,serif">a</text>`, "font that may not be there"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := complaints(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100">` + row.body + `</svg>`)
			if err != nil || len(found) != 1 || !strings.Contains(found[0], row.want) {
				t.Errorf("complaints: %q (%v), want one that says %q", found, err, row.want)
			}
		})
	}
}
