package explain

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"
	"unicode"

	"github.com/cardea-auth/cardea/middleware"
)

// version is that of the JSON form. It grows when a member changes its meaning or goes away, and not when one is added.
const version = 1

// MarshalJSON writes the report as an object: version, outcome, reason, steps and advice. Steps have the members name, result, verified,
// expected, got, why, hint and clause; those that are empty are left out.
func (r *Report) MarshalJSON() ([]byte, error) {
	type step struct {
		Name     middleware.StepName   `json:"name"`
		Result   middleware.StepResult `json:"result"`
		Verified bool                  `json:"verified"`
		Expected string                `json:"expected,omitempty"`
		Got      string                `json:"got,omitempty"`
		Why      string                `json:"why,omitempty"`
		Hint     string                `json:"hint,omitempty"`
		Clause   string                `json:"clause,omitempty"`
	}
	steps := make([]step, len(r.Steps))
	for i, s := range r.Steps {
		steps[i] = step{s.Name, s.Result, s.Verified, clean(s.Expected), clean(s.Got), clean(s.Why), clean(s.Hint), s.Clause}
	}
	return json.Marshal(struct {
		Version int                `json:"version"`
		Outcome middleware.Outcome `json:"outcome"`
		Reason  middleware.Reason  `json:"reason,omitempty"`
		Steps   []step             `json:"steps"`
		Advice  []string           `json:"advice,omitempty"`
	}{version, r.Outcome, r.Reason, steps, r.Advice})
}

// String is the report as text of several lines, without colours.
func (r *Report) String() string {
	var b strings.Builder
	_ = r.Terminal(&b, false) // a Builder fails never
	return b.String()
}

// Colours of a terminal.
const (
	red   = "\x1b[31m"
	green = "\x1b[32m"
	grey  = "\x1b[90m"
	plain = "\x1b[0m"
)

// marks are what the line of a step begins with.
var marks = map[middleware.StepResult]struct{ text, colour string }{
	middleware.StepPassed: {"ok    ", green},
	middleware.StepFailed: {"FAILED", red},
}

// Terminal writes the report for people, in colour where the terminal has them; the steps that were not reached share a line. Control characters, whoever they come from, are escaped. The
// error is that of w.
func (r *Report) Terminal(w io.Writer, colour bool) error {
	var b strings.Builder
	paint := func(code, text string) string {
		if !colour {
			return text
		}
		return code + text + plain
	}
	headline := green
	if r.Reason != "" {
		headline = red
	}
	b.WriteString(paint(headline, r.headline()) + "\n")
	var missed []string
	for _, s := range r.Steps {
		if s.Result == middleware.StepNotReached {
			missed = append(missed, string(s.Name))
			continue
		}
		mark := marks[s.Result]
		fmt.Fprintf(&b, "%s %-13s", paint(mark.colour, mark.text), s.Name)
		for i, line := range lines(s) {
			if i > 0 {
				b.WriteString("\n" + strings.Repeat(" ", 20))
			}
			b.WriteString(" " + line)
		}
		b.WriteString("\n")
	}
	if len(missed) > 0 {
		label := " not reached: "
		if r.Reason == "" {
			label = " not asked: " // the token does not go this way, or the configuration has nothing to ask
		}
		b.WriteString(paint(grey, "-     ") + label + strings.Join(missed, ", ") + "\n")
	}
	for _, a := range r.Advice {
		b.WriteString("change: " + clean(a) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) headline() string {
	if r.Reason == "" {
		return string(r.Outcome)
	}
	return string(r.Outcome) + ": " + clean(string(r.Reason))
}

// lines are what there is to say of a step.
func lines(s middleware.Step) []string {
	var all []string
	add := func(name, text string) {
		if text != "" {
			all = append(all, name+clean(text))
		}
	}
	add("", s.Why)
	got := s.Got
	if got != "" && !s.Verified && s.Name != middleware.StepCredential {
		got += " (not verified)"
	}
	add("got ", got)
	add("expected ", s.Expected)
	if s.Result == middleware.StepFailed {
		add("hint: ", s.Hint)
		add("see ", s.Clause)
	}
	return all
}

// clean escapes what is not printable: the text of an error of the application's own may hold anything.
func clean(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// WriteHTML writes the report as a fragment of HTML: a heading, a table and a list, without script, style and links. The error is that of w.
func (r *Report) WriteHTML(w io.Writer) error {
	var b strings.Builder
	text := func(s string) string { return html.EscapeString(clean(s)) }
	fmt.Fprintf(&b, "<h2>%s</h2>\n<table>\n<tr><th>step</th><th>result</th><th>got</th><th>expected</th><th>why</th><th>clause</th></tr>\n", text(r.headline()))
	for _, s := range r.Steps {
		got := s.Got
		if got != "" && !s.Verified && s.Name != middleware.StepCredential {
			got += " (not verified)"
		}
		why := s.Why
		if s.Hint != "" {
			why += "; " + s.Hint
		}
		fmt.Fprintf(&b, "<tr><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td></tr>\n",
			text(string(s.Name)), text(string(s.Result)), text(got), text(s.Expected), text(why), text(s.Clause))
	}
	b.WriteString("</table>\n")
	if len(r.Advice) > 0 {
		b.WriteString("<ul>\n")
		for _, a := range r.Advice {
			fmt.Fprintf(&b, "<li>%s</li>\n", text(a))
		}
		b.WriteString("</ul>\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
