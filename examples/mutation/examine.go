package main

import (
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

// examine tries every mutant of the named files, which are those of one package. With an error the mutants are returned too, as far
// as they were tried.
func (o *options) examine(ctx context.Context, dir string, files []string) ([]*mutant, error) {
	scratch, err := os.MkdirTemp("", "cardea-mutation-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scratch)

	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, err
	}
	var all []*mutant
	byFile := make(map[string][]*mutant)
	for _, file := range files {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			return nil, err
		}
		found, err := find(file, source)
		if err != nil {
			return nil, err
		}
		for _, m := range found {
			all = append(all, m)
			m.number = len(all)
		}
		byFile[file] = found
	}
	replaced, err := overlay(root, scratch, dir, byFile)
	if err != nil {
		return nil, err
	}
	s := suite{binary: filepath.Join(scratch, "tests"), dir: filepath.Join(root, filepath.FromSlash(dir)), timeout: o.timeout}
	if err := s.build(ctx, root, dir, replaced); err != nil {
		return all, err
	}
	return all, o.try(ctx, s, all)
}

// try runs the tests once for each mutant, and without one before and after: if they fail then, they prove nothing.
func (o *options) try(ctx context.Context, s suite, mutants []*mutant) error {
	if err := s.sound(ctx); err != nil {
		return err
	}
	queue := make(chan *mutant)
	var workers sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	var noticed []string // the tests that have noticed a mutant so far: they are the likeliest to notice the next
	for range o.workers {
		workers.Go(func() {
			for m := range queue {
				mu.Lock()
				first := slices.Clone(noticed)
				mu.Unlock()
				fate, by, err := s.run(ctx, m.number, first...)
				if fate == survived && err == nil {
					fate, by, err = s.run(ctx, m.number)
				}
				mu.Lock()
				m.fate = fate
				errs = append(errs, err)
				if by != "" && !slices.Contains(noticed, by) {
					noticed = append(noticed, by)
				}
				if o.verbose {
					fmt.Println(m.fate, m, by)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		select {
		case queue <- m:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return err
	}
	return s.sound(ctx)
}

// suite is the test binary of one package, with every mutant in it.
type suite struct {
	binary  string
	dir     string // of the package, where tests expect to run
	timeout time.Duration
}

func (s suite) build(ctx context.Context, root, dir, overlay string) error {
	build := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", s.binary, "./"+dir)
	build.Dir = root
	build.Env = append(os.Environ(), "GOWORK=off")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the tests: %w\n%s", err, output)
	}
	return nil
}

// run runs the tests of these names under one mutant, or all tests; number 0 is no mutant. It returns the name of the test that
// noticed. The error says that there is no verdict.
func (s suite) run(ctx context.Context, number int, names ...string) (fate, string, error) {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	test := exec.CommandContext(limited, s.binary, "-test.failfast", "-test.count=1", "-test.run", "^("+strings.Join(names, "|")+")")
	test.Dir = s.dir
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
	case errors.As(err, &exit):
		return killed, failed(string(output)), nil
	}
	return untried, "", err
}

func (s suite) sound(ctx context.Context) error {
	verdict, by, err := s.run(ctx, 0)
	if err == nil && ctx.Err() == nil && verdict != survived {
		return fmt.Errorf("the tests fail without any mutant: %s, %s", verdict, by)
	}
	return err
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
