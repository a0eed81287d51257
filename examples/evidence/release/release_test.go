package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTreesThatCannotBeReleased(t *testing.T) {
	const core = "module github.com/cardea-auth/cardea\n\ngo 1.25.0\n"
	adapter := func(name, version string) string {
		return "module github.com/cardea-auth/cardea/adapters/" + name + "\n\ngo 1.25.0\n\nrequire github.com/cardea-auth/cardea " + version + "\n"
	}
	const replaced = "\nreplace github.com/cardea-auth/cardea => ../..\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  string // empty: it can
	}{
		"a library with a replace, a command without": {files: map[string]string{
			"adapters/library/go.mod": adapter("library", "v0.1.0") + replaced,
			"adapters/command/go.mod": adapter("command", "v0.1.0"), "adapters/command/main.go": "package main",
		}},
		"a command with a replace": {
			files: map[string]string{"adapters/command/go.mod": adapter("command", "v0.1.0") + replaced, "adapters/command/main.go": "package main"},
			want:  "has a replace directive",
		},
		"two versions of the core": {
			files: map[string]string{"adapters/a/go.mod": adapter("a", "v0.1.0"), "adapters/b/go.mod": adapter("b", "v0.2.0")},
			want:  "let all name the version about to be tagged",
		},
		"an adapter of nothing": {
			files: map[string]string{"adapters/a/go.mod": "module github.com/cardea-auth/cardea/adapters/a\n\ngo 1.25.0\n"},
			want:  "does not require",
		},
		"no adapters": {want: "there are no adapters"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			write(t, filepath.Join(root, "go.mod"), core)
			for path, text := range test.files {
				write(t, filepath.Join(root, filepath.FromSlash(path)), text)
			}
			modules, err := find(root)
			switch {
			case test.want == "" && (err != nil || len(modules) != 3 || modules[0].Version.Version != "v0.1.0"):
				t.Errorf("%v, %v", modules, err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v, want an error with %q", err, test.want)
			}
		})
	}
}

// Sums of the core are those of a tree that changes; a go.sum that has them is wrong with the next commit.
func TestOwnSumsAreTold(t *testing.T) {
	for line, want := range map[string]bool{
		"github.com/cardea-auth/cardea v0.1.0 h1:AAAA=":                   true,
		"github.com/cardea-auth/cardea/adapters/x v0.1.0/go.mod h1:AAAA=": true,
		"github.com/cardea-auth/cardea-tools v0.1.0 h1:AAAA=":             false,
		"github.com/cardea-auth/cardea v0.1.0":                            false, // a requirement in go.mod
		"golang.org/x/mod v0.40.0 h1:AAAA=":                               false,
	} {
		if isOwnSum(line) != want {
			t.Errorf("%q: %t, want %t", line, !want, want)
		}
	}
}

func TestAnArchiveWithoutSourceIsRefused(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module github.com/cardea-auth/cardea\n\ngo 1.25.0\n")
	m, err := read(root)
	if err != nil {
		t.Fatal(err)
	}
	m.Version.Version = "v0.1.0"
	if err := m.publish(t.TempDir()); err == nil || !strings.Contains(err.Error(), "holds no Go file") {
		t.Error(err)
	}
	write(t, filepath.Join(root, "x.go"), "package x")
	if err := m.publish(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
