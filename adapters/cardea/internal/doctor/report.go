package doctor

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

// Report is what was found.
type Report struct {
	Version  int       `json:"version"` // of this format: 1
	Issuer   string    `json:"issuer"`
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`
	Findings []Finding `json:"findings"`
	Keys     []Key     `json:"keys"`
	Go       string    `json:"go"` // an Issuer that fits; empty if no key was found
}

// finish counts, and puts the findings into the order of the topics.
func (r *Report) finish() *Report {
	ordered := make([]Finding, 0, len(r.Findings))
	for _, topic := range topics {
		for _, f := range r.Findings {
			if f.Topic == topic {
				ordered = append(ordered, f)
			}
		}
	}
	r.Findings = ordered
	for _, f := range ordered {
		switch f.Level {
		case Problem:
			r.Problems++
		case Warning:
			r.Warnings++
		}
	}
	return r
}

// colours are those of ECMA-48 that every terminal has.
var colours = map[Level]string{OK: "32", Note: "36", Warning: "33", Problem: "1;31"}

// Write writes the report for people.
func (r *Report) Write(out io.Writer, colour bool) error {
	var text strings.Builder
	fmt.Fprintf(&text, "issuer %s\n", plain.Quote(r.Issuer))
	var topic Topic
	for _, f := range r.Findings {
		if f.Topic != topic {
			topic = f.Topic
			fmt.Fprintf(&text, "\n%s\n", topic)
			if topic == Keys {
				r.writeKeys(&text)
			}
		}
		level := fmt.Sprintf("%-7s", f.Level)
		if colour {
			level = "\x1b[" + colours[f.Level] + "m" + level + "\x1b[0m"
		}
		fmt.Fprintf(&text, "  %s  %s\n", level, f.Text)
		if f.Remedy != "" {
			fmt.Fprintf(&text, "           → %s\n", f.Remedy)
		}
	}
	if r.Go != "" {
		fmt.Fprintf(&text, "\nin Go\n\n%s", indented(r.Go))
	}
	fmt.Fprintf(&text, "\n%s, %s\n", counted(r.Problems, "problem"), counted(r.Warnings, "warning"))
	_, err := io.WriteString(out, text.String())
	return err
}

func (r *Report) writeKeys(text *strings.Builder) {
	columns := tabwriter.NewWriter(text, 0, 0, 2, ' ', 0)
	for _, key := range r.Keys {
		use := strings.Join(key.Algorithms, ", ")
		if key.Skipped != "" {
			use = "not used"
		}
		fmt.Fprintf(columns, "  kid %s\t%s\t%s\n", plain.Quote(key.ID), key.Type, use)
	}
	_ = columns.Flush()
}

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
