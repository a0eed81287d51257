package main

import (
	"fmt"
	"regexp"
	"testing"
	"testing/fstest"
)

func TestFind(t *testing.T) {
	tree := fstest.MapFS{}
	for file, source := range map[string]string{
		"jwks/a_test.go":                           "package jwks_test\nfunc FuzzStatic(f *testing.F) {}\nfunc FuzzTwo(fuzz *testing.F) {}",
		"jwks/b_test.go":                           "package jwks_test\nfunc FuzzWithout() {}\nfunc FuzzOther(n int) {}\nfunc FuzzTest(t *testing.T) {}\nfunc (x) FuzzMethod(f *testing.F) {}",
		"jwks/c.go":                                "package jwks\nfunc FuzzNoTest(f *testing.F) {}",
		"jwks/testdata/d_test.go":                  "package x\nfunc FuzzData(f *testing.F) {}",
		"node_modules/x/e_test.go":                 "package x\nfunc FuzzForeign(f *testing.F) {}",
		".git/f_test.go":                           "no Go at all",
		"_old/g_test.go":                           "package x\nfunc FuzzOld(f *testing.F) {}",
		"examples/evidence/differential/h_test.go": "package x\nimport \"testing\"\nfunc FuzzMutation(f *testing.F) {}",
		"i_test.go":                                "package x\n// func FuzzComment(f *testing.F) {}\nvar s = `\nfunc FuzzText(f *testing.F) {}`",
	} {
		tree[file] = &fstest.MapFile{Data: []byte(source)}
	}
	for pattern, want := range map[string]string{
		"":              "[examples/evidence/differential FuzzMutation jwks FuzzStatic jwks FuzzTwo]",
		"^FuzzTwo$":     "[jwks FuzzTwo]",
		"^jwks$":        "[jwks FuzzStatic jwks FuzzTwo]",
		"Static|differ": "[examples/evidence/differential FuzzMutation jwks FuzzStatic]",
		"nothing":       "[]",
	} {
		found, err := find(tree, regexp.MustCompile(pattern))
		if got := fmt.Sprint(found); got != want || err != nil {
			t.Errorf("-only %q finds %s, %v; want %s", pattern, got, err, want)
		}
	}
	tree["broken_test.go"] = &fstest.MapFile{Data: []byte("package")}
	if _, err := find(tree, regexp.MustCompile("")); err == nil {
		t.Error("a file that is no Go was passed over, and its targets with it")
	}
}
