package middleware_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cardea-auth/cardea"

// allowed lists what each package of the core may import beside the standard library. Dependencies flow one way:
// middleware to introspection to jwks.
var allowed = map[string][]string{
	"/jwks": {
		module + "/jwks/internal/download", module + "/jwks/internal/jwa", module + "/jwks/internal/keydoc", module + "/jwks/internal/pacing",
		"github.com/MicahParks/jwkset", "github.com/MicahParks/keyfunc/v3",
	},
	"/jwks/internal/jwa":      {module + "/jwks/internal/roca", "github.com/golang-jwt/jwt/v5"},
	"/jwks/internal/download": {},
	"/jwks/internal/keydoc":   {"github.com/MicahParks/jwkset"},
	"/jwks/internal/pacing":   {"github.com/hashicorp/golang-lru/v2/simplelru"},
	"/jwks/internal/roca":     {},
	"/introspection": {
		module + "/jwks", module + "/introspection/internal/shared", module + "/introspection/internal/exactjson",
		"github.com/golang-jwt/jwt/v5", "github.com/hashicorp/golang-lru/v2", "github.com/hashicorp/golang-lru/v2/simplelru",
	},
	"/introspection/internal/shared":    {},
	"/introspection/internal/exactjson": {}, // its tests decode answers
	"/middleware": {
		module + "/jwks", module + "/introspection",
		module + "/middleware/internal/compact", module + "/middleware/internal/strictjson", module + "/middleware/internal/shards",
		module + "/middleware/internal/accesstoken", module + "/middleware/internal/claims", module + "/middleware/internal/record",
		module + "/middleware/internal/dpop", module + "/middleware/internal/credential", module + "/middleware/internal/targeturi",
		module + "/middleware/internal/enum",
		module + "/middleware/internal/exactjson", module + "/middleware/internal/challenge", module + "/middleware/internal/clientcert",
		module + "/middleware/internal/tenant", module + "/middleware/internal/provider",
		module + "/middleware/internal/loadbalancer",
		module + "/middleware/internal/cause", module + "/middleware/internal/tally", module + "/middleware/internal/watch",
		"github.com/hashicorp/golang-lru/v2",
	},
	"/middleware/explain": {module + "/middleware"},
	"/middleware/revocation": {
		module + "/middleware", module + "/middleware/internal/cause", module + "/middleware/revocation/internal/entries", module + "/middleware/revocation/internal/sealed",
		module + "/middleware/revocation/internal/names", module + "/middleware/revocation/internal/pending",
	},
	"/middleware/revocation/internal/entries": {},
	"/middleware/revocation/internal/pending": {module + "/middleware/revocation/internal/entries"},
	"/middleware/revocation/internal/sealed":  {module + "/middleware/revocation/internal/entries"},
	"/middleware/revocation/internal/names":   {module + "/middleware/revocation/internal/entries", module + "/middleware/revocation/internal/sealed"},
	"/middleware/revocation/logout": {
		module + "/middleware", module + "/middleware/internal/cause", module + "/middleware/internal/tally", module + "/middleware/internal/tenant",
		module + "/middleware/revocation", module + "/middleware/revocation/internal/issued",
	},
	"/middleware/revocation/internal/issued": {
		module + "/jwks", module + "/middleware", module + "/middleware/internal/cause", module + "/middleware/internal/claims", module + "/middleware/internal/compact",
		module + "/middleware/internal/signature", module + "/middleware/internal/strictjson",
	},
	"/middleware/revocation/storetest": {module + "/middleware/revocation"}, // and only tests import it: it is in no other list
	"/middleware/revocation/statuslist": {
		module + "/middleware", module + "/middleware/revocation/internal/issued", module + "/middleware/internal/targeturi",
		module + "/middleware/internal/tenant", module + "/middleware/internal/compact", module + "/middleware/internal/strictjson",
		module + "/middleware/internal/cause",
	},
	"/middleware/revocation/events": {
		module + "/jwks", module + "/middleware", module + "/middleware/revocation", module + "/middleware/revocation/internal/issued",
		module + "/middleware/internal/claims", module + "/middleware/internal/strictjson", module + "/middleware/internal/tally", module + "/middleware/internal/cause",
		module + "/middleware/internal/tenant", // what a template of tenants looks like, as in logout
	},
	"/middleware/internal/exactjson":    {}, // its tests vet with strictjson
	"/middleware/internal/record":       {},
	"/middleware/internal/targeturi":    {},
	"/middleware/internal/enum":         {},
	"/middleware/internal/tenant":       {},
	"/middleware/internal/cause":        {module + "/middleware/internal/claims"},
	"/middleware/internal/tally":        {},
	"/middleware/internal/watch":        {},
	"/middleware/internal/credential":   {module + "/middleware/internal/cause", module + "/middleware/internal/loadbalancer"},
	"/middleware/internal/challenge":    {},
	"/middleware/internal/provider":     {},
	"/middleware/internal/loadbalancer": {module + "/jwks", module + "/middleware/internal/compact"},
	"/middleware/internal/clientcert":   {},
	"/middleware/internal/testkit":      {module + "/jwks"}, // and only tests import it: it is in no other list
	"/middleware/internal/dpop": {
		module + "/jwks", module + "/middleware/internal/targeturi", module + "/middleware/internal/cause",
		module + "/middleware/internal/compact", module + "/middleware/internal/strictjson", module + "/middleware/internal/shards",
	},
	"/middleware/internal/accesstoken": {
		module + "/middleware/internal/exactjson", module + "/jwks", module + "/introspection", module + "/middleware/internal/record", module + "/middleware/internal/cause",
		module + "/middleware/internal/signature", module + "/middleware/internal/claims", module + "/middleware/internal/tenant",
		module + "/middleware/internal/compact", module + "/middleware/internal/strictjson", module + "/middleware/internal/shards",
	},
	"/middleware/internal/claims":     {module + "/middleware/internal/strictjson"},
	"/middleware/internal/compact":    {module + "/middleware/internal/strictjson"},
	"/middleware/internal/strictjson": {},
	"/middleware/internal/signature": {
		module + "/jwks", module + "/middleware/internal/compact", module + "/middleware/internal/cause",
		module + "/middleware/internal/loadbalancer",
	},
	"/middleware/internal/shards": {},
	"/middleware/internal/suite/kit": {
		module + "/jwks", module + "/introspection", module + "/middleware", module + "/middleware/internal/testkit",
	},
	"/middleware/internal/suite/attacks":     {},
	"/middleware/internal/suite/bindings":    {},
	"/middleware/internal/suite/configs":     {},
	"/middleware/internal/suite/reports":     {},
	"/middleware/internal/suite/requests":    {},
	"/middleware/internal/suite/revocations": {},
	"/middleware/internal/suite/routes":      {},
	"/middleware/internal/suite/scenarios":   {},
	"/middleware/internal/suite/secrets":     {},
	"/middleware/internal/suite/tokens":      {},
	"/middleware/internal/suite/vectors":     {},
	"/middleware/authtest": {
		module + "/jwks", module + "/introspection", module + "/middleware", "github.com/golang-jwt/jwt/v5",
	},
	"/middleware/issuers":          {module + "/jwks", module + "/introspection", module + "/middleware", module + "/middleware/internal/loadbalancer"},
	"/adapters/adaptertest/pgtest": {}, // for tests, and programs that prove something

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

// knowHTTP are the rooms that may import net/http. All others decide the same for every transport, because they cannot see one.
var knowHTTP = []string{"/middleware/internal/credential", "/middleware/internal/suite/kit"}

func TestRoomsKnowNoTransport(t *testing.T) {
	for _, p := range goList[struct {
		ImportPath string
		Imports    []string
	}](t, "-json=ImportPath,Imports", "./internal/...") {
		if slices.Contains(p.Imports, "net/http") && !slices.Contains(knowHTTP, strings.TrimPrefix(p.ImportPath, module)) {
			t.Errorf("%s imports net/http: only the face and the package credential read requests", p.ImportPath)
		}
	}
}

// What tests are made of must never be part of a program.
func TestKitsAreForTests(t *testing.T) {
	const (
		testkit = module + "/middleware/internal/testkit"
		suite   = module + "/middleware/internal/suite/"
		kit     = suite + "kit"
	)
	for _, p := range goList[struct {
		ImportPath                         string
		Imports, TestImports, XTestImports []string
	}](t, "-json=ImportPath,Imports,TestImports,XTestImports", "../...") {
		if slices.Contains(p.Imports, testkit) && p.ImportPath != kit || slices.Contains(p.Imports, kit) {
			t.Errorf("%s imports what only tests may import", p.ImportPath)
		}
		isFrontDoor := strings.HasPrefix(p.ImportPath, suite) || p.ImportPath == module+"/middleware"
		if slices.Contains(slices.Concat(p.TestImports, p.XTestImports), kit) && !isFrontDoor {
			t.Errorf("tests of %s import %s, which is for tests of the front door: use testkit", p.ImportPath, kit)
		}
	}
}

// A newcomer reads a folder's list of files before any file. Whoever needs more files or lines than these has found another room.
const (
	filesOfTheFace = 33 // 32, and the Explanation, whose public types no room may speak
	filesOfAFolder = 36
	linesOfARoom   = 1500
)

// largeRooms have more lines than that, and how many they may have at most: the numbers only go down. Two thirds of the face are
// doc comments; authtest, jwks and introspection have one job each. The face has grown from 4000 lines: when its Decision came to hold both
// sides of what decided and the log to be written from it, for the Explanation, for revocation, and by what Revocations make for a token;
// they speak the public types, so no room can. accesstoken has grown three times, from 2100: when the keys of a token came to be looked for
// again and to differ by tenant (what of that is about names of tenants or about sources of keys has moved to the rooms tenant and
// signature), by what it notes for an Explanation, and when a cached token came to take half the memory (the cache itself is the room
// shards).
// authtest has grown from 2500: by logout tokens, security events and status lists, good and broken.
var largeRooms = map[string]int{
	"/middleware": 4927, "/middleware/authtest": 3300, "/jwks": 2600, "/introspection": 2700,
	"/middleware/internal/accesstoken": 2345, // from 2330 by what counts all the memory that is kept of a token
	"/middleware/revocation":           2000, // a List, how it follows a Store, its handlers and what they show: a third is doc comments
	"/middleware/revocation/storetest": 1900, // a list of some thirty clauses, which nothing but tests reads
	"/middleware/revocation/events":    2390, // push, poll, the stream and the subjects of one framework; from 2250 by the tokens that Poll cannot take and remembers, and by what of an event is not shared
	"/middleware/issuers":              3000, // some thirty providers, and half of it says what each of them writes
}

func TestFoldersStaySmall(t *testing.T) {
	for _, p := range goList[struct {
		ImportPath, Dir                    string
		GoFiles, TestGoFiles, XTestGoFiles []string
	}](t, "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles", "../...") {
		name := strings.TrimPrefix(p.ImportPath, module)
		files := filesOfAFolder
		if name == "/middleware" {
			files = filesOfTheFace
		}
		if n := len(p.GoFiles) + len(p.TestGoFiles) + len(p.XTestGoFiles); n > files {
			t.Errorf("%s has %d Go files, want at most %d", p.ImportPath, n, files)
		}
		lines := 0
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte("\n"))
		}
		if most := max(linesOfARoom, largeRooms[name]); lines > most {
			t.Errorf("%s has %d lines, want at most %d", p.ImportPath, lines, most)
		}
	}
}

