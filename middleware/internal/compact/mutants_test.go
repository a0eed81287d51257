package compact_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// The rows of this file stand for checks that could once be taken out unnoticed: examples/evidence/mutation tells which.

// LooksJOSE looks at 256 characters, which are 192 bytes.
func TestEdgesOfLooksJOSE(t *testing.T) {
	long := func(n int) string { return `{"alg":"` + strings.Repeat("a", n) }
	for _, row := range []struct {
		name, token string
		want        bool
	}{
		{"text that begins with another letter than a brace", b64(`xyz`) + ".a.b", false},
		{"no text but DEL, which no JSON writer leaves as it is", b64("{\x7f}"), false},
		{"the replacement character itself is text", b64("{\"\ufffd\"}"), true},
		{"a character that breaks off at the end", b64("{\"\xe2\x82"), false},
		{"a character that the limit cuts in two", b64(long(182) + "\xe2\x82\xac" + strings.Repeat("a", 90)), true},
		{"a byte that is no character, before the limit cuts", b64(long(100) + "\xff" + strings.Repeat("a", 100)), false},
		{"a byte that is no character, where the limit cuts", b64(long(183) + "\xff" + strings.Repeat("a", 90)), false},
		{"a letter beyond base64url", b64(`{"alg":"x"}`) + "~.a.b", false},
		{"a segment of a length that base64 has not, beyond the limit", b64(long(300))[:401], false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := compact.LooksJOSE(row.token); got != row.want {
				t.Errorf("LooksJOSE is %t, want %t", got, row.want)
			}
		})
	}
}

func TestHasEmptySegment(t *testing.T) {
	for token, want := range map[string]bool{"": true, ".": true, ".a": true, "a.": true, "a..b": true, "a": false, "a.b": false, "a.b.c.d": false} {
		if got := compact.HasEmptySegment(token); got != want {
			t.Errorf("%q has an empty segment: %t, want %t", token, got, want)
		}
	}
}

func TestFirstOfTwoHeaderFaultsDecides(t *testing.T) {
	for text, want := range map[string]error{
		`{"alg":"a","kid":1,"crit":[]}`: compact.ErrMember,
		`{"alg":"a","crit":[],"kid":1}`: compact.ErrExtension,
	} {
		if _, err := compact.ParseHeader(b64(text)); !errors.Is(err, want) {
			t.Errorf("header %s gives %v, want %v", text, err, want)
		}
	}
}
