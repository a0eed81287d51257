// Mutation takes one check after the other out of Cardea's decision code and asks the tests whether they notice.
//
// Each file is parsed, and every place that can refuse becomes a mutant: an if that is never taken, a case that is gone, an
// operand of && or || that no longer counts, a word missing from a list. All mutants of a package are compiled into one test
// binary, by way of go's -overlay, and an environment variable selects the one that is alive; the tree is never written to.
// A mutant that no test notices has survived: either a test is missing, or accepted.go says why none is needed.
//
//	cd examples/mutation
//	GOWORK=off go run .                                  # all decision files
//	GOWORK=off go run . -files middleware/jwt.go -v      # one of them, every mutant with its fate
//	GOWORK=off go run . -changed -budget 5m              # what differs from the last commit
//
// The exit status is 1 if a survivor has no reason in accepted.go, or an entry there is about nothing.
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
	"slices"
	"strings"
	"time"
)

// decisionFiles are those in which a lost check lets a bad token pass.
var decisionFiles = []string{
	"middleware/authorize.go", "middleware/judge.go", "middleware/jwt.go", "middleware/claims.go", "middleware/profile.go",
	"middleware/policy.go", "middleware/credentials.go", "middleware/source.go", "middleware/requirement.go", "middleware/opaque.go",
	"middleware/confirmation.go", "middleware/dpop.go", "middleware/target.go", "middleware/replay.go", "middleware/nonce.go", "middleware/mtls.go",
	"middleware/delegation.go", "middleware/details.go", "middleware/texts.go", "middleware/proof.go", "middleware/proof_key.go",
	"middleware/internal/compact/compact.go", "middleware/internal/compact/header.go",
	"jwks/key.go", "jwks/algorithm.go", "jwks/parse.go", "jwks/snapshot.go",
	"introspection/vet.go", "introspection/response.go", "introspection/signed.go",
}

type options struct {
	root    string
	files   []string
	workers int
	budget  time.Duration
	timeout time.Duration
	verbose bool
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
	flag.StringVar(&o.root, "root", filepath.Join("..", ".."), "`folder` of the core module")
	files := flag.String("files", strings.Join(decisionFiles, ","), "comma-separated `files`, relative to the root")
	changed := flag.Bool("changed", false, "only those of the files that differ from the last commit")
	flag.IntVar(&o.workers, "j", 2, "test binaries that run at the same time")
	flag.DurationVar(&o.budget, "budget", 0, "stop after this `time`; zero: never")
	flag.DurationVar(&o.timeout, "timeout", time.Minute, "`time` for the tests of one mutant; one that hangs was noticed")
	flag.BoolVar(&o.verbose, "v", false, "print every mutant and what became of it")
	flag.Parse()
	if flag.NArg() > 0 || o.workers < 1 {
		return nil, errors.New("usage: mutation [flags]; -j is at least 1; -h lists the flags")
	}
	o.files = strings.Split(*files, ",")
	if !*changed {
		return o, nil
	}
	git := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=all")
	git.Dir = o.root
	status, err := git.Output()
	if err != nil {
		return nil, fmt.Errorf("-changed: git status: %w", err)
	}
	o.files = slices.DeleteFunc(o.files, func(file string) bool { return !strings.Contains(string(status), " "+file+"\n") })
	return o, nil
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