// Two rooms that cannot see each other decode by exact names; what one of them learns the other needs too.
func TestExactNamesAreDecodedAlike(t *testing.T) {
	t.Parallel()
	shared := func(path string) string {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, after, found := strings.Cut(string(source), "\n// walk ")
		if !found {
			t.Fatalf("%s: no walk in it", path)
		}
		return after
	}
	if shared("internal/exactjson/decode.go") != shared("../introspection/internal/exactjson/decode.go") {
		t.Error("internal/exactjson/decode.go and introspection/internal/exactjson/decode.go differ from walk on: make a change to both")
	}
}

// Whoever imports middleware must be able to name every type that it shows, and finds its fields and methods in its documentation.
func TestTheFaceShowsNothingInternal(t *testing.T) {
	exports := make(map[string]string)
	for _, p := range goList[struct{ ImportPath, Export string }](t, "-export", "-deps", "-json=ImportPath,Export", ".") {
		exports[p.ImportPath] = p.Export
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	face, err := importer.ForCompiler(token.NewFileSet(), "gc", open).Import(module + "/middleware")
	if err != nil {
		t.Fatal(err)
	}
	shown := &surface{of: face, seen: make(map[types.Type]bool), report: t.Errorf}
	for _, name := range face.Scope().Names() {
		object := face.Scope().Lookup(name)
		if !object.Exported() {
			continue
		}
		if typeName, ok := object.(*types.TypeName); ok && typeName.IsAlias() {
			t.Errorf("%s is an alias: go doc shows no fields or methods behind it", name)
		}
		shown.walk(name, object.Type())
	}
	if len(shown.seen) < 20 {
		t.Errorf("only %d types were seen", len(shown.seen))
	}
}

// surface walks over what a package shows to others: types, their exported fields and methods, and what these mention.
type surface struct {
	of     *types.Package
	seen   map[types.Type]bool
	report func(format string, args ...any)
}

func (s *surface) walk(where string, t types.Type) {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		s.named(where, t)
	case interface{ Elem() types.Type }: // a pointer, slice, array, channel or map
		s.walk(where, t.Elem())
		if m, ok := t.(*types.Map); ok {
			s.walk(where, m.Key())
		}
	case *types.Signature:
		for i := range t.TypeParams().Len() {
			s.walk(where, t.TypeParams().At(i).Constraint())
		}
		for v := range t.Params().Variables() {
			s.walk(where, v.Type())
		}
		for v := range t.Results().Variables() {
			s.walk(where, v.Type())
		}
	case *types.Struct:
		for field := range t.Fields() {
			if field.Exported() || field.Embedded() {
				s.walk(where+"."+field.Name(), field.Type())
			}
		}
	case *types.Interface:
		for method := range t.Methods() {
			if method.Exported() {
				s.walk(where+"."+method.Name(), method.Type())
			}
		}
	}
}

func (s *surface) named(where string, t *types.Named) {
	pkg := t.Obj().Pkg()
	if pkg != nil && strings.HasPrefix(pkg.Path(), module) && strings.Contains(pkg.Path(), "/internal/") {
		s.report("%s shows %s, which nobody else can name", where, t)
		return
	}
	for i := range t.TypeArgs().Len() {
		s.walk(where, t.TypeArgs().At(i))
	}
	if pkg != s.of || s.seen[t] {
		return
	}
	s.seen[t] = true
	for method := range t.Methods() {
		if method.Exported() {
			s.walk(where+"."+method.Name(), method.Type())
		}
	}
	s.walk(where, t.Underlying())
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
