package doctor_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/adapters/cardea/internal/doctor"
)

func TestTheGoLinesCompile(t *testing.T) {
	exports := packages(t, "net/http", "os", "github.com/cardea-auth/cardea/introspection", "github.com/cardea-auth/cardea/middleware")
	for name, test := range map[string]struct {
		change  func(*server)
		options func(*doctor.Options)
		want    []string
	}{
		"everything found": {want: []string{"SecretBasic", "Introspector: asks"}},
		"another client authentication, keys elsewhere, another CA, no TLS": {
			options: func(o *doctor.Options) {
				o.ClientAuth, o.JWKSURI, o.CA, o.Plain = "client_secret_post", keysAt, true, []string{"keycloak:8080"}
			},
			change: func(s *server) {
				s.answer = func(r *http.Request) (int, string) {
					if r.ParseForm() == nil && r.PostForm.Get("client_secret") == clientSecret {
						return 200, `{"active":false}`
					}
					return 401, ""
				}
			},
			want: []string{"SecretPost", "JWKSURI:", "HTTPClient:", `DangerouslyAllowHTTP: []string{"keycloak:8080"}`},
		},
		"an algorithm to name": {
			change: func(s *server) {
				s.metadata(object{"id_token_signing_alg_values_supported": []string{"PS256"}}).documents[keysAt] = keySet(rsaKey("a", nil))
			},
			want: []string{`Algorithms: []string{"PS256"}`},
		},
		"an issuer that quotes": {
			options: func(o *doctor.Options) { o.Issuer, o.JWKSURI, o.ClientID, o.ClientSecret = "urn:\"x`", keysAt, "", "" },
			want:    []string{"URL:"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			if test.change != nil {
				test.change(s)
			}
			lines := examine(t, s, test.options).Go
			for _, want := range test.want {
				if !strings.Contains(strings.Join(strings.Fields(lines), " "), want) {
					t.Errorf("no %s in\n%s", want, lines)
				}
			}
			if err := check(exports, lines); err != nil {
				t.Errorf("%v in\n%s", err, lines)
			}
		})
	}
}

// check compiles lines as the body of a function that has a client.
func check(exports map[string]string, lines string) error {
	source := "package p\nimport (\n\"net/http\"\n\"os\"\n\"github.com/cardea-auth/cardea/introspection\"\n\"github.com/cardea-auth/cardea/middleware\"\n)\n" +
		"var _, _ = os.Getenv, introspection.New\n" +
		"func f(client *http.Client) error {\n" + lines + "\nreturn nil\n}\n"
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, "p.go", source, 0)
	if err != nil {
		return err
	}
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	config := types.Config{Importer: importer.ForCompiler(files, "gc", open)}
	_, err = config.Check("p", files, []*ast.File{parsed}, nil)
	return err
}

// packages finds the compiled form of packages and of all that they import.
func packages(t *testing.T, paths ...string) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-export", "-deps", "-json=ImportPath,Export"}, paths...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	exports := make(map[string]string)
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct{ ImportPath, Export string }
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return exports
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
	}
}
