package middleware_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cardea-auth/cardea"

// allowed lists what each package of the core may import beside the standard library. Dependencies flow one way:
// middleware to introspection to jwks.
var allowed = map[string][]string{
	"/jwks": {
		"github.com/MicahParks/jwkset", "github.com/MicahParks/keyfunc/v3", "github.com/golang-jwt/jwt/v5",
		"github.com/hashicorp/golang-lru/v2", "github.com/hashicorp/golang-lru/v2/simplelru",
	},
	"/introspection": {
		module + "/jwks",
		"github.com/golang-jwt/jwt/v5", "github.com/hashicorp/golang-lru/v2", "github.com/hashicorp/golang-lru/v2/simplelru",
	},
	"/middleware": {
		module + "/jwks", module + "/introspection",
		module + "/middleware/internal/compact", module + "/middleware/internal/strictjson", module + "/middleware/internal/shards",
		module + "/middleware/internal/accesstoken", module + "/middleware/internal/claims", module + "/middleware/internal/record",
		module + "/middleware/internal/dpop", module + "/middleware/internal/credential", module + "/middleware/internal/targeturi",
		module + "/middleware/internal/exactjson", module + "/middleware/internal/challenge", module + "/middleware/internal/clientcert",
		"github.com/hashicorp/golang-lru/v2",
	},
	"/middleware/internal/exactjson":  {}, // its tests vet with strictjson
	"/middleware/internal/record":     {},
	"/middleware/internal/targeturi":  {},
	"/middleware/internal/credential": {},
	"/middleware/internal/challenge":  {},
	"/middleware/internal/clientcert": {},
	"/middleware/internal/testkit":    {module + "/jwks"}, // and only tests import it: it is in no other list
	"/middleware/internal/dpop": {
		module + "/jwks", module + "/middleware/internal/targeturi",
		module + "/middleware/internal/compact", module + "/middleware/internal/strictjson", module + "/middleware/internal/shards",
	},
	"/middleware/internal/accesstoken": {
		module + "/jwks", module + "/introspection", module + "/middleware/internal/record",
		module + "/middleware/internal/signature", module + "/middleware/internal/claims",
		module + "/middleware/internal/compact", module + "/middleware/internal/strictjson", module + "/middleware/internal/shards",
	},
	"/middleware/internal/claims":     {module + "/middleware/internal/strictjson"},
	"/middleware/internal/compact":    {module + "/middleware/internal/strictjson"},
	"/middleware/internal/strictjson": {},
	"/middleware/internal/signature":  {module + "/jwks", module + "/middleware/internal/compact"},
	"/middleware/internal/shards":     {"github.com/hashicorp/golang-lru/v2", "github.com/hashicorp/golang-lru/v2/simplelru"},
	"/middleware/authtest": {
		module + "/jwks", module + "/introspection", module + "/middleware", "github.com/golang-jwt/jwt/v5",
	},
	"/adapters/adaptertest": {module + "/jwks", module + "/introspection", module + "/middleware", module + "/middleware/authtest"},
}

// modules is the whole module graph of the core: what everyone who imports it gets to carry.
var modules = []string{
	"github.com/MicahParks/jwkset", "github.com/MicahParks/keyfunc/v3", "github.com/golang-jwt/jwt/v5",
	"github.com/hashicorp/golang-lru/v2", "golang.org/x/time",
}

func TestDependenciesFlowOneWay(t *testing.T) {
	for _, p := range goList[struct {
		ImportPath string
		Imports    []string
	}](t, "-json=ImportPath,Imports", "../...") {
		name := strings.TrimPrefix(p.ImportPath, module)
		may, known := allowed[name]
		if !known {
			t.Errorf("package %s is new: say in this test what it may import", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") {
				continue // the standard library
			}
			if !slices.Contains(may, imported) {
				t.Errorf("%s imports %s, which it must not", p.ImportPath, imported)
			}
		}
	}
}

func TestTheCoreCarriesNothingHeavy(t *testing.T) {
	for _, m := range goList[struct {
		Path string
		Main bool
	}](t, "-m", "-json", "all") {
		if !m.Main && !slices.Contains(modules, m.Path) {
			t.Errorf("%s is in the module graph of the core: put what needs it into a nested module", m.Path)
		}
	}
}

// authtest is for programs as well: importing testing would give them its flags.
func TestAuthtestDoesNotImportTesting(t *testing.T) {
	for _, p := range goList[struct{ Deps []string }](t, "-json=Deps", "./authtest") {
		if slices.Contains(p.Deps, "testing") {
			t.Error("package authtest depends on package testing")
		}
	}
}

// goList runs go list for the core module alone and decodes its JSON.
func goList[T any](t *testing.T, args ...string) []T {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Env = append(cmd.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []T
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var one T
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		all = append(all, one)
	}
}
