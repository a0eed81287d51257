package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// Cache is the folder in which everything is kept that was obtained: of the user, outside of any source tree.
func Cache(elements ...string) (string, error) {
	root, err := os.UserCacheDir()
	if err != nil {
		root = os.TempDir()
	}
	dir := filepath.Join(append([]string{root, "cardea-providers"}, elements...)...)
	return dir, os.MkdirAll(dir, 0o755)
}

// Need reports which of the commands the machine lacks.
func Need(commands ...string) error {
	for _, name := range commands {
		if _, err := exec.LookPath(name); err != nil {
			return fmt.Errorf("%s is needed and not found: install it, or name other servers", name)
		}
	}
	return nil
}

// run runs a command to its end. What it writes is told if it fails.
func run(ctx context.Context, dir string, env []string, name string, args ...string) error {
	command := exec.CommandContext(ctx, name, args...)
	command.Dir = dir
	command.Env = append(os.Environ(), env...)
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", command, err, output)
	}
	return nil
}

// Folder makes a folder of the cache that is named after its content, which files and settings decide: what was obtained for one
// version is never taken for another. build fills it, unless it was filled before. Two processes may do so at once: the first one wins.
func Folder(ctx context.Context, name string, files fs.FS, settings string, build func(ctx context.Context, dir string) error) (string, error) {
	digest, err := digestOf(files, settings)
	if err != nil {
		return "", err
	}
	parent, err := Cache()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(parent, name+"-"+digest)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	draft, err := os.MkdirTemp(parent, name+"-draft-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(draft)
	if err := os.Chmod(draft, 0o755); err != nil {
		return "", err
	}
	if err := os.CopyFS(draft, files); err != nil {
		return "", err
	}
	if err := build(ctx, draft); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	if err := os.Rename(draft, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil {
			return "", err
		}
	}
	return dir, nil
}

func digestOf(files fs.FS, settings string) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n", settings)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		fmt.Fprintf(hash, "%s %d\n%s", path, len(text), text)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)[:8]), err
}

// sumOf is the SHA-256 of a file, in hexadecimal digits.
func sumOf(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
