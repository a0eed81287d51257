package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
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
		name := filepath.Join(root, filepath.FromSlash(file))
		source, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, err := find(file, source)
		if err != nil {
			return nil, err
		}
		if err := digests(root, dir, name, found); err != nil {
			return nil, err
		}
		for _, m := range found {
			all = append(all, m)
			m.number = len(all)
			o.state.recall(m)
		}
		byFile[file] = found
	}
	if !slices.ContainsFunc(all, (*mutant).waits) {
		return all, nil
	}
	replaced, err := overlay(root, scratch, dir, byFile)
	if err != nil {
		return nil, err
	}
	packages, err := testedBy(root, dir)
	if err != nil {
		return nil, err
	}
	s := &suite{timeout: o.timeout}
	for _, tested := range packages {
		if err := s.build(ctx, root, tested, replaced, scratch); err != nil {
			return all, err
		}
	}
	return all, o.try(ctx, s, all)
}

func (m *mutant) waits() bool { return m.fate == untried }

// likeliest is how many of the tests that noticed other mutants of a function are the first to run for the next.
const likeliest = 4

// try runs the tests for each mutant, and without one before and after.
func (o *options) try(ctx context.Context, s *suite, mutants []*mutant) error {
	if err := errors.Join(s.sound(ctx), s.survey(ctx, o.workers)); err != nil {
		return err
	}
	queue := make(chan *mutant)
	var workers sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	noticed := make(map[string][]string) // by file and function, the last test first
	for range o.workers {
		workers.Go(func() {
			for m := range queue {
				place := m.file + " " + m.in
				mu.Lock()
				likely := slices.Clone(noticed[place])
				mu.Unlock()
				fate, by, err := s.judge(ctx, m.number, likely)
				mu.Lock()
				if by != "" {
					others := slices.DeleteFunc(noticed[place], func(name string) bool { return name == by })
					noticed[place] = append([]string{by}, others[:min(len(others), likeliest-1)]...)
				}
				m.fate = fate
				errs = append(errs, err, o.state.keep(m, by))
				if o.verbose {
					fmt.Println(m.fate, m, by)
				}
				mu.Unlock()
			}
		})
	}
	for _, m := range mutants {
		if !m.waits() {
			continue
		}
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
