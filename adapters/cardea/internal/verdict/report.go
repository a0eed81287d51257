package verdict

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
	"github.com/cardea-auth/cardea/middleware"
)

// colours are those of ECMA-48 that every terminal has.
var colours = map[middleware.Outcome]string{middleware.Allowed: "1;32", middleware.Unavailable: "1;33", middleware.Failed: "1;33"}

// Write writes the report for people.
func (r *Report) Write(out io.Writer, colour bool) error {
	outcome := string(r.Outcome)
	if colour {
		code, known := colours[r.Outcome]
		if !known {
			code = "1;31"
		}
		outcome = "\x1b[" + code + "m" + outcome + "\x1b[0m"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%d)", outcome, r.Status)
	if r.Reason != "" {
		fmt.Fprintf(&text, ": %s", r.Reason)
	}
	text.WriteByte('\n')
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&text, "  %-13s %s\n", name, plain.Line(value))
		}
	}
	line("issuer", r.Issuer)
	line("expected", r.Expected)
	line("got", r.Got+r.mark())
	line("cause", r.Cause)
	line("hint", r.Hint)
	line("usual causes", strings.ReplaceAll(r.Causes, "`", ""))
	line("remedy", strings.ReplaceAll(r.Remedy, "`", ""))
	if r.Outcome == middleware.Allowed {
		line("subject", quoted(r.Subject))
		line("client", quoted(r.ClientID))
		line("scopes", plain.List(r.Scopes))
		line("roles", plain.List(r.Roles))
		line("until", r.Expiry.Format(time.RFC3339))
	} else {
		text.WriteString("\nThis is the first check that fails; those behind it were not reached.\n")
	}
	r.writeUnverified(&text)
	_, err := io.WriteString(out, text.String())
	return err
}

// mark says how far what came can be believed.
func (r *Report) mark() string {
	switch {
	case r.Got == "":
		return ""
	case r.Verified:
		return " (verified)"
	}
	return " (unverified)"
}

func quoted(s string) string {
	if s == "" {
		return ""
	}
	return plain.Quote(s)
}

// writeUnverified adds what stands out in the token, as there may be more than one mistake.
func (r *Report) writeUnverified(text *strings.Builder) {
	if r.Unverified == nil {
		return
	}
	for _, note := range r.Unverified.Taken {
		fmt.Fprintf(text, "  %s\n", note)
	}
	if len(r.Unverified.Claims) > 0 {
		believed := "unverified"
		if r.Verified {
			believed = "its issuer's word"
		}
		fmt.Fprintf(text, "\nwhat the token says (%s)\n", believed)
		r.Unverified.WriteMembers(text)
	}
	if hints := r.Unverified.Hints; len(hints) > 0 {
		text.WriteString("\nwhat stands out besides\n")
		for _, hint := range hints {
			fmt.Fprintf(text, "  %s\n", hint)
		}
	}
}
