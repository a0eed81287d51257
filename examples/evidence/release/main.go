// Command release finds out whether a stranger's machine could use the next version: it builds a module proxy in the file system from the
// tree, and with an empty module cache installs the commands and builds against every module, as after a release.
//
//	GOWORK=off go -C examples/evidence/release run .
//
// In the tree, replace directives and the workspace hide what a stranger would meet: a required version that nobody tags, a file that a
// zip leaves out, a command that go install refuses because its go.mod has a replace.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

func main() {
	root := flag.String("root", filepath.Join("..", "..", ".."), "the root of the repository")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := rehearse(ctx, *root)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func rehearse(ctx context.Context, root string) (err error) {
	root, err = filepath.Abs(root)
	if err != nil {
		return err
	}
	modules, err := find(root)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cardea-release-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	proxy := filepath.Join(dir, "proxy")
	for _, m := range modules {
		if err := m.publish(proxy); err != nil {
			return fmt.Errorf("%s: %w", m.Path, err)
		}
		fmt.Printf("%s@%s\n", m.Path, m.Version.Version)
	}
	for _, m := range modules {
		if !m.command() {
			continue
		}
		s, err := newStranger(ctx, dir, proxy)
		if err != nil {
			return err
		}
		if err := errors.Join(s.installs(ctx, m), s.tidies(ctx, m)); err != nil {
			return err
		}
	}
	s, err := newStranger(ctx, dir, proxy)
	if err != nil {
		return err
	}
	return s.builds(ctx, modules)
}
