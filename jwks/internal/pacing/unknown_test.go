package pacing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/pacing"
)

func TestAnIDThatWasLookedUpInVain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 1<<16)
	u := pacing.NewUnknown(3, 30*time.Second)
	u.Remember(start, 7, "k", "ES256")
	u.Remember(start, 7, "", "ES384")
	u.Remember(start, 7, long, "ES256")
	for _, row := range []struct {
		what       string
		after      time.Duration
		generation uint64
		kid, alg   string
		want       bool
	}{
		{"at once", 0, 7, "k", "ES256", true},
		{"with another algorithm", 0, 7, "k", "RS256", true},
		{"another kid", 0, 7, "K", "ES256", false},
		{"a long kid", 0, 7, long, "ES256", true},
		{"a long kid that differs at its end", 0, 7, long + "b", "ES256", false},
		{"no kid", 0, 7, "", "ES384", true},
		{"no kid, and another algorithm", 0, 7, "", "ES256", false},
		{"a kid like the algorithm", 0, 7, "ES384", "", false},
		{"in another set", 0, 8, "k", "ES256", false},
		{"just before the end of the cooldown", 30*time.Second - 1, 7, "k", "ES256", true},
		{"after the cooldown", 30 * time.Second, 7, "k", "ES256", false},
	} {
		if got := u.InVain(start.Add(row.after), row.generation, row.kid, row.alg); got != row.want {
			t.Errorf("%s: %v", row.what, got)
		}
	}
	for range 3 {
		if !u.Take(start) {
			t.Error("remembering has cost a fetch")
		}
	}
}

func TestSoManyIDsAreRemembered(t *testing.T) {
	t.Parallel()
	u := pacing.NewUnknown(3, 30*time.Second)
	for n := range pacing.Remembered + 1 {
		u.Remember(start, 1, fmt.Sprint(n), "ES256")
	}
	if u.InVain(start, 1, "0", "ES256") || !u.InVain(start, 1, "1", "ES256") || pacing.Remembered != 1024 {
		t.Error("of 1025 ids the first is forgotten, and no other")
	}
}
