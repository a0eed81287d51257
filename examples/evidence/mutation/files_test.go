package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A list that names what is gone hides what has taken its place.
func TestListsNameFilesThatExist(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	files, err := decisionFiles(root)
	if err != nil {
		t.Fatal(err)
	}
	for file := range excluded {
		if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(file))); err != nil {
			t.Errorf("excluded: %v", err)
		}
	}
	rooms, err := os.ReadDir(filepath.Join(root, "middleware", "internal"))
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range rooms {
		if !slices.Contains(packages, "middleware/internal/"+room.Name()) && others[room.Name()] == "" {
			t.Errorf("middleware/internal/%s is new: enter it in packages, or in others with the reason", room.Name())
		}
	}
	for dir := range frontDoor {
		if !slices.Contains(packages, dir) {
			t.Errorf("frontDoor: %s is not mutated", dir)
		}
	}
	places := make(map[survivor][]string) // the files in which an entry is about something
	for _, file := range files {
		source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
		if err != nil {
			t.Fatal(err)
		}
		mutants, err := find(file, source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range mutants {
			if key, _ := m.accepted(); !slices.Contains(places[key], file) {
				places[key] = append(places[key], file)
			}
		}
	}
	for entry, reason := range accepted {
		switch files := places[entry]; {
		case len(files) == 0:
			t.Errorf("accepted: %+v is about nothing", entry)
		case len(files) > 1:
			t.Errorf("accepted: %+v is about several files, %v: name the receiver as well", entry, files)
		}
		if reason == "" {
			t.Errorf("accepted: %+v has no reason", entry)
		}
	}
}

func TestEveryFileOfTheDecisionIsListed(t *testing.T) {
	files, err := decisionFiles(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"middleware/authorize.go", "middleware/internal/strictjson/names.go", "jwks/set.go", "introspection/client.go"} {
		if !slices.Contains(files, file) {
			t.Errorf("%s is not mutated", file)
		}
	}
}
