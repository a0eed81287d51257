//go:build unix

package pgtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// newDir makes the folder of a server. What need not reach a disk is kept in memory, where there is room: there files cost a fifth.
func newDir(settings []string) (string, error) {
	in := "/tmp" // the path of a socket has 107 bytes at most
	if slices.Contains(settings, "fsync=off") && roomInMemory() {
		in = inMemory
	}
	return os.MkdirTemp(in, "cardea-pg-")
}

// makeFiles makes the files of a new cluster. initdb takes a second of CPU time, so what it makes is kept in the user's cache directory, and
// the next servers get a copy: all of them have the same system identifier.
func (s *Server) makeFiles() error {
	kept := s.kept()
	if _, err := os.Stat(kept); err == nil && s.copy(kept, s.data()) == nil {
		return nil
	}
	if err := os.RemoveAll(s.data()); err != nil { // half a copy
		return err
	}
	out, err := s.run("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return fmt.Errorf("pgtest: initdb: %w: %s", err, out)
	}
	s.keep(kept)
	return nil
}

// kept is where the files are that this initdb has made for this user. Empty: nowhere, as no directory is known.
func (s *Server) kept() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	program := filepath.Join(s.bin, "initdb")
	info, err := os.Stat(program)
	if err != nil {
		return ""
	}
	made := fmt.Sprint(program, info.Size(), info.ModTime().UnixNano(), os.Geteuid(), s.owner.Credential)
	return filepath.Join(cache, "cardea-pgtest", fmt.Sprintf("%x", sha256.Sum256([]byte(made)))[:16])
}

// keep keeps a copy of the files. Others may do so at the same time: one of them is kept, as a whole. If none can be, the next server
// calls initdb.
func (s *Server) keep(as string) {
	if as == "" || os.MkdirAll(filepath.Dir(as), 0o700) != nil {
		return
	}
	part, err := os.MkdirTemp(filepath.Dir(as), "part-")
	if err != nil {
		return
	}
	defer func() { _ = os.RemoveAll(part) }()
	if whole := filepath.Join(part, "data"); s.copy(s.data(), whole) == nil {
		_ = os.Rename(whole, as)
	}
}

func (s *Server) copy(from, to string) error {
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: %w: %s", err, out)
	}
	return nil
}
