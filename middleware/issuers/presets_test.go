package issuers_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

// examples are the values that the presets give as examples, with files and secrets in the place of those that nobody has.
func examples(t *testing.T, p issuers.Preset, onlyRequired bool) map[string][]string {
	t.Helper()
	values := make(map[string][]string)
	for _, param := range p.Params {
		if param.Required || !onlyRequired {
			values[param.Name] = []string{param.Example}
		}
	}
	if _, has := values["path"]; has {
		values["path"] = []string{fileOf(t, pemOf(t, testkit.EdKey().Public()))}
	}
	if _, has := values["introspection_url"]; has {
		values["client_id"], values["client_secret"] = []string{"orders-api"}, []string{"hush"}
	}
	for name, value := range map[string]string{"secrets": string(secretOf("n")), "bundle_file": fileOf(t, bundle())} {
		if _, has := values[name]; has {
			values[name] = []string{value}
		}
	}
	switch p.Name {
	case "secret-file":
		values["path"] = []string{fileOf(t, string(secretOf("n")))}
	case "spiffe":
		values["ids"], values["bundle_file"] = []string{"spiffe://example.org/billing"}, []string{fileOf(t, bundle())}
		delete(values, "bundle_url")
	case "google-users":
		values["domains"] = []string{"example.com"}
	case "kubernetes":
		values["service_accounts"] = []string{"shop/web"}
	case "entra":
		if !onlyRequired {
			values["v1"] = []string{"true"}
		}
	}
	return values
}

func TestPresetsMakeIssuersThatNewTakes(t *testing.T) {
	for _, p := range issuers.Presets() {
		for _, onlyRequired := range []bool{true, false} {
			r, err := p.Make(examples(t, p, onlyRequired))
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				continue
			}
			cfg := middleware.Config{Issuers: []middleware.Issuer{r.Issuer}, Logger: slog.New(slog.DiscardHandler)}
			if i := r.Issuer; len(i.Audiences) == 0 && len(i.AllowedClients) == 0 && !i.DangerouslyNoAudience {
				cfg.Audiences = []string{api}
			}
			if p.Field != "" {
				cfg.IgnoreAuthorization, cfg.TokenSources = true, []middleware.TokenSource{middleware.FromHeader(p.Field)}
			}
			auth, err := middleware.New(cfg)
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				continue
			}
			if err := auth.Close(); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
			if err := r.Close(); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
}

func TestPresetsSayWhatIsWrongWithTheirValues(t *testing.T) {
	for _, p := range issuers.Presets() {
		_, err := p.Make(map[string][]string{"color": {"red"}})
		if err == nil || !strings.Contains(err.Error(), `there is no parameter "color"`) {
			t.Errorf("%s: an unknown parameter gives %v", p.Name, err)
		}
		for _, param := range p.Params {
			if param.Required && (err == nil || !strings.Contains(err.Error(), "issuers."+p.Func+": parameter "+param.Name+" is missing")) {
				t.Errorf("%s: %s is required, and New says %v", p.Name, param.Name, err)
			}
			values := examples(t, p, true)
			values[param.Name] = []string{""}
			if _, err := p.Make(values); param.Required && err == nil {
				t.Errorf("%s: an empty %s is taken", p.Name, param.Name)
			}
			values[param.Name] = []string{param.Example, param.Example}
			if _, err := p.Make(values); !param.Many && (err == nil || !strings.Contains(err.Error(), "has 2 values")) {
				t.Errorf("%s: two values for %s give %v", p.Name, param.Name, err)
			}
			if param.Example == "false" {
				values[param.Name] = []string{"yes"}
				if _, err := p.Make(values); err == nil || !strings.Contains(err.Error(), "must be true or false") {
					t.Errorf("%s: yes for %s gives %v", p.Name, param.Name, err)
				}
			}
			if strings.Contains(param.Name, "secret") != param.Secret {
				t.Errorf("%s: %s is marked secret: %t", p.Name, param.Name, param.Secret)
			}
		}
	}
}

