package pacing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/pacing"
)

var (
	start     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	errFailed = errors.New("failed")
)

// near reports whether d is limit, or up to a tenth less.
func near(d, limit time.Duration) bool { return d <= limit && d >= limit-limit/10 }

func TestNothingIsPlannedBeforeTheFirstFetch(t *testing.T) {
	t.Parallel()
	var p pacing.Plan
	if !p.Next().IsZero() || !p.Hurry().IsZero() || p.Barred(start) || p.Failure() != nil || p.Failures() != 0 || !p.NotBarred(start).Equal(start) {
		t.Errorf("%+v", p)
	}
}

// Many processes that fail together must not come back together, and none may come late.
func TestPausesGrowWithTheFailures(t *testing.T) {
	t.Parallel()
	spread := make(map[time.Duration]bool)
	for range 50 {
		var p pacing.Plan
		now := start
		for n, seconds := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
			p.Failed(now, errFailed, 0)
			pause := p.Next().Sub(now)
			if !near(pause, seconds*time.Second) {
				t.Fatalf("pause %d after a failure: %v, want %v or up to a tenth less", n, pause, seconds*time.Second)
			}
			spread[pause] = true
			now = p.Next()
		}
		for range 100 { // no number of failures overflows
			p.Failed(now, errFailed, 0)
		}
		if !near(p.Next().Sub(now), time.Minute) || p.Failures() != 109 || p.Failure() != errFailed {
			t.Fatalf("after 109 failures: %+v", p)
		}
	}
	if len(spread) < 100 {
		t.Errorf("450 pauses have %d lengths: they are not spread", len(spread))
	}
}

func TestASuccessEndsTheFailures(t *testing.T) {
	t.Parallel()
	var p pacing.Plan
	if p.Succeeded(start, time.Minute) {
		t.Error("the first fetch is called a recovery")
	}
	p.Failed(start, errFailed, time.Minute)
	if !p.Succeeded(start, 7*time.Minute) {
		t.Error("a recovery is not noticed")
	}
	if p.Failure() != nil || p.Failures() != 0 || p.Barred(start) || !p.Next().Equal(start.Add(7*time.Minute)) {
		t.Errorf("%+v", p)
	}
	if !p.Hurry().IsZero() || !p.Next().Equal(start.Add(7*time.Minute)) {
		t.Error("without a failure there is nothing to hurry")
	}
}

func TestOfAnOutageTheLogIsToldTwiceAMinute(t *testing.T) {
	t.Parallel()
	var p pacing.Plan
	for _, row := range []struct {
		after time.Duration
		news  bool
	}{{0, true}, {time.Second, false}, {30*time.Second - 1, false}, {30 * time.Second, true}, {59 * time.Second, false}, {time.Hour, true}} {
		if news := p.Failed(start.Add(row.after), errFailed, 0); news != row.news {
			t.Errorf("after %v: news %v", row.after, news)
		}
	}
	p.Succeeded(start.Add(time.Hour), time.Minute)
	if !p.Failed(start.Add(time.Hour+time.Second), errFailed, 0) {
		t.Error("the next outage is not told")
	}
}

func TestATokenThatWaitsBringsTheNextTryForward(t *testing.T) {
	t.Parallel()
	var p pacing.Plan
	p.Failed(start, errFailed, 0)
	if first := p.Next(); !p.Hurry().Equal(first) || !p.Next().Equal(first) {
		t.Errorf("a try that is due sooner is put off: %v", p.Next().Sub(start))
	}
	for range 5 {
		p.Failed(start, errFailed, 0)
	}
	if want := start.Add(2 * time.Second); !p.Hurry().Equal(want) || !p.Next().Equal(want) {
		t.Errorf("the next try is after %v, want two seconds", p.Next().Sub(start))
	}
}

// A server that asked us to stay away is left alone, whoever waits.
func TestAServerThatAskedUsToStayAway(t *testing.T) {
	t.Parallel()
	var p pacing.Plan
	p.Failed(start, errFailed, 30*time.Second)
	end := start.Add(30 * time.Second)
	if !p.Next().Equal(end) || !p.Hurry().Equal(end) || !p.Next().Equal(end) {
		t.Errorf("the next try is after %v", p.Next().Sub(start))
	}
	if !p.Barred(end.Add(-1)) || p.Barred(end) {
		t.Error("it is not left alone for just as long as it has said")
	}
	if !p.NotBarred(start).Equal(end) || !p.NotBarred(end.Add(1)).Equal(end.Add(1)) {
		t.Error("what is planned meanwhile is not put off to then")
	}
	p.Failed(start.Add(time.Second), errFailed, 0) // by a fetch that was under way
	if !p.Next().Equal(end) {
		t.Errorf("another failure brings the next try to %v", p.Next().Sub(start))
	}
}

func TestJitterNeverProlongs(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, 1, 9, 10, time.Second, 10 * time.Minute} {
		for range 200 {
			if got := pacing.Jitter(d); !near(got, d) {
				t.Fatalf("%v became %v", d, got)
			}
		}
	}
}
