package verdict

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
	"github.com/cardea-auth/cardea/adapters/cardea/internal/unverified"
)

// MarshalJSON writes the explanation as package explain does, and beside it the token that was admitted, or what one that was not says.
func (r *Report) MarshalJSON() ([]byte, error) {
	report := struct {
		Version     int                 `json:"version"` // of this format: 1
		Explanation json.Marshaler      `json:"explanation"`
		Token       *Admitted           `json:"token,omitempty"`
		Unverified  []unverified.Member `json:"unverified,omitempty"`
		Taken       []string            `json:"taken,omitempty"` // what was taken off what was pasted
	}{1, r.Explained, r.Token, nil, r.taken}
	if r.Claims != nil {
		report.Unverified = append(r.Claims.Header, r.Claims.Claims...)
	}
	return json.Marshal(report)
}

// Write writes the report for people.
func (r *Report) Write(out io.Writer, colour bool) error {
	if err := r.Explained.Terminal(out, colour); err != nil {
		return err
	}
	var text strings.Builder
	if t := r.Token; t != nil {
		fmt.Fprintf(&text, "\nthe token, as a handler gets it\n  subject  %s\n  client   %s\n  scopes   %s\n  roles    %s\n  until    %s\n",
			plain.Quote(t.Subject), plain.Quote(t.ClientID), plain.List(t.Scopes), plain.List(t.Roles), t.Expiry.Format(time.RFC3339))
	}
	if r.Claims != nil && len(r.Claims.Claims) > 0 {
		text.WriteString("\nwhat the token says, without regard to who wrote it\n")
		r.Claims.WriteMembers(&text)
	}
	for _, note := range r.taken {
		fmt.Fprintf(&text, "\n%s\n", note)
	}
	_, err := io.WriteString(out, text.String())
	return err
}
