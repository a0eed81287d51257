package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// suite is the test binaries for one package, with every mutant in each.
type suite struct {
	binaries []*binary
	timeout  time.Duration
	tests    []*test
}

// binary is the tests of one package.
type binary struct {
	file string
	dir  string // of the package, where tests expect to run
}

// test is what is known about one test without any mutant.
type test struct {
	name    string
	of      *binary
	lasts   time.Duration
	slow    bool         // it is one of the slowest tenth, which run only where no other has noticed
	reaches map[int]bool // the mutants on its way
}

// nearest is how many tests run first: those on whose way there are the fewest mutants beside this one.
const nearest = 6

// build adds the tests of the package in dir.
func (s *suite) build(ctx context.Context, root, dir, overlay, scratch string) error {
	of := &binary{filepath.Join(scratch, fmt.Sprint("tests", len(s.binaries))), filepath.Join(root, filepath.FromSlash(dir))}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", of.file, "./"+dir)
	build.Dir = root
	build.Env = append(os.Environ(), "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the tests of %s: %w\n%s", dir, err, output)
	}
	if _, err := os.Stat(of.file); err == nil { // a package without tests makes none
		s.binaries = append(s.binaries, of)
	}
	return nil
}

// sound runs all tests without a mutant: if they fail then, they prove nothing.
func (s *suite) sound(ctx context.Context) error {
	for _, of := range s.binaries {
		verdict, output, err := of.run(ctx, 0, s.timeout)
		if err == nil && verdict != survived && ctx.Err() == nil {
			return fmt.Errorf("the tests fail without any mutant: %s, %s", verdict, failed(output))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// survey runs each test alone, to see how long it takes and which mutants it meets.
func (s *suite) survey(ctx context.Context, workers int) error {
	for _, of := range s.binaries {
		list := exec.CommandContext(ctx, of.file, "-test.list", "^(Test|Fuzz|Example)")
		list.Dir = of.dir
		output, err := list.Output()
		if err != nil {
			return fmt.Errorf("list the tests: %w", err)
		}
		for _, name := range strings.Fields(string(output)) {
			s.tests = append(s.tests, &test{name: name, of: of})
		}
	}
	queue := make(chan *test)
	errs := make([]error, workers)
	var running sync.WaitGroup
	for i := range workers {
		running.Go(func() {
			for t := range queue {
				errs[i] = errors.Join(errs[i], s.explore(ctx, t))
			}
		})
	}
	for _, t := range s.tests {
		queue <- t
	}
	close(queue)
	running.Wait()
	slices.SortFunc(s.tests, func(a, b *test) int { return cmp.Compare(b.lasts, a.lasts) })
	for _, t := range s.tests[:len(s.tests)/10] {
		t.slow = true
	}
	slices.SortFunc(s.tests, func(a, b *test) int { return cmp.Compare(len(a.reaches), len(b.reaches)) })
	return errors.Join(append(errs, ctx.Err())...)
}

// explore fills in what is known about a test. It may fail: it need not run alone, nor measure well while it is watched.
func (s *suite) explore(ctx context.Context, t *test) error {
	place := t.of.file + "." + t.name + ".reached"
	if err := os.WriteFile(place, nil, 0o600); err != nil {
		return err
	}
	defer os.Remove(place)
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	alone := exec.CommandContext(limited, t.of.file, "-test.run", names(t))
	alone.Dir = t.of.dir
	alone.Env = append(os.Environ(), reachedFile+"="+place)
	alone.WaitDelay = time.Second
	began := time.Now()
	_ = alone.Run()
	t.lasts = time.Since(began)
	text, err := os.ReadFile(place)
	if err != nil {
		return err
	}
	t.reaches = make(map[int]bool)
	for line := range bytes.Lines(text) {
		if number, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil {
			t.reaches[number] = true
		}
	}
	return nil
}

// judge tries a mutant with the tests that reach it: the likely ones, which have noticed a neighbour, and the nearest; then the quick ones;
// then the slow ones. It returns the name of the test that noticed.
func (s *suite) judge(ctx context.Context, number int, likely []string) (fate, string, error) {
	stages := make([][]*test, 3)
	near := 0
	for _, t := range s.tests {
		switch {
		case !t.reaches[number]:
		case slices.Contains(likely, t.name):
			stages[0] = append(stages[0], t)
		case t.slow:
			stages[2] = append(stages[2], t)
		case near < nearest:
			near++
			stages[0] = append(stages[0], t)
		default:
			stages[1] = append(stages[1], t)
		}
	}
	for _, stage := range stages {
		if len(stage) == 0 {
			continue
		}
		verdict, output, err := s.run(ctx, number, stage...)
		if verdict == hung && err == nil { // the machine could have been the reason
			verdict, output, err = s.run(ctx, number, stage...)
		}
		if verdict != survived || err != nil {
			return verdict, failed(output), err
		}
	}
	return survived, "", nil
}

// names is the pattern of these tests; that of all tests if there are none.
func names(tests ...*test) string {
	if len(tests) == 0 {
		return "."
	}
	var all []string
	for _, t := range tests {
		all = append(all, t.name)
	}
	return "^(" + strings.Join(all, "|") + ")$"
}

// run runs these tests under one mutant.
func (s *suite) run(ctx context.Context, number int, tests ...*test) (fate, string, error) {
	for _, of := range s.binaries {
		var its []*test
		for _, t := range tests {
			if t.of == of {
				its = append(its, t)
			}
		}
		if len(its) == 0 {
			continue
		}
		if verdict, output, err := of.run(ctx, number, s.limit(its), its...); verdict != survived || err != nil {
			return verdict, output, err
		}
	}
	return survived, "", nil
}

// run runs these tests, or all, under one mutant; number 0 is no mutant. The error says that there is no verdict.
func (b *binary) run(ctx context.Context, number int, limit time.Duration, tests ...*test) (fate, string, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	test := exec.CommandContext(limited, b.file, "-test.failfast", "-test.count=1", "-test.run", names(tests...))
	test.Dir = b.dir
	test.Env = append(os.Environ(), environment+"="+strconv.Itoa(number))
	test.WaitDelay = time.Second // for what a test started and a killed one could not stop
	output, err := test.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return untried, "", nil
	case limited.Err() != nil:
		return hung, "", nil
	case err == nil:
		return survived, "", nil
	case errors.As(err, &exit) && !exit.Exited():
		return hung, "", nil // killed from outside
	case errors.As(err, &exit):
		return killed, string(output), nil
	}
	return untried, "", err
}

// limit is the time for these tests: generous, for the machine may be busier than it was, but far from the whole timeout where they
// take milliseconds.
func (s *suite) limit(tests []*test) time.Duration {
	limit := 4 * time.Second
	for _, t := range tests {
		limit += 4 * t.lasts
	}
	return min(limit, s.timeout)
}

// failed finds the name of the test that failed; "" after a panic.
func failed(output string) string {
	for line := range strings.Lines(output) {
		if name, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			return name
		}
	}
	return ""
}
