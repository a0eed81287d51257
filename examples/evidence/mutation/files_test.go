package main

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
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

// A package of tests that is not asked makes survivors of what it alone would have noticed.
func TestEveryPackageOfTestsOfTheFrontDoorIsAsked(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	files, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(suites), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the suites have %d files, error %v", len(files), err)
	}
	for dir := range frontDoor {
		if !strings.HasPrefix(dir, face) || strings.HasPrefix(dir, "middleware/revocation/") {
			continue // its own front door is another package
		}
		tested, err := testedBy(root, dir)
		if err != nil || tested[0] != dir || !slices.Contains(tested, face) {
			t.Errorf("%s is tested by %v, error %v", dir, tested, err)
		}
		for _, file := range files {
			if of := path.Dir(suites) + "/" + filepath.Base(filepath.Dir(file)); !slices.Contains(tested, of) {
				t.Errorf("%s is not tested by %s", dir, of)
			}
		}
	}
	if tested, err := testedBy(root, "jwks"); err != nil || !slices.Equal(tested, []string{"jwks"}) {
		t.Errorf("jwks is tested by %v, error %v", tested, err)
	}
}
