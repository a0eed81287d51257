package cause_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

func TestText(t *testing.T) {
	for value, want := range map[string]string{
		"":                          "''",
		"https://api.example.com":   "'https://api.example.com'",
		"my-api ":                   "'my-api '",
		"issuer\n":                  `'issuer\n'`,
		"a\tb\rc\x00d\x1b[2Je\x7f":  `'a\tb\rc\x00d\x1b[2Je\x7f'`,
		`it's "quoted" \ here`:      `'it\x27s \x22quoted\x22 \x5c here'`,
		"é\u2028\u202e":             `'\u00e9\u2028\u202e'`,
		"😀":                         `'\U0001f600'`,
		"a\xffb":                    `'a\xffb'`,
		strings.Repeat("a", 126):    "'" + strings.Repeat("a", 126) + "'",
		strings.Repeat("a", 127):    "'" + strings.Repeat("a", 111) + "...' (127 bytes)",
		strings.Repeat("\x1b", 500): "'" + strings.Repeat(`\x1b`, 27) + "...' (500 bytes)",
	} {
		if got := cause.Text(value); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", value, got, want)
		}
	}
}

// Whatever the value, it is one line of printable ASCII, of a bounded length, and it cannot end the quotes.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "a", "é\xff\x1b", strings.Repeat("'", 300), strings.Repeat("\U0001f600", 40), strings.Repeat("a", 110) + "\U0001f600"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, shown := range []string{cause.Text(value), cause.Plain(value)} {
			if len(shown) > 128 {
				t.Errorf("%q takes %d bytes", shown, len(shown))
			}
			for _, r := range shown {
				if r < ' ' || r > '~' || r == utf8.RuneError {
					t.Errorf("%q shows %q", value, r)
				}
			}
		}
		if text := cause.Text(value); strings.Count(text, "'") != 2 || strings.ContainsAny(text, `"`) {
			t.Errorf("%q is shown as %s, whose quotes are not its own", value, text)
		}
		if text := cause.Text(value); len(value) < 20 && !strings.HasSuffix(text, "'") {
			t.Errorf("%q is cut short: %s", value, text)
		}
	})
}

func TestList(t *testing.T) {
	var many []string
	for i := range 20 {
		many = append(many, fmt.Sprint(i))
	}
	for want, values := range map[string][]string{
		"none":    nil,
		"'a'":     {"a"},
		"'a', ''": {"a", ""},
		"'0', '1', '2', '3', '4', '5', '6', '7' and 12 more": many,
	} {
		if got := cause.List(values); got != want {
			t.Errorf("%q: got %s, want %s", values, got, want)
		}
	}
}

func TestSplit(t *testing.T) {
	check := errors.New("the check")
	made := 0
	err := cause.New(check, func() cause.Sides { made++; return cause.Sides{Expected: "this", Got: "that", Hint: "because"} })
	if made != 0 {
		t.Error("words were made before anybody read them")
	}
	if got, want := err.Error(), "the check: got that, expected this; because"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !errors.Is(err, check) {
		t.Error("it does not wrap the check")
	}
	for _, row := range []struct {
		err  error
		text string
		got  string
	}{
		{nil, "", ""},
		{check, "the check", ""},
		{err, "the check", "that"},
		{fmt.Errorf("around: %w", err), "around: the check", "that"},
	} {
		if text, sides := cause.Split(row.err); text != row.text || sides.Got != row.got {
			t.Errorf("%v: %q with %q, want %q with %q", row.err, text, sides.Got, row.text, row.got)
		}
	}
	if got, want := cause.New(check, func() cause.Sides { return cause.Sides{Expected: "this"} }).Error(), "the check: expected this"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	accepted := func(age time.Duration) *cause.Clock {
		c := new(cause.Clock)
		c.Accepted(now.Add(-time.Minute-age), now.Add(-time.Minute))
		return c
	}
	for _, row := range []struct {
		name   string
		clock  *cause.Clock
		server time.Time
		want   string
	}{
		{"nothing is known", nil, time.Time{}, cause.ClockHint},
		{"no token was accepted", new(cause.Clock), time.Time{}, cause.ClockHint},
		{"the key server agrees", nil, now.Add(-2 * time.Second), "the clock here and the key server's agree, so it is the token"},
		{"ahead of the key server", nil, now.Add(-2 * time.Hour), "the clock here is 2h0m0s ahead of the key server's: set it right before you look further"},
		{"behind the key server", nil, now.Add(2 * time.Hour), "the clock here is 2h0m0s behind the key server's: set it right before you look further"},
		{"a token was fresh", accepted(time.Second), time.Time{},
			"a token accepted 1m0s ago had been issued at that moment by the clock here, so the clocks agree and it is the token"},
		{
			"a token was from the future", accepted(-20 * time.Second), time.Time{},
			"a token accepted 1m0s ago was issued 20s ahead of the clock here, which may be behind",
		},
		{"all tokens were old", accepted(50 * time.Minute), time.Time{},
			"the youngest token accepted lately was issued 50m0s before it was first seen: if they are sent at once, the clock here is ahead"},
	} {
		if got := row.clock.Hint(now, row.server); got != row.want {
			t.Errorf("%s: %q\nwant %q", row.name, got, row.want)
		}
	}
	old := accepted(time.Second)
	if got := old.Hint(now.Add(2*time.Hour), time.Time{}); got != cause.ClockHint {
		t.Errorf("a token accepted two hours ago says %q", got)
	}
	old.Accepted(now.Add(-time.Hour), now)
	if got := old.Hint(now, time.Time{}); !strings.Contains(got, "agree") {
		t.Errorf("an older token outweighs a younger one: %q", got)
	}
}
