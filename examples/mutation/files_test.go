package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A list that names what is gone hides what has taken its place.
func TestListsNameFilesThatExist(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := decisionFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	for file := range excluded {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
			t.Errorf("excluded: %v", err)
		}
	}
	for entry, reason := range accepted {
		if !slices.Contains(files, entry.file) {
			t.Errorf("accepted: %s is not mutated", entry.file)
		}
		if reason == "" {
			t.Errorf("accepted: %s, %s has no reason", entry.file, entry.check)
		}
	}
}

func TestEveryFileOfTheDecisionIsListed(t *testing.T) {
	files, err := decisionFiles(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"middleware/authorize.go", "middleware/internal/strictjson/names.go", "jwks/set.go", "introspection/client.go"} {
		if !slices.Contains(files, file) {
			t.Errorf("%s is not mutated", file)
		}
	}
}
