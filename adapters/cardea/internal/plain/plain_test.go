package plain_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/plain"
)

func TestDifferencesThatEyesMiss(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"https://x.example/", "https://x.example", "slash at the end"},
		{"https://x.example\n", "https://x.example", "blanks or line ends"},
		{"https://X.example", "https://x.example", "upper and lower case"},
		{"http://x.example", "https://x.example", "http and https"},
		{"https://x\u200b.example", "https://x.example", "cannot be seen"},
		{"https://x.example", "https://y.example", ""},
		{"", "https://y.example", ""},
	} {
		if got := plain.Difference(test.a, test.b); test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%q, %q: %q", test.a, test.b, got)
		}
	}
}

func TestForeignTextObeysTheScreen(t *testing.T) {
	const nasty = "\x1b[31m\u202e\r\n\x9b\"\\"
	for _, got := range []string{plain.Quote(nasty), plain.Line(nasty), plain.Cut(nasty), plain.List([]string{nasty})} {
		for _, r := range got {
			if r < ' ' || r >= 0x7f {
				t.Errorf("%U in %q", r, got)
			}
		}
	}
	long := strings.Repeat("x", 10_000)
	if got := plain.List(
		strings.Split(strings.Repeat(long+" ", 100), " "),
	); len(got) > 8*160 || !strings.Contains(got, "(10000 bytes)") || !strings.Contains(got, "and 93 more") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	if got := plain.Cut(long); len(got) > 300 {
		t.Errorf("%d bytes", len(got))
	}
}

func TestTokensInTextAreMasked(t *testing.T) {
	for text, want := range map[string]string{
		"x eyJhbGciOiJub25lIn0.e30.c2ln y": "x (a token, not shown) y",
		"eyJhbGciOiJub25lIn0.e30":          "(a token, not shown)",
		"eyes and ears":                    "eyes and ears",
		"https://eyJ.example.com":          "https://eyJ.example.com",
	} {
		if got := plain.Mask(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
