//go:build !race

package middleware_test

import (
	"strings"
	"testing"
)

// M3: what a token costs that was verified before. The race detector would count allocations of its own.
func TestCachedTokenAllocatesLittle(t *testing.T) {
	v := validator(t, nil)
	guard := v.Require("read")
	for name, token := range map[string]string{
		"an ordinary token": mint(good(nil)),
		"a token of 8 KiB":  mint(good(claims{"x": strings.Repeat("x", 6000)})),
	} {
		r := bearer(token)
		if _, err := guard.Check(r); err != nil {
			t.Fatal(err)
		}
		allocations := testing.AllocsPerRun(1000, func() {
			if _, err := guard.Check(r); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %v allocations", name, allocations)
		if allocations > 3 {
			t.Errorf("%s: %v allocations, want at most 3", name, allocations)
		}
	}
}
