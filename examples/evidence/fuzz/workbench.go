package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// grace is how long a target may go on after its turn, before it counts as hanging.
const grace = time.Minute

// workbench compiles packages and runs their targets.
type workbench struct {
	root, scratch string
	corpus        string   // Go's own, below its build cache
	workspace     []string // folders of the modules that go.work names
	workers       int
	built         map[string]binary // by folder
}

// binary is a compiled test package.
type binary struct {
	path   string
	corpus string
}

func newWorkbench(ctx context.Context, o *options) (*workbench, error) {
	root, err := filepath.Abs(o.root)
	if err != nil {
		return nil, err
	}
	modules, err := goCommand(ctx, root, nil, "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return nil, err
	}
	cache, err := goCommand(ctx, root, nil, "env", "GOCACHE")
	if err != nil {
		return nil, err
	}
	scratch, err := os.MkdirTemp("", "cardea-fuzz-")
	if err != nil {
		return nil, err
	}
	return &workbench{
		root: root, scratch: scratch, corpus: filepath.Join(cache, "fuzz"), workspace: strings.Split(modules, "\n"),
		workers: o.workers, built: make(map[string]binary),
	}, nil
}

func (w *workbench) close() { _ = os.RemoveAll(w.scratch) }

// fuzz gives a target its turn.
func (w *workbench) fuzz(ctx context.Context, t target, turn time.Duration) (outcome, error) {
	b, err := w.build(ctx, t.dir)
	if err != nil {
		return outcome{}, err
	}
	limit, cancel := context.WithTimeout(ctx, turn+grace)
	defer cancel()
	run := exec.CommandContext(limit, b.path, "-test.run=^$", "-test.fuzz=^"+t.name+"$", "-test.fuzzcachedir="+b.corpus,
		"-test.fuzztime="+turn.String(), "-test.parallel="+strconv.Itoa(w.workers),
		"-test.fuzzminimizetime=200x") // a minute of it, the default, is a minute without any other input
	run.Dir = filepath.Join(w.root, filepath.FromSlash(t.dir))
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) } // it then ends by itself, with its last line
	run.WaitDelay = 10 * time.Second
	text, err := run.CombinedOutput()
	failed := errors.As(err, new(*exec.ExitError))
	if err != nil && !failed && limit.Err() == nil {
		return outcome{}, err // it could not be started
	}
	return parseOutput(string(text), failed && (ctx.Err() == nil || writtenLine.Match(text))), nil // an interrupt is no failure
}

// build compiles a package's tests once, with the fuzzer's instruments.
func (w *workbench) build(ctx context.Context, dir string) (binary, error) {
	if b, ok := w.built[dir]; ok {
		return b, nil
	}
	folder := filepath.Join(w.root, filepath.FromSlash(dir))
	var env []string
	if !slices.Contains(w.workspace, moduleOf(folder)) {
		env = []string{"GOWORK=off"}
	}
	name, err := goCommand(ctx, folder, env, "list", "-f", "{{.ImportPath}}", ".")
	if err != nil {
		return binary{}, err
	}
	b := binary{
		path:   filepath.Join(w.scratch, strings.ReplaceAll(dir, "/", "-")+".test"),
		corpus: filepath.Join(w.corpus, filepath.FromSlash(name)),
	}
	if _, err := goCommand(ctx, folder, env, "test", "-c", "-fuzz=.", "-o", b.path, "."); err != nil {
		return binary{}, err
	}
	w.built[dir] = b
	return b, nil
}

// moduleOf is the nearest folder with a go.mod, from dir upwards.
func moduleOf(dir string) string {
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func goCommand(ctx context.Context, dir string, env []string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir, command.Env = dir, append(os.Environ(), env...)
	var problem bytes.Buffer
	command.Stderr = &problem
	text, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, problem.Bytes())
	}
	return strings.TrimSpace(string(text)), nil
}
