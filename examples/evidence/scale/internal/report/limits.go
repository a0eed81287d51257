package report

import (
	"fmt"
	"os"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/model"
)

// patient are the seconds that a start may take, by which waves are told.
const patient = 30.0

// Limits are the tables of the page: what one Redis is enough for.
func (r *Results) Limits() string {
	c := r.Costs
	t := newTable("revocations a second, for long", "instances of one Redis at most")
	for _, rate := range rates {
		most := count(c.Followers(rate))
		if c.Followers(rate) == 0 {
			most = "none: it cannot take them"
		}
		t.row(digits(rate), most)
	}
	u := newTable("live entries", "memory of an instance", "memory of Redis", "one instance starts within", fmt.Sprintf("instances that may start at once, for %.0f s", patient))
	for _, n := range entries {
		u.row(count(n), bytes(r.Measured.PerEntry(n)*float64(n)), bytes(c.Resting*float64(n)), duration(c.Restart(1, n).Seconds), count(c.Wave(n, patient)))
	}
	return fmt.Sprintf("So that Redis is needed no more than %s of the time:\n\n", percent(model.Enough)) + t.String() + "\n" + u.String()
}

const begins, ends = "<!-- limits: written by the program -->\n", "<!-- end of limits -->\n"

// Embed writes the limits into a page, between its marks.
func (r *Results) Embed(path string) error {
	page, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(page), begins)
	_, after, ok2 := strings.Cut(rest, ends)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no marks for the limits", path)
	}
	return os.WriteFile(path, []byte(before+begins+r.Limits()+ends+after), 0o644)
}
