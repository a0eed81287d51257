package window_test

import (
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/soak/internal/window"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func TestAFaultLastsUntilItsEndCanHaveBeenNoticed(t *testing.T) {
	keys := window.Place{Server: 1, Endpoint: window.Keys}
	asks := window.Place{Server: 1, Endpoint: window.Introspection}
	var h window.History
	h.Begin("hang", at(10), keys, asks)(at(14))

	for _, row := range []struct {
		name     string
		place    window.Place
		from, to float64
		want     bool
	}{
		{"before it", asks, 8, 9.9, false},
		{"begun before it, answered in it", asks, 9, 10.1, true},
		{"in it", asks, 11, 12, true},
		{"while introspection is noticed to be back", asks, 17.9, 18, true},
		{"after that", asks, 18.1, 18.2, false},
		{"while the next fetch of keys is due", keys, 25.9, 26, true},
		{"after that", keys, 26.1, 27, false},
		{"at another server", window.Place{Server: 2, Endpoint: window.Keys}, 11, 12, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := h.Windows(row.place, at(30)).Touch(at(row.from), at(row.to)); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestAFaultThatHasNotEndedIsOpen(t *testing.T) {
	place := window.Place{Endpoint: window.Introspection}
	var h window.History
	end := h.Begin("reset", at(10), place)
	if !h.Open() || !h.Windows(place, at(60)).Touch(at(59), at(60)) {
		t.Error("an open fault is not seen")
	}
	end(at(61))
	if h.Open() || h.Windows(place, at(80)).Touch(at(70), at(71)) {
		t.Error("a fault that has ended is still open")
	}
}

func TestAFaultWithinTheTailOfAnotherProlongsIt(t *testing.T) {
	place := window.Place{Endpoint: window.Keys}
	var h window.History
	h.Begin("reset", at(0), place)(at(4))     // noticed at 16
	h.Begin("garbage", at(15), place)(at(20)) // one outage of 20 s, noticed at 48
	w := h.Windows(place, at(100))
	if !w.Touch(at(47), at(47)) || w.Touch(at(48.1), at(49)) {
		t.Errorf("got %v", w)
	}
}

func TestAStallCountsEverywhere(t *testing.T) {
	var h window.History
	h.Stall(at(5), at(7))
	for server := range 3 {
		if !h.Windows(window.Place{Server: server, Endpoint: window.Introspection}, at(20)).Touch(at(8), at(8)) {
			t.Errorf("not at server %d", server)
		}
	}
}

func TestADeadlineInAWindowMovesToItsEnd(t *testing.T) {
	place := window.Place{Endpoint: window.Introspection}
	var h window.History
	h.Begin("reset", at(10), place)(at(12)) // until 16
	w := h.Windows(place, at(100))
	for _, row := range []struct{ from, deadline, want float64 }{{0, 9, 9}, {0, 11, 16}, {0, 20, 20}, {17, 18, 18}} {
		if got := w.Delay(at(row.from), at(row.deadline)); !got.Equal(at(row.want)) {
			t.Errorf("from %v by %v: got %v, want %v", row.from, row.deadline, got.Sub(start).Seconds(), row.want)
		}
	}
}
