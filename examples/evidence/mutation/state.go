package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// state keeps fates from one run to the next. What a test has noticed is kept as long as the mutated file is the same; what survived
// is tried again as soon as anything in the package differs, which is what a new test does. The nil state keeps nothing.
type state struct {
	file  *os.File
	known map[record]fate
}

// record names a mutant of one version of the source.
type record struct {
	Version string // of the mutated file, or of the whole package for a survivor
	Number  int    // among the mutants of the file
	Kind    kind
	Check   string
}

type line struct {
	record
	File, Fate, By string // File and By are for people who read along
}

// openState reads the state that is there. No name gives no state.
func openState(name string) (*state, error) {
	if name == "" {
		return nil, nil
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("-state: %w", err)
	}
	s := &state{file: file, known: make(map[record]fate)}
	for decoder := json.NewDecoder(file); ; {
		var l line
		switch err := decoder.Decode(&l); {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			return nil, errors.Join(fmt.Errorf("-state: %s: %w; delete it", name, err), file.Close())
		}
		s.known[l.record] = fate(l.Fate)
	}
}

func (s *state) close() {
	if s != nil {
		_ = s.file.Close() // every line was written when it was made
	}
}

// recall sets the fate of a mutant that needs no second trial.
func (s *state) recall(m *mutant) {
	if s == nil {
		return
	}
	for _, f := range []fate{killed, hung, survived} {
		if s.known[m.record(f)] == f {
			m.fate = f
		}
	}
}

func (s *state) keep(m *mutant, by string) error {
	if s == nil || m.fate == untried {
		return nil
	}
	text, err := json.Marshal(line{m.record(m.fate), m.file, string(m.fate), by})
	if err != nil {
		return err
	}
	_, err = s.file.Write(append(text, '\n'))
	return err
}

func (m *mutant) record(f fate) record {
	version := m.source
	if f == survived {
		version = m.tests
	}
	return record{version, m.place, m.kind, m.flat()}
}

// digest names the contents of files.
func digest(names ...string) (string, error) {
	hash := sha256.New()
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n", filepath.Base(name), len(text))
		hash.Write(text)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

// digests sets the versions of the mutants of one file of the package in dir.
func digests(root, dir, name string, mutants []*mutant) error {
	source, err := digest(name)
	if err != nil {
		return err
	}
	packages, err := testedBy(root, dir)
	if err != nil {
		return err
	}
	var around []string
	for _, tested := range packages {
		files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(tested), "*.go"))
		if err != nil {
			return err
		}
		slices.SortFunc(files, strings.Compare)
		around = append(around, files...)
	}
	tests, err := digest(around...)
	for i, m := range mutants {
		m.source, m.tests, m.place = source, source+tests, i+1
	}
	return err
}
