package tools

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Pip makes a virtual environment dir/venv with what dir's requirements.txt names: exact versions, each with its hashes.
func Pip(ctx context.Context, dir string) error {
	if err := Need("python3"); err != nil {
		return err
	}
	if err := run(ctx, dir, nil, "python3", "-m", "venv", "venv"); err != nil {
		return err
	}
	return run(ctx, dir, nil, Python(dir), "-m", "pip", "install", "--quiet", "--require-hashes", "--only-binary", ":all:", "--requirement", "requirements.txt")
}

// Python is the interpreter of a virtual environment that Pip made. It works from wherever its folder has been moved to.
func Python(dir string) string { return filepath.Join(dir, "venv", "bin", "python3") }

// NPM installs what dir's package-lock.json names, with its hashes.
func NPM(ctx context.Context, dir string) error {
	if err := Need("node", "npm"); err != nil {
		return err
	}
	return run(ctx, dir, nil, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
}

// GoBuild builds the program of a module that stands apart, in a folder of module examples, and returns the folder with the binary name in it.
// The module's go.sum says what every source must be.
func GoBuild(ctx context.Context, name, module, tags string) (string, error) {
	if err := Need("go"); err != nil {
		return "", err
	}
	examples, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/cardea-auth/cardea/examples").Output()
	if err != nil {
		return "", fmt.Errorf("module examples is not found, run this in a checkout of the repository: %w", err)
	}
	sources := os.DirFS(filepath.Join(strings.TrimSpace(string(examples)), filepath.FromSlash(module)))
	return Folder(ctx, name, sources, tags, func(ctx context.Context, dir string) error {
		return run(ctx, dir, []string{"GOWORK=off", "GOFLAGS=-mod=readonly"}, "go", "build", "-trimpath", "-tags="+tags, "-o", name, ".")
	})
}
