// Fuzz runs every fuzz target of the repository by turns, until together they have seen so many inputs, and prints what came of it.
//
// It finds the targets in the source: those of the workspace's modules and of the modules that stand apart, such as
// examples/evidence/differential. Each package is compiled once, so the tree can be worked on meanwhile. In each round every
// target gets the same time, so that quick ones see more inputs; the corpus is the one of go test -fuzz, in Go's build cache.
//
//	go run ./examples/evidence/fuzz                                  # a hundred million executions, an hour or more
//	go run ./examples/evidence/fuzz -state fuzz.json                 # the same in several runs: the file adds them up
//	go run ./examples/evidence/fuzz -total 0 -per 10s                # every target for ten seconds
//	go run ./examples/evidence/fuzz -only 'FuzzToken|FuzzScenario'   # these alone
//
// Run it from the root of the repository, or name that with -root. Ctrl-C ends it with the table. A crasher is kept in the testdata
// folder of its package, where go test finds it, and the exit status is 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"time"
)

type options struct {
	root    string
	total   int64
	per     time.Duration
	workers int
	only    *regexp.Regexp
	state   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	targets, err := find(os.DirFS(o.root), o.only)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("no target below %q is called like %q", o.root, o.only)
	}
	counts, err := readTallies(o.state)
	if err != nil {
		return err
	}
	bench, err := newWorkbench(ctx, o)
	if err != nil {
		return err
	}
	defer bench.close()
	err = o.rounds(ctx, targets, counts, bench.fuzz)
	return errors.Join(err, report(os.Stdout, targets, counts))
}

func parseOptions(args []string) (*options, error) {
	o := new(options)
	flags := flag.NewFlagSet("fuzz", flag.ExitOnError)
	flags.StringVar(&o.root, "root", ".", "`folder` of the repository")
	flags.Int64Var(&o.total, "total", 100_000_000, "stop after this `number` of executions, those in -state included; 0: after one round")
	flags.DurationVar(&o.per, "per", time.Minute, "`time` for each target in each round")
	flags.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "processes that fuzz one target")
	only := flags.String("only", "", "`pattern` of the names of targets, such as ^FuzzToken$, or of their folders")
	flags.StringVar(&o.state, "state", "", "`file` that adds up the executions of several runs")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	if flags.NArg() > 0 || o.workers < 1 || o.per < time.Second || o.total < 0 {
		return nil, errors.New("usage: fuzz [flags]; -per is at least 1s, -workers at least 1; -h lists the flags")
	}
	return o, nil
}

// doublings is how often a turn is made twice as long for a target that has seen nothing but its corpus.
const doublings = 6

// beyondCorpus gives a target its turn, and a longer one where that was over before the inputs of earlier runs were gone through: these
// come first, and count as no executions.
func beyondCorpus(
	ctx context.Context, t target, turn time.Duration, fuzz func(context.Context, target, time.Duration) (outcome, error),
) (outcome, error) {
	for i := range doublings + 1 {
		result, err := fuzz(ctx, t, turn<<i)
		if err != nil || result.executions > 0 || len(result.crashers) > 0 || ctx.Err() != nil {
			return result, err
		}
	}
	return outcome{}, fmt.Errorf("%v are over before it has gone through its corpus: give it more with -per, or make that smaller with go clean -fuzzcache",
		turn<<doublings)
}

// rounds gives every target its turn, again and again. A target that has a crasher gets no further turn: it would find the
// same one.
func (o *options) rounds(ctx context.Context, targets []target, counts *tallies, fuzz func(context.Context, target, time.Duration) (outcome, error)) error {
	for {
		turn := o.per
		if o.total > 0 {
			turn = counts.turn(targets, o.per, o.total)
		}
		ran := false
		for _, t := range targets {
			if ctx.Err() != nil || turn <= 0 {
				return nil
			}
			if len(counts.of(t).Crashers) > 0 {
				continue
			}
			result, err := beyondCorpus(ctx, t, turn, fuzz)
			if err != nil {
				if ctx.Err() != nil {
					return nil // the interrupt has reached the compiler
				}
				return fmt.Errorf("%s: %w", t, err)
			}
			counts.add(t, result)
			if err := counts.write(o.state); err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s: %s, %d of %d\n", t, result, counts.executions(), o.total)
			ran = true
		}
		if !ran || o.total == 0 {
			return nil
		}
	}
}
