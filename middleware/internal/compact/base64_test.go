package compact_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// reference is the standard library's reading. Its decoder skips line breaks even when it is strict.
func reference(segment string) (string, bool) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	return string(decoded), err == nil && !strings.ContainsAny(segment, "\r\n")
}

func agree(t *testing.T, segment string) {
	t.Helper()
	want, valid := reference(segment)
	if got, err := compact.Text(segment); got != want && valid || (err == nil) != valid {
		t.Errorf("%q: got %q, %v; want %q, %t", segment, got, err, want, valid)
	}
	if compact.Spells(segment, want) != valid {
		t.Errorf("%q spells %q: %t, want %t", segment, want, !valid, valid)
	}
}

// Spells decides which token is taken for one that was verified, so not one bit of either side may be left out.
func TestSpellsSeesEveryCharacter(t *testing.T) {
	text := strings.Repeat("\x00\xff\x10\x83\xfb\xefany text", 2)
	for n := range text {
		segment := base64.RawURLEncoding.EncodeToString([]byte(text[:n]))
		for bit := range 8 * n {
			changed := []byte(text[:n])
			changed[bit/8] ^= 1 << (bit % 8)
			if compact.Spells(segment, string(changed)) {
				t.Fatalf("%q spells %q", segment, changed)
			}
		}
		for at := range segment {
			for c := range 256 {
				if changed := segment[:at] + string([]byte{byte(c)}) + segment[at+1:]; compact.Spells(changed, text[:n]) != (changed == segment) {
					t.Fatalf("%q spells %q: %t", changed, text[:n], changed != segment)
				}
			}
		}
		for _, other := range []string{segment + "A", segment + "AAAAAAAA", segment + "=", "", segment[len(segment)/2:]} {
			if other != segment && compact.Spells(other, text[:n]) {
				t.Fatalf("%q spells %q", other, text[:n])
			}
		}
	}
}

func FuzzSpells(f *testing.F) {
	f.Add("e30", "{}")
	f.Add("_-_-_-_-_-_-", "\xff\xef\xfe\xff\xef\xfe\xff\xef\xfe")
	f.Fuzz(func(t *testing.T, segment, text string) {
		spelt := base64.RawURLEncoding.EncodeToString([]byte(text))
		if compact.Spells(segment, text) != (segment == spelt) || !compact.Spells(spelt, text) {
			t.Errorf("Spells(%q, %q) = %t, and of %q %t", segment, text, compact.Spells(segment, text), spelt, compact.Spells(spelt, text))
		}
	})
}

func TestTextReadsBase64AsTheStandardLibraryDoes(t *testing.T) {
	text := strings.Repeat("\x00\xff\x10\x83\xfb\xefany text", 400)
	for n := range 100 {
		agree(t, base64.RawURLEncoding.EncodeToString([]byte(text[:n])))
	}
	for _, n := range []int{2047, 2048, 2049, 4000} { // where the room on the stack ends
		agree(t, base64.RawURLEncoding.EncodeToString([]byte(text[:n])))
	}
}

func TestTextRefusesWhatIsNoBase64URL(t *testing.T) {
	for length := range 20 {
		segment := strings.Repeat("A", length)
		agree(t, segment)
		for at := range segment {
			for c := range 256 { // every byte in every place
				agree(t, segment[:at]+string([]byte{byte(c)})+segment[at+1:])
			}
		}
	}
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{"", "e30", "eyJhbGciOiJub25lIn0", "AB", "AAA=", "A\nAA", "_-_-_-_-_-_-"} {
		f.Add(seed)
	}
	f.Fuzz(agree)
}
