package main

import (
	"archive/zip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
)

// published is a module of the repository under the version that is about to be tagged.
type published struct {
	module.Version
	dir  string
	file *modfile.File
}

// command reports whether the module is one to install: it has a main package at its root.
func (m *published) command() bool {
	_, err := os.Stat(filepath.Join(m.dir, "main.go"))
	return err == nil
}

// find reads the core and the adapters. All adapters must require the same version of the core, which is the one that all get.
func find(root string) ([]*published, error) {
	adapters, err := filepath.Glob(filepath.Join(root, "adapters", "*", "go.mod"))
	if err != nil {
		return nil, err
	}
	core, err := read(root)
	if err != nil {
		return nil, err
	}
	modules := []*published{core}
	for _, path := range adapters {
		m, err := read(filepath.Dir(path))
		if err != nil {
			return nil, err
		}
		required := m.requires(core.Path)
		switch {
		case required == "":
			return nil, fmt.Errorf("%s does not require %s", m.Path, core.Path)
		case core.Version.Version == "":
			core.Version.Version = required
		case core.Version.Version != required:
			return nil, fmt.Errorf("%s requires %s of the core, others %s: let all name the version about to be tagged", m.Path, required, core.Version.Version)
		}
		if m.command() && len(m.file.Replace) > 0 {
			return nil, fmt.Errorf("%s has a replace directive, so go install %s@version fails: leave it out", m.Path, m.Path)
		}
		m.Version.Version = required
		modules = append(modules, m)
	}
	if len(modules) == 1 {
		return nil, errors.New("there are no adapters")
	}
	return modules, nil
}

func read(dir string) (*published, error) {
	path := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(path, text, nil)
	if err != nil {
		return nil, err
	}
	return &published{Version: module.Version{Path: file.Module.Mod.Path}, dir: dir, file: file}, nil
}

func (m *published) requires(path string) string {
	for _, r := range m.file.Require {
		if r.Mod.Path == path {
			return r.Mod.Version
		}
	}
	return ""
}

// publish writes what a module proxy serves (https://go.dev/ref/mod#goproxy-protocol).
func (m *published) publish(proxy string) error {
	escaped, err := module.EscapePath(m.Path)
	if err != nil {
		return err
	}
	dir := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	base := filepath.Join(dir, m.Version.Version)
	gomod, err := m.file.Format()
	if err != nil {
		return err
	}
	info := fmt.Sprintf(`{"Version":%q,"Time":%q}`, m.Version.Version, time.Now().UTC().Format(time.RFC3339))
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, "list"), []byte(m.Version.Version+"\n"), 0o644),
		os.WriteFile(base+".info", []byte(info), 0o644),
		os.WriteFile(base+".mod", gomod, 0o644),
	); err != nil {
		return err
	}
	return m.pack(base + ".zip")
}

// pack leaves nested modules out, as the go command does.
func (m *published) pack(path string) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := modzip.CreateFromDir(out, m.Version, m.dir); err != nil {
		return err
	}
	return holdsSource(path)
}

// holdsSource guards against an archive that is empty because everything was taken for a nested module.
func holdsSource(path string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }()
	for _, f := range archive.File {
		if strings.HasSuffix(f.Name, ".go") {
			return nil
		}
	}
	return errors.New("the archive holds no Go file")
}