func TestPresetsThatIntrospectMakeTheirClient(t *testing.T) {
	preset := func(name string) issuers.Preset {
		all := issuers.Presets()
		return all[slices.IndexFunc(all, func(p issuers.Preset) bool { return p.Name == name })]
	}
	hydra := preset("hydra")
	for want, more := range map[string]map[string][]string{
		"":                                {"introspection_url": {"http://localhost:4445/admin/oauth2/introspect"}, "client_auth": {"none"}},
		"the client id is empty":          {"introspection_url": {"https://h.example/"}},
		"the client secret is empty":      {"introspection_url": {"https://h.example/"}, "client_id": {"api"}},
		"must be basic, post, or none":    {"introspection_url": {"https://h.example/"}, "client_id": {"api"}, "client_secret": {"s"}, "client_auth": {"jwt"}},
		"issuers.Hydra: introspection: C": {"introspection_url": {"http://h.example/"}, "client_id": {"api"}, "client_secret": {"hush"}, "client_auth": {"post"}},
	} {
		values := map[string][]string{"issuer": {"https://hydra.example.com/"}}
		for name, value := range more {
			values[name] = value
		}
		r, err := hydra.Make(values)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err == nil && (r.Issuer.Introspector == nil || r.Close() != nil) {
			t.Errorf("%q: %+v", want, r)
		}
	}
	if _, err := preset("key-file").Make(
		map[string][]string{"issuer": {inhouse}, "path": {"x"}, "interval": {"soon"}},
	); err == nil || !strings.Contains(err.Error(), "duration such as 10s") {
		t.Errorf("a bad interval gives %v", err)
	}
}

// Every function of the package that makes an Issuer is a preset, has a row in README.md, and that row a line that compiles.
func TestPresetsAndREADMEAreWhole(t *testing.T) {
	table, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := os.ReadFile("example_presets_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "| `") {
			rows = append(rows, line)
		}
	}
	presets := issuers.Presets()
	if len(rows) != len(presets) {
		t.Errorf("README.md has %d rows for %d presets", len(rows), len(presets))
	}
	makers, named := functions(t), make(map[string]bool)
	for i, p := range presets {
		if named[p.Name] {
			t.Errorf("%s is there twice", p.Name)
		}
		named[p.Name] = true
		if i >= len(rows) {
			break
		}
		cells := strings.Split(rows[i], " | ")
		if len(cells) != 4 || cells[0] != "| `"+p.Name+"`" || cells[1] != p.Provider || !strings.HasPrefix(cells[2], "`issuers."+p.Func+"(") {
			t.Errorf("row %d is not that of %s (%s):\n%s", i, p.Name, p.Provider, rows[i])
			continue
		}
		if proven := strings.TrimSpace(cells[3]); proven != "by shape |" && proven != "by the real one |" {
			t.Errorf("%s is proven %q", p.Name, proven)
		}
		code, closes, _ := strings.Cut(strings.TrimPrefix(cells[2], "`"), "`")
		if !strings.Contains(string(compiled), " := "+code+"\n") {
			t.Errorf("%s: this line of README.md is not in example_presets_test.go: %s", p.Name, code)
		}
		if makesRunning := makers[p.Func]; makesRunning != (closes == " closes") {
			t.Errorf("%s: it has something to close is %t, and README.md says %q", p.Name, makesRunning, closes)
		}
	}
	for name := range makers {
		if !slices.ContainsFunc(presets, func(p issuers.Preset) bool { return p.Func == name }) {
			t.Errorf("%s makes an Issuer and is not among Presets", name)
		}
	}
}

// functions finds the exported functions that make an Issuer, or (true) a Running.
func functions(t *testing.T) map[string]bool {
	t.Helper()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]bool)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			f, ok := declared.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !f.Name.IsExported() || f.Type.Results == nil {
				continue
			}
			switch result := f.Type.Results.List[0].Type.(type) {
			case *ast.SelectorExpr:
				if result.Sel.Name == "Issuer" {
					found[f.Name.Name] = false
				}
			case *ast.StarExpr:
				if name, ok := result.X.(*ast.Ident); ok && name.Name == "Running" {
					found[f.Name.Name] = true
				}
			}
		}
	}
	return found
}

// What a caller does with a list afterwards changes nothing.
func TestListsAreTheCallersOwn(t *testing.T) {
	ids := []string{"74"}
	actions, lab := issuers.GitHubActions(api, ids...), issuers.GitLabCI("gitlab.com", api, ids...)
	ids[0] = "666"
	for _, i := range []middleware.Issuer{actions, lab} {
		if got := i.ClaimRules[0].OneOf; !slices.Equal(got, []string{"74"}) {
			t.Errorf("%s demands %q", i.URL, got)
		}
	}
}
