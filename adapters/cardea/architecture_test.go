package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const (
	core = "github.com/cardea-auth/cardea/"
	self = core + "adapters/cardea"
)

// allowed lists what each package may import beside the standard library. Only package main knows the library of commands, and only what
// judges or asks knows the core: what is read without trust cannot be mistaken for a verdict.
var allowed = map[string][]string{
	"": {
		self + "/internal/doctor", self + "/internal/input", self + "/internal/plain", self + "/internal/unverified", self + "/internal/verdict",
		core + "introspection", core + "middleware", core + "middleware/issuers", "github.com/urfave/cli/v3", "golang.org/x/term",
	},
	"/internal/doctor": {
		self + "/internal/plain", self + "/internal/unverified", core + "introspection", core + "jwks", core + "middleware", core + "middleware/issuers",
	},
	"/internal/input":      {"golang.org/x/term"},
	"/internal/plain":      {},
	"/internal/unverified": {self + "/internal/input", self + "/internal/plain"},
	"/internal/verdict": {
		self + "/internal/input", self + "/internal/plain", self + "/internal/unverified", core + "middleware", core + "middleware/explain",
	},
}

func TestDependenciesFlowOneWay(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		may, known := allowed[strings.TrimPrefix(p.ImportPath, self)]
		if !known {
			t.Errorf("package %s is new: say in this test what it may import", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") && !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which it must not", p.ImportPath, imported)
			}
		}
	}
}

// go install …@version refuses a module with a replace, and sums of the core would be those of a tree that changes.
func TestTheModuleCanBeInstalled(t *testing.T) {
	for file, what := range map[string]string{"go.mod": "replace ", "go.sum": core} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, what) || file == "go.sum" && strings.HasPrefix(line, strings.TrimSuffix(core, "/")+" ") {
				t.Errorf("%s: leave out %s", file, line)
			}
		}
	}
}
