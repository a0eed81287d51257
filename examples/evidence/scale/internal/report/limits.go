package report

import (
	"fmt"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/scale/internal/model"
)

// patient are the seconds that a start may take, by which waves are told.
const patient = 30.0

// limits are the tables of the page: what one Redis is enough for.
func (r *Results) limits() string {
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

// Embed writes tables into a page, each between its marks.
func (r *Results) Embed(page string) (string, error) {
	for name, body := range map[string]string{"limits": r.limits(), "answers": r.answers()} {
		begins, ends := "<!-- "+name+": written by the program -->\n", "<!-- end of "+name+" -->\n"
		before, rest, ok := strings.Cut(page, begins)
		_, after, ok2 := strings.Cut(rest, ends)
		if !ok || !ok2 {
			return "", fmt.Errorf("the page has no marks for the %s", name)
		}
		page = before + begins + body + ends + after
	}
	return page, nil
}
