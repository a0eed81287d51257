package logout

import (
	"fmt"
	"testing"
)

func TestTheMemoryIsBounded(t *testing.T) {
	var m memory
	name := func(n int) digest { return digestOf("https://login.example.com", fmt.Sprint(n)) }
	for n := range 3 * maxSeen {
		m.add(name(n))
		m.add(name(n)) // again: it takes no second place
		if n%1000 == 0 && !m.has(name(max(0, n-maxSeen+1))) {
			t.Fatalf("after %d, one of the latest is forgotten", n)
		}
		if n >= maxSeen && n%1000 == 0 && m.has(name(n-maxSeen)) {
			t.Fatalf("after %d, an older one is remembered", n)
		}
	}
	if len(m.set) != maxSeen || len(m.ring) != maxSeen {
		t.Errorf("it holds %d, %d", len(m.set), len(m.ring))
	}
}

func TestLogoutTokensAreToldApart(t *testing.T) {
	if digestOf("a", "bc") == digestOf("ab", "c") || digestOf("a", "b") == digestOf("a", "c") {
		t.Error("they are not")
	}
}
