package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	quick = target{"a", "FuzzQuick"}
	slow  = target{"b", "FuzzSlow"}
)

// steady is a fuzzer that brings 1000 and 10 executions a second, and notes the turns.
func steady(turns *[]time.Duration) func(context.Context, target, time.Duration) (outcome, error) {
	return func(_ context.Context, t target, turn time.Duration) (outcome, error) {
		*turns = append(*turns, turn)
		rate := map[target]float64{quick: 1000, slow: 10}[t]
		return outcome{executions: int64(rate * turn.Seconds()), inputs: 1, took: turn}, nil
	}
}

func TestRoundsEndAtTheTotal(t *testing.T) {
	var turns []time.Duration
	counts, _ := readTallies("")
	o := &options{total: 101_000, per: time.Minute}
	if err := o.rounds(t.Context(), []target{quick, slow}, counts, steady(&turns)); err != nil {
		t.Fatal(err)
	}
	if got := counts.executions(); got < 101_000 || got > 102_000 {
		t.Errorf("%d executions, want 101000 and little more", got)
	}
	if len(turns) != 4 || turns[0] != time.Minute || turns[2] != 40*time.Second || turns[3] != turns[2] {
		t.Errorf("turns are %v, want a whole round and one of 40s", turns)
	}
}

func TestOneRound(t *testing.T) {
	var turns []time.Duration
	counts, _ := readTallies("")
	if err := (&options{per: time.Second}).rounds(t.Context(), []target{quick, slow}, counts, steady(&turns)); err != nil || len(turns) != 2 {
		t.Errorf("%d turns, %v; want 2", len(turns), err)
	}
}

func TestSeveralRunsAddUp(t *testing.T) {
	var turns []time.Duration
	file := filepath.Join(t.TempDir(), "state.json")
	for range 3 {
		counts, err := readTallies(file)
		if err != nil {
			t.Fatal(err)
		}
		o := &options{per: time.Second, state: file}
		if err := o.rounds(t.Context(), []target{quick}, counts, steady(&turns)); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := readTallies(file)
	if err != nil || counts.executions() != 3000 || counts.of(quick).Seconds != 3 || counts.of(quick).Inputs != 3 {
		t.Errorf("%d executions, %+v, %v; want 3000 in 3 s", counts.executions(), counts.of(quick), err)
	}
	if err := os.WriteFile(file, []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readTallies(file); err == nil {
		t.Error("a file that is no state was overwritten")
	}
}

// A crasher ends the turns of its target only, and the exit status is that of a failure.
func TestCrasher(t *testing.T) {
	counts, _ := readTallies("")
	turns := map[target]int{}
	fuzz := func(_ context.Context, t target, turn time.Duration) (outcome, error) {
		turns[t]++
		o := outcome{executions: 100, took: turn}
		if t == slow {
			o.crashers = []string{"testdata/fuzz/FuzzSlow/1"}
		}
		return o, nil
	}
	o := &options{per: time.Second, total: 500}
	if err := o.rounds(t.Context(), []target{quick, slow}, counts, fuzz); err != nil {
		t.Fatal(err)
	}
	if turns[slow] != 1 || turns[quick] != 4 {
		t.Errorf("turns are %v, want 1 and 4", turns)
	}
	var b strings.Builder
	if err := report(&b, []target{quick, slow}, counts); !errors.Is(err, errCrashers) || !strings.HasSuffix(
		b.String(), "\nb FuzzSlow: testdata/fuzz/FuzzSlow/1\n",
	) {
		t.Errorf("%v\n%s", err, b.String())
	}
	if all := o.rounds(t.Context(), []target{slow}, counts, fuzz); all != nil || turns[slow] != 1 {
		t.Error("with nobody left to run the rounds go on")
	}
}

// A target whose turn was over within its corpus has been given no new input, so the turn counts for nothing.
func TestTurnThatEndsWithinTheCorpus(t *testing.T) {
	for name, row := range map[string]struct {
		enough time.Duration // to get beyond it
		want   []time.Duration
		fails  bool
	}{
		"none to speak of": {0, []time.Duration{2 * time.Second}, false},
		"a large one":      {7 * time.Second, []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second}, false},
		"one without end":  {time.Hour, nil, true},
	} {
		var turns []time.Duration
		counts, _ := readTallies("")
		err := (&options{per: 2 * time.Second}).rounds(t.Context(), []target{quick}, counts, func(_ context.Context, _ target, turn time.Duration) (outcome, error) {
			if turns = append(turns, turn); turn < row.enough {
				return outcome{took: turn}, nil
			}
			return outcome{executions: 100, took: turn}, nil
		})
		if row.fails {
			if err == nil || !strings.Contains(err.Error(), "corpus") || len(turns) != 7 {
				t.Errorf("%s: %v after %d turns, want an error after 7", name, err, len(turns))
			}
			continue
		}
		if err != nil || !slices.Equal(turns, row.want) || counts.executions() != 100 {
			t.Errorf("%s: turns %v, %d executions, %v; want %v", name, turns, counts.executions(), err, row.want)
		}
	}
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	counts, _ := readTallies("")
	runs := 0
	err := (&options{per: time.Second, total: 1e6}).rounds(ctx, []target{quick, slow}, counts, func(context.Context, target, time.Duration) (outcome, error) {
		runs++
		cancel()
		return outcome{executions: 7, took: time.Second}, nil
	})
	if err != nil || runs != 1 || counts.executions() != 7 {
		t.Errorf("%d turns, %d executions, %v; want one turn, counted", runs, counts.executions(), err)
	}
}

func TestReport(t *testing.T) {
	counts, _ := readTallies("")
	counts.add(quick, outcome{executions: 1234567, inputs: 3, took: time.Minute})
	counts.add(slow, outcome{executions: 99, took: time.Second})
	var b strings.Builder
	if err := report(&b, []target{quick, slow}, counts); err != nil {
		t.Fatal(err)
	}
	const want = `| package | target | executions | per second | new inputs | crashers |
|---|---|---:|---:|---:|---:|
| a | FuzzQuick | 1 234 567 | 20 576 | 3 | 0 |
| b | FuzzSlow | 99 | 99 | 0 | 0 |
| all | 2 targets | 1 234 666 | 20 240 | 3 | 0 |
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}
