// Mutation takes one check after the other out of Cardea's decision code and asks the tests whether they notice.
//
// Each file is parsed, and every place that can refuse becomes a mutant: an if that is never taken, a case that is gone, an
// operand of && or || that no longer counts, a word missing from a list. All mutants of a package are compiled into one test
// binary, by way of go's -overlay, and an environment variable selects the one that is alive; the tree is never written to.
// A mutant that no test notices has survived: either a test is missing, or accepted.go says why none is needed. A test that was
// missing stands with the others of its subject; which test notices what is in the file of -state.
//
//	cd examples/evidence/mutation
//	GOWORK=off go run .                                       # every file that files.go does not leave out
//	GOWORK=off go run . -only 'middleware/(jwt|claims)' -v    # some of them, every mutant with its fate
//	GOWORK=off go run . -changed -budget 5m                   # what differs from the last commit
//	GOWORK=off go run . -state fates.json                     # go on where the last run with this file stopped
//
// Output is Markdown: the survivors, each with its reason, and a table with a row for each file. The exit status is 1 if a survivor
// has no reason in accepted.go, if an entry there is about nothing, or if mutants were not tried.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

type options struct {
	root    string
	files   []string
	workers int
	budget  time.Duration
	timeout time.Duration
	verbose bool
	state   *state
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	o, err := parseOptions(ctx)
	if err != nil {
		return err
	}
	defer o.state.close()
	if o.budget > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.budget)
		defer cancel()
	}
	var all []*mutant
	for dir, files := range byFolder(o.files) {
		mutants, err := o.examine(ctx, dir, files)
		all = append(all, mutants...)
		if err != nil {
			return errors.Join(fmt.Errorf("package %s: %w", dir, err), report(os.Stdout, all))
		}
	}
	return report(os.Stdout, all)
}

func parseOptions(ctx context.Context) (*options, error) {
	o := new(options)
	flag.StringVar(&o.root, "root", filepath.Join("..", "..", ".."), "`folder` of the core module")
	only := flag.String("only", "", "`regexp` that a file must match, as middleware/jwt.go")
	changed := flag.Bool("changed", false, "only those of the files that differ from the last commit")
	place := flag.String("state", "", "`file` that keeps the fates, so that a run that was stopped can go on")
	flag.IntVar(&o.workers, "j", 2, "test binaries that run at the same time")
	flag.DurationVar(&o.budget, "budget", 0, "stop after this `time`; zero: never")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "`time` for the tests of one mutant; one that hangs twice was noticed")
	flag.BoolVar(&o.verbose, "v", false, "print every mutant and what became of it")
	flag.Parse()
	if flag.NArg() > 0 || o.workers < 1 {
		return nil, errors.New("usage: mutation [flags]; -j is at least 1; -h lists the flags")
	}
	wanted, err := regexp.Compile(*only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	o.files, err = decisionFiles(o.root)
	if err != nil {
		return nil, err
	}
	o.files = slices.DeleteFunc(o.files, func(file string) bool { return !wanted.MatchString(file) })
	if *changed {
		git := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=all")
		git.Dir = o.root
		status, err := git.Output()
		if err != nil {
			return nil, fmt.Errorf("-changed: git status: %w", err)
		}
		o.files = slices.DeleteFunc(o.files, func(file string) bool { return !strings.Contains(string(status), " "+file+"\n") })
	}
	o.state, err = openState(*place)
	return o, err
}

// byFolder yields the packages in the order in which their files were named.
func byFolder(files []string) func(yield func(dir string, files []string) bool) {
	var dirs []string
	members := make(map[string][]string)
	for _, file := range files {
		dir := path.Dir(file)
		if members[dir] == nil {
			dirs = append(dirs, dir)
		}
		members[dir] = append(members[dir], file)
	}
	return func(yield func(string, []string) bool) {
		for _, dir := range dirs {
			if !yield(dir, members[dir]) {
				return
			}
		}
	}
}
