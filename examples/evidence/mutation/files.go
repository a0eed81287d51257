package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
)

// packages are the folders of the core. Whatever is in them decides, unless excluded says otherwise: a new file is mutated from its first day.
var packages = []string{
	"middleware/internal/compact", "middleware/internal/strictjson", "middleware/internal/shards",
	"middleware/internal/claims", "middleware/internal/signature", "middleware/internal/accesstoken",
	"middleware/internal/targeturi", "middleware/internal/dpop", "middleware/internal/credential", "middleware/internal/challenge",
	"middleware/internal/clientcert", "middleware/internal/exactjson", "middleware/internal/tenant", "middleware/internal/loadbalancer",
	"jwks/internal/roca", "jwks/internal/jwa", "jwks/internal/keydoc", "jwks/internal/download", "jwks/internal/pacing", "jwks",
	"introspection/internal/shared", "introspection/internal/exactjson", "introspection", "middleware", "middleware/internal/watch",
	"middleware/revocation/internal/entries", "middleware/revocation/internal/sealed", "middleware/revocation/internal/names",
	"middleware/revocation/internal/pending",
	"middleware/revocation",
	"middleware/revocation/internal/issued", "middleware/revocation/logout", "middleware/revocation/statuslist", "middleware/revocation/events",
}

// others are the folders below middleware/internal that decide nothing, each with the reason.
var others = map[string]string{
	"cause":    "puts into words why something was refused; the decision is made by then",
	"provider": "recognises what somebody has configured, for messages",
	"record":   "notes what was decided; without it the decision is the same",
	"tally":    "decides what is written to a log; the decision is made by then",
	"testkit":  "for tests",
	"suite":    "tests",
	"enum":     "names constants; what is decided by them is decided elsewhere",
}

// The tests that go through the exported API of package middleware: those of the face and the suites.
const (
	face   = "middleware"
	suites = "middleware/internal/suite/*"
)

// frontDoor are patterns of the packages in whose tests a check of these folders may be noticed as well as in their own: such a check is
// about what a request gets for an answer.
var frontDoor = map[string][]string{
	"jwks/internal/jwa":                      {"jwks"},
	"jwks/internal/keydoc":                   {"jwks"},
	"jwks/internal/download":                 {"jwks"},
	"jwks/internal/pacing":                   {"jwks"},
	"introspection/internal/shared":          {"introspection"},
	"introspection/internal/exactjson":       {"introspection"},
	"middleware/internal/watch":              {face, suites},
	"middleware/revocation/internal/entries": {"middleware/revocation"},
	"middleware/revocation/internal/pending": {"middleware/revocation"},
	"middleware/revocation/internal/sealed":  {"middleware/revocation"},
	"middleware/revocation/internal/names":   {"middleware/revocation"},
	"middleware/internal/accesstoken":        {face, suites, "middleware/issuers"},
	"middleware/internal/challenge":          {face, suites},
	"middleware/internal/claims":             {face, suites},
	"middleware/internal/clientcert":         {face, suites},
	"middleware/internal/credential":         {face, suites, "middleware/issuers"},
	"middleware/internal/dpop":               {face, suites},
	"middleware/internal/exactjson":          {face, suites},
	"middleware/internal/signature":          {face, suites, "middleware/issuers", "middleware/revocation/internal/issued"},
	"middleware/internal/targeturi":          {face, suites},
	"middleware/internal/tenant":             {face, suites},
	face:                                     {suites, "middleware/issuers", "middleware/revocation"},
}

// testedBy lists the packages in whose tests a check of dir may be noticed.
func testedBy(root, dir string) ([]string, error) {
	tested := []string{dir}
	for _, pattern := range frontDoor[dir] {
		folders, err := fs.Glob(os.DirFS(root), pattern)
		if err != nil || len(folders) == 0 {
			return nil, fmt.Errorf("frontDoor: %s fits no folder, error %w", pattern, err)
		}
		tested = append(tested, folders...)
	}
	return tested, nil
}

// excluded are the files of these folders that are not mutated, each with the reason.
var excluded = map[string]string{
	"middleware/health.go": "says what was decided; the decision is made by then",
}

// decisionFiles lists the files in which a lost check could let a bad token pass.
func decisionFiles(root string) ([]string, error) {
	var files []string
	for _, dir := range packages {
		entries, err := fs.ReadDir(os.DirFS(root), dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			file := path.Join(dir, entry.Name())
			if strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") && excluded[file] == "" {
				files = append(files, file)
			}
		}
	}
	return files, nil
}
