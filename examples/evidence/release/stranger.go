package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// own is what the paths of our modules begin with.
const own = "github.com/cardea-auth/cardea"

// stranger is a machine that knows nothing of the tree: no workspace, a module cache of its own, and our modules from the proxy alone.
type stranger struct {
	dir string
	env []string
}

// newStranger makes one below dir, with nothing in its cache: with one of several nested modules there, the go command takes it for the
// home of the others' packages. It takes the modules of others from this machine's cache where that has them,
// which saves the network.
func newStranger(ctx context.Context, dir, proxy string) (*stranger, error) {
	dir, err := os.MkdirTemp(dir, "stranger-")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE", "GOPROXY").Output()
	if err != nil {
		return nil, err
	}
	known, upstream, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	proxies := []string{"file://" + filepath.ToSlash(proxy), "file://" + filepath.ToSlash(filepath.Join(known, "cache", "download")), upstream}
	return &stranger{dir, append(os.Environ(),
		"GOWORK=off",
		"GOFLAGS=-mod=mod -modcacherw -trimpath", // trimpath: what was compiled once serves the next machine
		"GOPROXY="+strings.Join(proxies, ","),
		"GONOPROXY=none",
		"GONOSUMDB="+own, // it is not published yet
		"GOMODCACHE="+filepath.Join(dir, "modcache"),
		"GOBIN="+filepath.Join(dir, "bin"),
	)}, nil
}

// run runs a program and returns what it has written to its standard output.
func (s *stranger) run(ctx context.Context, dir, name string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Env = dir, s.env
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

// tidies holds go.mod and go.sum of a command against what go mod tidy makes of them. The sums of our own modules are left out of go.sum:
// they change with every line of the core, and go install does not look at them.
func (s *stranger) tidies(ctx context.Context, m *published) error {
	copied := filepath.Join(s.dir, "tidy", path.Base(m.Path))
	if err := os.CopyFS(copied, os.DirFS(m.dir)); err != nil {
		return err
	}
	if _, err := s.run(ctx, copied, "go", "mod", "tidy"); err != nil {
		return err
	}
	var errs []error
	for _, name := range []string{"go.mod", "go.sum"} {
		have, err := os.ReadFile(filepath.Join(m.dir, name))
		tidy, tidyErr := os.ReadFile(filepath.Join(copied, name))
		if err = errors.Join(err, tidyErr); err != nil {
			return err
		}
		if slices.ContainsFunc(strings.Split(string(have), "\n"), isOwnSum) {
			errs = append(errs, fmt.Errorf("%s: go.sum has lines of our own modules: remove them", m.Path))
		}
		if !slices.Equal(withoutOwnSums(have), withoutOwnSums(tidy)) {
			errs = append(errs, fmt.Errorf("%s: %s is not tidy, it should be\n%s", m.Path, name, strings.Join(withoutOwnSums(tidy), "\n")))
		}
	}
	return errors.Join(errs...)
}

func withoutOwnSums(text []byte) []string {
	return slices.DeleteFunc(strings.Split(string(text), "\n"), isOwnSum)
}

// isOwnSum recognises a line of go.sum; lines of go.mod have no hash.
func isOwnSum(line string) bool {
	return (strings.HasPrefix(line, own+" ") || strings.HasPrefix(line, own+"/")) && strings.Contains(line, " h1:")
}

// installs installs a command, and calls it.
func (s *stranger) installs(ctx context.Context, m *published) error {
	if _, err := s.run(ctx, s.dir, "go", "install", m.Path+"@"+m.Version.Version); err != nil {
		return err
	}
	program := filepath.Join(s.dir, "bin", path.Base(m.Path))
	help, err := s.run(ctx, s.dir, program, "--help")
	if err != nil {
		return err
	}
	built, err := s.run(ctx, s.dir, "go", "version", "-m", program)
	if err != nil {
		return err
	}
	if !strings.Contains(help, path.Base(m.Path)) || !strings.Contains(built, own+"\t"+m.Version.Version) {
		return fmt.Errorf("%s: it was installed as\n%s", m.Path, built)
	}
	return nil
}

// builds makes a module that requires every module which is no command, and compiles all their packages in it.
func (s *stranger) builds(ctx context.Context, modules []*published) error {
	dir := filepath.Join(s.dir, "program")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/stranger\n\ngo 1.25.0\n"), 0o644); err != nil {
		return err
	}
	get, packages := []string{"get"}, []string{}
	for _, m := range modules {
		if !m.command() {
			get, packages = append(get, m.Path+"@"+m.Version.Version), append(packages, m.Path+"/...")
		}
	}
	if _, err := s.run(ctx, dir, "go", get...); err != nil {
		return err
	}
	listed, err := s.run(ctx, dir, "go", append([]string{"list"}, packages...)...)
	if err != nil {
		return err
	}
	if _, err := s.run(ctx, dir, "go", append([]string{"build"}, packages...)...); err != nil {
		return err
	}
	fmt.Printf("%d packages compile\n", strings.Count(listed, "\n"))
	return nil
}
