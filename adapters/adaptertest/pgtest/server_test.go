//go:build unix

package pgtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
)

func TestAServerIsKilledAndBackAndRestored(t *testing.T) {
	s := pgtest.For(t, "fsync=off")
	must(t, s.Load("postgres", []byte("create table t (n int); insert into t values (1);")))
	restore, err := s.Backup()
	must(t, err)
	must(t, s.Load("postgres", []byte("insert into t values (2);")))
	must(t, s.Restart())
	holds := func(want string) {
		t.Helper()
		text, err := s.Dump("postgres", "--inserts")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "(1)") || strings.Contains(string(text), "(2)") != (want == "both") {
			t.Errorf("it should hold %s: %s", want, text)
		}
	}
	holds("both")
	must(t, restore())
	holds("the first")
	resume, err := s.Stall()
	must(t, err)
	must(t, resume())
	holds("the first")
}

// The next server gets a copy of the files that are kept.
func TestWhatInitdbMakesIsKept(t *testing.T) {
	if _, err := os.UserCacheDir(); err != nil { // of a user without a home
		t.Setenv("HOME", t.TempDir())
	}
	s := pgtest.For(t, "fsync=off")
	if _, err := os.Stat(filepath.Join(pgtest.Kept(s), "PG_VERSION")); err != nil {
		t.Errorf("what was made is not kept: %v", err)
	}
	must(t, s.Close())
	if _, err := os.Stat(filepath.Dir(pgtest.Files(s))); !os.IsNotExist(err) {
		t.Errorf("its own files are there after Close: %v", err)
	}
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	must(t, os.MkdirAll(pgtest.Kept(s), 0o700))
	must(t, os.WriteFile(filepath.Join(pgtest.Kept(s), "marked"), nil, 0o600))
	next, err := pgtest.Make()
	must(t, err)
	if _, err := os.Stat(filepath.Join(pgtest.Files(next), "marked")); err != nil {
		t.Errorf("the next server has other files: %v", err)
	}
	must(t, next.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhereItIsMissing(t *testing.T) {
	defer pgtest.WithoutDebian()()
	t.Setenv("PATH", "")
	if _, err := pgtest.Start(); err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("%v, want the remedy", err)
	}
}
