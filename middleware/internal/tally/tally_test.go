package tally_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/tally"
)

var audience = tally.Kind{Reason: "audience", Issuer: "https://login.example", Route: "GET /orders"}

func TestTheFirstFewAreWrittenAndTheOthersAreCounted(t *testing.T) {
	var all tally.Tally
	now := time.Now()
	written := 0
	for range 1000 {
		write, before := all.Write(audience, now)
		if write {
			written++
		}
		if before != 0 {
			t.Errorf("%d refusals are said to have come before the first", before)
		}
	}
	if written != 5 {
		t.Errorf("%d of 1000 refusals at one moment are written, want 5", written)
	}
	if write, before := all.Write(audience, now.Add(14*time.Second)); write || before != 0 {
		t.Error("the next line is written too early")
	}
	if write, before := all.Write(audience, now.Add(15*time.Second)); !write || before != 996 {
		t.Errorf("after 15 seconds: %v with %d, want a line with the 996 that were not written", write, before)
	}
	if write, _ := all.Write(audience, now.Add(16*time.Second)); write {
		t.Error("one line in 15 seconds became two")
	}
	for range 5 {
		if write, _ := all.Write(audience, now.Add(time.Hour)); !write {
			t.Error("after an hour of quiet not all of the first few are written")
		}
	}
	if write, _ := all.Write(audience, now.Add(time.Hour)); write {
		t.Error("an hour of quiet saves up more than a few")
	}
}

func TestKindsAreCountedApart(t *testing.T) {
	var all tally.Tally
	now := time.Now()
	for range 100 {
		all.Write(audience, now)
	}
	for _, other := range []tally.Kind{
		{Reason: "expired", Issuer: audience.Issuer, Route: audience.Route},
		{Reason: audience.Reason, Issuer: "https://other.example", Route: audience.Route},
		{Reason: audience.Reason, Issuer: audience.Issuer, Route: "GET /items"},
	} {
		if write, _ := all.Write(other, now); !write {
			t.Errorf("a flood of %v hides the first of %v", audience, other)
		}
	}
}

// Whoever can make kinds, as an application that builds its Guards for each request, gets neither memory nor lines without end.
func TestKindsAreBounded(t *testing.T) {
	var all tally.Tally
	now := time.Now()
	written := 0
	const many = 100_000
	for i := range many {
		if write, _ := all.Write(tally.Kind{Reason: fmt.Sprint("reason ", i%1000), Route: fmt.Sprint("route ", i)}, now); write {
			written++
		}
	}
	if written > 3000 {
		t.Errorf("%d kinds make %d lines", many, written)
	}
	sums := all.Rest()
	if len(sums) > 600 {
		t.Errorf("%d sums", len(sums))
	}
	total := uint64(written)
	for _, s := range sums {
		total += s.Unwritten
	}
	if total != many {
		t.Errorf("%d refusals are written or counted, want %d", total, many)
	}
}

func TestTheRestIsToldOnce(t *testing.T) {
	var all tally.Tally
	now := time.Now()
	if len(all.Rest()) != 0 {
		t.Error("nothing has a rest")
	}
	for range 7 {
		all.Write(audience, now)
	}
	sums := all.Rest()
	if len(sums) != 1 || sums[0] != (tally.Sum{Kind: audience, Unwritten: 2}) {
		t.Errorf("the rest of 7 is %v", sums)
	}
	if len(all.Rest()) != 0 {
		t.Error("a rest is told twice")
	}
}
