package tools_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/cardea-auth/cardea/examples/evidence/providers/internal/tools"
)

func TestFolderIsBuiltOnceForEachContent(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	built := 0
	folder := func(content, settings string) string {
		t.Helper()
		dir, err := tools.Folder(t.Context(), "thing", fstest.MapFS{"a.txt": {Data: []byte(content)}}, settings, func(_ context.Context, dir string) error {
			built++
			return os.WriteFile(filepath.Join(dir, "built.txt"), nil, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"a.txt", "built.txt"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Error(err)
			}
		}
		return dir
	}
	one, again, otherContent, otherSettings := folder("a", "1"), folder("a", "1"), folder("b", "1"), folder("a", "2")
	if one != again || built != 3 || otherContent == one || otherSettings == one {
		t.Errorf("built %d times: %s, %s, %s, %s", built, one, again, otherContent, otherSettings)
	}
}

func TestFolderThatCouldNotBeBuiltIsNotThere(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	broken := errors.New("the registry is out of reach")
	_, err := tools.Folder(t.Context(), "thing", fstest.MapFS{}, "", func(context.Context, string) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	cache, err := tools.Cache()
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(cache); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNeedNamesWhatIsMissing(t *testing.T) {
	if err := tools.Need("no-such-command"); err == nil {
		t.Error("a command that is not there is not missed")
	}
}
