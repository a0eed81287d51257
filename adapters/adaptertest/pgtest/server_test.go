//go:build unix

package pgtest_test

import (
	"os"
	"os/exec"
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
	first := pgtest.For(t, "fsync=off")
	kept := pgtest.Kept(first)
	if kept == "" {
		t.Skip("this user has no directory for caches")
	}
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	other := pgtest.Kept(first)
	if err := os.MkdirAll(filepath.Dir(other), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("cp", "-a", kept, other).CombinedOutput(); err != nil {
		t.Fatalf("what the first server has made is not kept: %v: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(other, "marked"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	second := pgtest.For(t, "fsync=off")
	if _, err := os.Stat(filepath.Join(pgtest.Files(second), "marked")); err != nil {
		t.Errorf("the second server has other files: %v", err)
	}
	must(t, second.Close())
	if _, err := os.Stat(filepath.Dir(pgtest.Files(second))); !os.IsNotExist(err) {
		t.Errorf("its files are there after Close: %v", err)
	}
	must(t, second.Close()) // which the test does once more
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
