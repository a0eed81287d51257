//go:build unix

package pgtest_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/adapters/adaptertest/pgtest"
)

func TestAServerIsKilledAndBackAndRestored(t *testing.T) {
	s := pgtest.For(t, "fsync=off")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.Load("postgres", []byte("create table t (n int); insert into t values (1);")))
	restore, err := s.Backup()
	must(err)
	must(s.Load("postgres", []byte("insert into t values (2);")))
	must(s.Restart())
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
	must(restore())
	holds("the first")
	resume, err := s.Stall()
	must(err)
	must(resume())
	holds("the first")
}

func TestWhereItIsMissing(t *testing.T) {
	defer pgtest.WithoutDebian()()
	t.Setenv("PATH", "")
	if _, err := pgtest.Start(); err == nil || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("%v, want the remedy", err)
	}
}
