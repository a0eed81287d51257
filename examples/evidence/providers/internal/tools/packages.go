package tools

import (
	"context"
	"os"
	"path/filepath"
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

// GoInstall builds a program of the Go module proxy into dir. The checksum database vouches for its source.
func GoInstall(ctx context.Context, dir, tags, pkg string) error {
	if err := Need("go"); err != nil {
		return err
	}
	return run(ctx, os.TempDir(), []string{"GOBIN=" + dir, "GOWORK=off", "GOFLAGS=-mod=mod"}, "go", "install", "-trimpath", "-tags="+tags, pkg)
}
