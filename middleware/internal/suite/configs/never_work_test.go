package configs_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// What no token can have is a mistake, also where it only looks right.
func TestNamesThatNoTokenHas(t *testing.T) {
	issuer := kit.ChangeIssuer
	for name, row := range map[string]struct {
		change func(*middleware.Config)
		want   string // "": no mistake
	}{
		"an issuer with a line break":       {issuer(func(i *middleware.Issuer) { i.URL += "\n" }), `Issuers[0].URL is "https://issuer.example\n", with blanks`},
		"an issuer with a blank ahead":      {issuer(func(i *middleware.Issuer) { i.URL = " " + i.URL }), `Issuers[0].URL is " https://issuer.example", with blanks`},
		"an issuer with NUL":                {issuer(func(i *middleware.Issuer) { i.URL += "\x00x" }), `control characters`},
		"an alias with a blank":             {issuer(func(i *middleware.Issuer) { i.Aliases = []string{"a "} }), `Issuers[0].Aliases[0] is "a ", with blanks`},
		"an audience with a blank":          {func(cfg *middleware.Config) { cfg.Audiences = []string{"api "} }, `Audiences[0] is "api ", with blanks`},
		"an audience with a tab inside":     {issuer(func(i *middleware.Issuer) { i.Audiences = []string{"a\tpi"} }), `Issuers[0].Audiences[0] is "a\tpi"`},
		"an audience with a no-break space": {func(cfg *middleware.Config) { cfg.Audiences = []string{"api\u00a0"} }, `Audiences[0] is "api\u00a0"`},
		"a client with a line break": {
			issuer(func(i *middleware.Issuer) { i.AllowedClients = []string{"web\r\n"} }), `Issuers[0].AllowedClients[0] is "web\r\n"`,
		},
		"a claim with a blank": {
			issuer(func(i *middleware.Issuer) { i.Claims.Roles = []string{"roles "} }), `Issuers[0].Claims names "roles ", with blanks`,
		},
		"an audience with a blank inside": {func(cfg *middleware.Config) { cfg.Audiences = []string{"my api", testkit.Audience} }, ""},
		"an implied scope with a blank":   {func(cfg *middleware.Config) { cfg.ScopeImplies = map[string][]string{"a": {"b "}} }, `"b " is no scope-token`},
		"the metadata's address": {
			issuer(func(i *middleware.Issuer) { i.URL += "/.well-known/openid-configuration" }),
			`the address of the metadata: write the issuer that the metadata names, which is "https://issuer.example"`,
		},
		"the metadata's address, inserted": {
			issuer(func(i *middleware.Issuer) { i.URL = "https://issuer.example/.well-known/oauth-authorization-server/a" }),
			`which is "https://issuer.example/a"`,
		},
		"the metadata's address as alias": {
			issuer(func(i *middleware.Issuer) { i.Aliases = []string{"https://a.example/.well-known/openid-configuration"} }),
			`Issuers[0].Aliases[0] is "https://a.example/`,
		},
		"the address of every tenant": {
			issuer(func(i *middleware.Issuer) { i.URL = "https://login.microsoftonline.com/common/v2.0" }),
			"write {tenantid} in its place, with AllowTenant",
		},
		"a set without keys": {issuer(func(i *middleware.Issuer) { i.Keys = jwks.NewSet() }), "Issuers[0].Keys is a set without keys"},
	} {
		cfg := kit.Config()
		cfg.Issuers[0].URL = "https://issuer.example"
		row.change(&cfg)
		_, err := middleware.New(cfg)
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}

// Names such as https://example.com/roles hold dots, so a path in the style of other libraries is worth a line, and is no mistake.
func TestPathsWithDotsAreLogged(t *testing.T) {
	for entry, want := range map[string]string{
		"realm_access.roles":        "/realm_access/roles",
		"resource_access.api.roles": "/resource_access/api/roles",
		"https://example.com/roles": "", "urn:a.b": "", "/realm_access/roles": "", "roles": "", "roles.": "", "/a.b": "",
	} {
		for name, change := range map[string]func(*middleware.Issuer){
			"Roles": func(i *middleware.Issuer) { i.Claims.Roles = []string{entry} }, "Scopes": func(i *middleware.Issuer) { i.Claims.Scopes = []string{entry} },
			"ClaimRules": func(i *middleware.Issuer) { i.ClaimRules = []middleware.ClaimRule{{Claims: []string{entry}}} },
		} {
			log := logOf(t, change, nil)
			if want == "" && log != "" || want != "" && (strings.Count(log, "level=WARN") != 1 || !strings.Contains(log, want+"\"")) {
				t.Errorf("%s %q: %s", name, entry, log)
			}
		}
	}
}

func logOf(t *testing.T, change func(*middleware.Issuer), use func(*middleware.Validator)) string {
	t.Helper()
	var log strings.Builder
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Logger = textLogger(&log)
		change(&cfg.Issuers[0])
	})
	if use != nil {
		use(v)
	}
	return log.String()
}

// Roles that no issuer maps are asked for in vain. That is said once, and where the routes are made.
func TestRolesThatNoIssuerMapsAreLoggedOnce(t *testing.T) {
	ask := func(v *middleware.Validator) { v.Require().AnyRole("admin"); v.Optional().AnyRole("editor") }
	log := logOf(t, func(*middleware.Issuer) {}, ask)
	if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "no issuer maps any") || !strings.Contains(log, "Issuer.Claims.Roles") {
		t.Errorf("without a mapping: %s", log)
	}
	for name, change := range map[string]func(*middleware.Issuer){
		"a path": func(i *middleware.Issuer) { i.Claims.Roles = []string{"roles"} },
		"a function": func(i *middleware.Issuer) {
			i.Claims.RolesFunc = func(*middleware.Token) ([]string, error) { return nil, nil }
		},
	} {
		if log := logOf(t, change, ask); log != "" {
			t.Errorf("with %s: %s", name, log)
		}
	}
	if log := logOf(t, func(*middleware.Issuer) {}, func(v *middleware.Validator) { v.Require("read") }); log != "" {
		t.Errorf("without roles: %s", log)
	}
	for role, want := range map[string]string{
		"admin ": `middleware: AnyRole: "admin " has blanks at an end or control characters, and is compared byte for byte`,
		"a\x00":  `middleware: AnyRole: "a\x00" has blanks at an end or control characters, and is compared byte for byte`,
	} {
		kit.WantPanic(t, want, func() { kit.NewValidator(t, nil).Require().AnyRole(role) })
	}
}

func textLogger(to *strings.Builder) *slog.Logger { return slog.New(slog.NewTextHandler(to, nil)) }
