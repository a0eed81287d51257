package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// target is one fuzz function.
type target struct {
	dir  string // of its package, with slashes, below the root
	name string
}

// String is how a target is called in tables and in the state.
func (t target) String() string { return t.dir + " " + t.name }

// find lists the targets of all modules below root whose name or folder fits, in the order of their folders.
func find(root fs.FS, only *regexp.Regexp) ([]target, error) {
	var found []target
	err := fs.WalkDir(root, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skipped(entry.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(file, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(root, file)
		if err != nil {
			return err
		}
		names, err := functions(file, source)
		if err != nil {
			return fmt.Errorf("reading %s: %w", file, err)
		}
		for _, name := range names {
			if t := (target{path.Dir(file), name}); only.MatchString(t.name) || only.MatchString(t.dir) {
				found = append(found, t)
			}
		}
		return nil
	})
	slices.SortFunc(found, func(a, b target) int { return strings.Compare(a.String(), b.String()) })
	return found, err
}

// skipped says of which folders the go command takes no notice either.
func skipped(dir string) bool {
	return dir != "." && (dir[0] == '.' || dir[0] == '_') || dir == "testdata" || dir == "node_modules"
}

// functions lists the fuzz functions of a test file.
func functions(file string, source []byte) ([]string, error) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") || len(f.Type.Params.List) != 1 {
			continue
		}
		star, ok := f.Type.Params.List[0].Type.(*ast.StarExpr)
		if !ok {
			continue
		}
		if of, ok := star.X.(*ast.SelectorExpr); ok && of.Sel.Name == "F" {
			names = append(names, f.Name.Name)
		}
	}
	return names, nil
}
