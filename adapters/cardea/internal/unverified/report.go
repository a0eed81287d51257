package unverified

import (
	"fmt"
	"io"
	"strings"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

var kinds = map[Kind]string{
	JWT:       "a JWT",
	Encrypted: "an encrypted JWT",
	Opaque:    "an opaque token",
	Malformed: "no well-formed token",
}

// Write writes the reading for people.
func (r *Reading) Write(out io.Writer, colour bool) error {
	paint := func(code, text string) string {
		if !colour {
			return text
		}
		return "\x1b[" + code + "m" + text + "\x1b[0m"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s of %d bytes. Nothing of it is verified: no key was fetched, no server asked.\n", kinds[r.Kind], r.Bytes)
	for _, note := range r.Taken {
		fmt.Fprintf(&text, "  %s\n", note)
	}
	write := func(title string, members []Member) {
		if len(members) == 0 {
			return
		}
		fmt.Fprintf(&text, "\n%s %s\n", title, paint("33", "(unverified)"))
		writeMembers(&text, members)
	}
	write("header", r.Header)
	write("claims", r.Claims)
	if len(r.Hints) > 0 {
		text.WriteString("\nwhat stands out\n")
		for _, hint := range r.Hints {
			fmt.Fprintf(&text, "  %s\n", hint)
		}
	}
	if r.Next != "" {
		fmt.Fprintf(&text, "\nto have it judged, if that is a server you trust\n  %s\n", paint("36", r.Next))
		fmt.Fprintf(&text, "  %s is what the API is configured with (Config.Audiences), whatever the token says\n", apiName)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WriteMembers writes header and claims, one on a line. The caller says that they are unverified.
func (r *Reading) WriteMembers(text *strings.Builder) {
	writeMembers(text, r.Header)
	writeMembers(text, r.Claims)
}

func writeMembers(text *strings.Builder, members []Member) {
	for _, m := range members {
		fmt.Fprintf(text, "  %s  %s", plain.Cut(m.Name), shown(m.Value))
		if m.Means != "" {
			fmt.Fprintf(text, "  %s", m.Means)
		}
		text.WriteByte('\n')
	}
}
