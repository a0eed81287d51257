package strictjson_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

// Whoever writes a token chooses its names. None of these families may cost more than names that mean no harm, which is one
// look at some two slots for each name, and no comparison: two names have one hash only if they are the same.

// A family is names, as they are written in a document, of which no two are the same.
type family struct {
	about string
	names []string
}

// written spells count names in the characters of an alphabet: the numbers from 0 on, in places digits.
func written(count, places int, alphabet ...string) []string {
	names := make([]string, 0, count)
	for i := range count {
		var digits []string
		for n := i; len(digits) < places; n /= len(alphabet) {
			digits = append(digits, alphabet[n%len(alphabet)])
		}
		names = append(names, strings.Join(digits, ""))
	}
	return names
}

// around puts something before and behind each name.
func around(before string, names []string, behind string) []string {
	changed := make([]string, len(names))
	for i, name := range names {
		changed[i] = before + name + behind
	}
	return changed
}

// escaped writes every character of each name as an escape.
func escaped(names []string) []string {
	changed := make([]string, len(names))
	for i, name := range names {
		for _, r := range name {
			if r > 0xffff {
				r -= 0x10000
				changed[i] += fmt.Sprintf(`\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
				continue
			}
			changed[i] += fmt.Sprintf(`\u%04x`, r)
		}
	}
	return changed
}

var letters = strings.Split("0123456789abcdefghijklmnopqrstuvwxyz-_.:/+", "")

func hostileFamilies() []family {
	families := []family{
		{"numbers in @ and `, with an escaped slash", around(`\/`, written(1000, 12, "@", "`"), "")},
		{"numbers in [ and {", written(1000, 16, "[", "{")},
		{"numbers in ] and }", written(1000, 10, "]", "}")},
		{"numbers in ^ and ~", written(1000, 11, "^", "~")},
		{"numbers in _ and DEL", written(1000, 15, "_", "\x7f")},
		{"numbers in a digit and a control character", written(1000, 14, "0", `\u0010`)},
		{"two siblings of two bytes", written(1000, 10, "\u0080", "\u00a0")},
		{"two siblings of three bytes", written(1000, 10, "\u2000", "\u2020")},
		{"two siblings of four bytes", written(1000, 10, "\U0001f600", "\U0001f620")},
		{"two siblings of three bytes, of which the first tells them apart", written(1000, 10, "\u1000", "\u3000")},
		{"two siblings of two bytes, in escapes", escaped(written(500, 10, "\u0080", "\u00a0"))},
		{"two siblings of four bytes, in escapes", escaped(written(500, 9, "\U0001f600", "\U0001f620"))},
		{"siblings of two bytes, half of them in escapes", append(written(256, 8, "¡", "\u0081"), escaped(around("x", written(256, 8, "¡", "\u0081"), ""))...)},
		{"characters beyond ASCII that fold, among others that do not", written(1000, 10, "é", "\u00a9", "σ", "\u212a")},
		{"one word in every mixture of small letters and capitals", written(1000, 10, "a", "A")},
		{"variants of one character", written(1000, 10, "s", "S", "ſ")},
		{"variants of one character beyond ASCII, in escapes", escaped(written(500, 10, "σ", "Σ", "ς"))},
		{"zeros", written(1000, 10, `\u0000`, `\u0001`)},
		{"words in every order", written(1000, 4, "AAAAAAAA", "BBBBBBBB", "CCCCCCCC", "DDDDDDDD", "EEEEEEEE", "FFFFFFFF")},
		{"words that are complements", written(1000, 10, "UUUUUUUU", "********")},
		{"a long common beginning", around(strings.Repeat("b", 64), written(200, 8, "0", "1"), "")},
		{"a long common end", around("", written(200, 8, "0", "1"), strings.Repeat("b", 64))},
		{"a difference in the middle alone", around(strings.Repeat("b", 29), written(200, 8, "0", "1"), strings.Repeat("b", 31))},
		{"one letter, ever longer", around("", lengths("a", 1, 400), "")},
		{"zeros, ever longer", around("", lengths(`\u0000`, 1, 200), "")},
		{"what the number of bytes could undo", undone()},
	}
	for length := 1; length <= 24; length++ {
		places := min(length, 3)
		names := written(min(1000, pow(len(letters), places)), places, letters...)
		families = append(families,
			family{fmt.Sprintf("names of %d bytes that differ at the beginning", length), around("", names, strings.Repeat("q", length-places))},
			family{fmt.Sprintf("names of %d bytes that differ at the end", length), around(strings.Repeat("q", length-places), names, "")},
			family{
				fmt.Sprintf("names of %d bytes that differ in the middle", length),
				around(strings.Repeat("q", (length-places)/2), names, strings.Repeat("q", (length-places+1)/2)),
			})
	}
	for a := rune(' '); a < 0x7f; a++ {
		for bit := range 7 {
			b := a ^ 1<<bit
			if a < b && b != 0x7f && !strings.ContainsAny(string([]rune{a, b}), `"\`) {
				families = append(families, family{fmt.Sprintf("numbers in %q and %q", a, b), written(256, 8, string(a), string(b))})
			}
		}
	}
	return families
}

// undone pairs bytes with lengths, as if the length were added to the first byte and to nothing else.
func undone() (names []string) {
	for length := range 32 {
		for first := range rune(32) {
			names = append(names, fmt.Sprintf(`\u%04x`, first^rune(length))+strings.Repeat("0", length))
		}
	}
	return names
}

func lengths(character string, from, to int) (names []string) {
	for n := from; n <= to; n++ {
		names = append(names, strings.Repeat(character, n))
	}
	return names
}

func pow(base, exponent int) int {
	n := 1
	for range exponent {
		n *= base
	}
	return n
}

// open is a document that ends in the midst of its innermost object, so that all its names are open.
func open(names []string) string { return `{"` + strings.Join(names, `":0,"`) + `":` }

func checkCost(t testing.TB, about, document string, names int) {
	t.Helper()
	cost, err := strictjson.CostOfNames(document)
	if !errors.Is(err, strictjson.ErrSyntax) { // for it has no end
		t.Fatalf("%s: %v", about, err)
	}
	if cost.Names != names {
		t.Fatalf("%s: %d names were noted, %d were written", about, cost.Names, names)
	}
	if cost.Comparisons != 0 || cost.Slots > 4*names+64 {
		t.Errorf("%s: %d names cost %d comparisons and a look at %d slots", about, names, cost.Comparisons, cost.Slots)
	}
}

func TestNoNamesCollideWhateverTheyAreMadeOf(t *testing.T) {
	for _, f := range hostileFamilies() {
		checkCost(t, f.about, open(f.names), len(f.names))
	}
}

func TestNamesOfOtherObjectsAreNoObstacle(t *testing.T) {
	for _, f := range hostileFamilies()[:24] {
		names := f.names[:min(20, len(f.names))]
		about := f.about + ", at every depth"
		checkCost(t, about, strings.Repeat(open(names), strictjson.MaxDepth), strictjson.MaxDepth*len(names))

		before := `{"x":[` + strings.Repeat(strings.TrimSuffix(open(names), ":")+":0},", 20) + "0"
		checkCost(t, f.about+", behind objects with the same names", before+`],"y":`+open(f.names), 2+len(f.names))
	}
}

// Names of an object that is larger than any token: the cost grows with their number, and not with its square.
func TestAMillionBytesOfNames(t *testing.T) {
	for _, alphabet := range [][]string{{"@", "`"}, {"a", "b"}, {"\u0080", "\u00a0"}, {`\/`, "o"}, letters} {
		names := written(40_000, 16, alphabet...)
		checkCost(t, fmt.Sprintf("numbers in %.2q", alphabet), open(names), len(names))
	}
}

// Names have one hash only if they are the same. The other half is as important: a hash by which two spellings of a name differ overlooks.
func TestEverySpellingOfANameMeetsTheOthers(t *testing.T) {
	for length := range 40 {
		name := "The name of a member, which is not so long."[:length] + "é😀"
		spellings := append([]string{name}, escaped([]string{name})...)
		for i, r := range name {
			spellings = append(spellings, name[:i]+escaped([]string{string(r)})[0]+name[i+utf8.RuneLen(r):])
		}
		for _, a := range spellings {
			for _, b := range spellings {
				if _, err := strictjson.Parse(`{"` + a + `":1,"` + b + `":2}`); !errors.Is(err, strictjson.ErrDuplicate) {
					t.Errorf("%s and %s: %v", a, b, err)
				}
			}
		}
	}
}

// FuzzNamesCost looks for a family that the tests above have not thought of: numbers written in characters of the fuzzer's choice.
func FuzzNamesCost(f *testing.F) {
	f.Add("@`", "", "", uint8(10), uint8(0))
	f.Add("\u0080\u00a0", "/", "", uint8(9), uint8(1))
	f.Add("[{]}^~", "https://example.com/", "s", uint8(3), uint8(2))
	f.Add("\x00\x01\x02", "", "\U0001f600", uint8(24), uint8(3))
	f.Add("kx\u1000\u3000", "", "", uint8(0), uint8(4))
	f.Fuzz(func(t *testing.T, alphabet, before, behind string, places, spelling uint8) {
		var digits []string
		met := make(map[rune]bool)
		for _, r := range alphabet {
			if r != utf8.RuneError && !met[r] && len(digits) < 64 {
				met[r] = true
				digits = append(digits, string(r))
			}
		}
		if len(digits) < 2 || !utf8.ValidString(before) || !utf8.ValidString(behind) || len(before)+len(behind) > 256 {
			return
		}
		count := 1
		for range 1 + places%24 {
			count = min(count*len(digits), 600)
		}
		names := around(before, written(count, 1+int(places%24), digits...), behind)
		inEscapes := escaped(names)
		for i := range names {
			must := strings.ContainsFunc(names[i], func(r rune) bool { return r < ' ' || r == '"' || r == '\\' })
			if must || spelling&1 == 1 || spelling&2 == 2 && i%2 == 1 {
				names[i] = inEscapes[i]
			}
		}
		checkCost(t, fmt.Sprintf("numbers in %q between %q and %q", digits, before, behind), open(names), len(names))
	})
}
