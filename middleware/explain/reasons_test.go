package explain_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/explain"
)

var write = flag.Bool("write", false, "write README.md anew")

// Whoever adds a Reason says what it means, and a Reason that is gone is explained no longer.
func TestEveryReasonIsExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../reason.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := map[middleware.Reason]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for i, name := range spec.Names {
			if literal, ok := spec.Values[i].(*ast.BasicLit); ok && strings.HasPrefix(name.Name, "Reason") {
				value, _ := strconv.Unquote(literal.Value)
				known[middleware.Reason(value)] = true
				if _, ok := explain.About(middleware.Reason(value)); !ok {
					t.Errorf("%s is not explained", name.Name)
				}
			}
		}
		return true
	})
	for _, why := range explain.Reasons() {
		if !known[why.Reason] {
			t.Errorf("%q is explained twice, or is no Reason", why.Reason)
		}
		delete(known, why.Reason)
		for _, text := range []string{why.Causes, why.Remedy} {
			if !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") || strings.Contains(text, "|") || strings.Contains(text, "\n") {
				t.Errorf("%s: %q is no row of sentences", why.Reason, text)
			}
		}
	}
	if _, ok := explain.About("no reason"); ok {
		t.Error("what package middleware does not know is explained")
	}
}

// A remedy that names a field which is not there sends people looking.
func TestRemediesNameWhatIsThere(t *testing.T) {
	structs := map[string]reflect.Type{
		"Config": reflect.TypeFor[middleware.Config](), "Issuer": reflect.TypeFor[middleware.Issuer](),
		"Claims": reflect.TypeFor[middleware.ClaimMapping](), "DPoP": reflect.TypeFor[middleware.DPoP](),
		"Guard": reflect.TypeFor[*middleware.Guard](), "Validator": reflect.TypeFor[*middleware.Validator](),
	}
	name := regexp.MustCompile("`([A-Z][A-Za-z]+)\\.([A-Z][A-Za-z0-9]+)`")
	for _, why := range explain.Reasons() {
		for _, found := range name.FindAllStringSubmatch(why.Causes+why.Remedy, -1) {
			owner, ok := structs[found[1]]
			if !ok {
				continue
			}
			isField := false
			if owner.Kind() == reflect.Struct {
				_, isField = owner.FieldByName(found[2])
			}
			if _, isMethod := owner.MethodByName(found[2]); !isField && !isMethod {
				t.Errorf("%s names %s, which is not there", why.Reason, found[0])
			}
		}
	}
}

// README.md is the table, word for word. After a change: go test ./middleware/explain -args -write
func TestPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(head)
	for _, why := range explain.Reasons() {
		fmt.Fprintf(&page, "| `%s` | %d | %s | %s |\n", why.Reason, why.Status, why.Causes, why.Remedy)
	}
	if *write {
		if err := os.WriteFile("README.md", []byte(page.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile("README.md"); err != nil || string(got) != page.String() {
		t.Errorf("README.md is not the table (%v): go test ./middleware/explain -args -write", err)
	}
}

const head = `# Why was my request refused?

The client is told as little as RFC 6750 asks for, in a fixed text. Whoever runs the API reads the reason: a refusal is a line in the
log, with ` + "`reason=…`" + ` and both sides of what decided (of many alike the first five, then one in a while, in which ` + "`unwritten`" + ` counts the others), and
reaches ` + "`Config.Observe`" + ` as a ` + "`Decision`" + `. This table has every reason, with its usual causes and what mends them. 503 is no refusal:
the token was not judged, and the client may ask again.

| reason | status | usual causes | remedy |
|---|---|---|---|
`
