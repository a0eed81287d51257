package jwks_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cardea-auth/cardea/jwks"
)

func TestWhatIsNoTenant(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		template string
		names    []string
	}{
		{realms, []string{"", ".", "..", "a/b", "../master", "%2e%2e", "a%2fb", "a?x", "a#x", "a b", "ä", "a\x00", "a\\b", "a@b", strings.Repeat("a", 256)}},
		{
			"https://{tenantid}.idp.example",
			[]string{
				"", ".", "..", "A", "-a", "a-", "a..b", ".a", "a.", "a_b", "a~b", "evil.example/", "evil.example#", "a:80",
				strings.Repeat("a", 64), strings.Repeat("a.", 100) + "a",
			},
		},
		{"https://sso.example/{tenantid}/v2", []string{"a/v2", ""}},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: failing}
			s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.Issuer = row.template })
			for _, iss := range []string{"https://sso.example/a", "https://sso.example/a/v", "https://sso.example/a/v22"} {
				if got := askTenant(t, s, iss, "k"); got != "not found" {
					t.Errorf("%s with %s: %s", row.template, iss, got)
				}
			}
			for _, name := range row.names {
				if got := askTenant(t, s, strings.ReplaceAll(row.template, "{tenantid}", name), "k"); got != "not found" {
					t.Errorf("%s with %q: %s", row.template, name, got)
				}
			}
			for _, iss := range []string{row.template + "x", "x" + row.template, strings.ReplaceAll(row.template, "{tenantid}", "a") + "/x"} {
				if got := askTenant(t, s, iss, "k"); got != "not found" {
					t.Errorf("%s with %s: %s", row.template, iss, got)
				}
			}
			if i.fetches() != 0 {
				t.Errorf("%s: %d fetches, the first of %s", row.template, i.fetches(), i.request(0).URL)
			}
		})
	}
}

func TestWhereTheKeysOfATenantAre(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ what, issuer, url, iss, asked string }{
		{
			"metadata, by a segment of the path", "https://sso.example/r/{tenantid}/v2", "", "https://sso.example/r/a.B~c-_/v2",
			"https://sso.example/r/a.B~c-_/v2/.well-known/openid-configuration",
		},
		{"metadata, by the host", "https://{tenantid}.idp.example", "", "https://a.b-c.idp.example", "https://a.b-c.idp.example/.well-known/openid-configuration"},
		{
			"metadata, by the host with a port and a path", "https://{tenantid}.idp.example:8443/x", "", "https://a.idp.example:8443/x",
			"https://a.idp.example:8443/x/.well-known/openid-configuration",
		},
		{"a key set, by a segment", "{tenantid}", "https://sso.example/{tenantid}?v=1", "a", "https://sso.example/a?v=1"},
		{"a key set, by the host", "tenant {tenantid}!", "https://{tenantid}.idp.example/keys", "tenant a!", "https://a.idp.example/keys"},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: failing}
			s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.Issuer, cfg.URL = row.issuer, row.url })
			if got := askTenant(t, s, row.iss, "k"); got != "unavailable" || i.fetches() != 1 || i.request(0).URL.String() != row.asked {
				t.Errorf("%s: %s after %d fetches, the first of %s", row.what, got, i.fetches(), i.request(0).URL)
			}
		})
	}
}

func TestNewTenantsRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what string
		cfg  jwks.TenantsConfig
		says []string
	}{
		{"nothing", jwks.TenantsConfig{}, []string{`TenantsConfig.Issuer "": it must have one {tenantid}`}},
		{"no place", jwks.TenantsConfig{Issuer: "https://sso.example/a"}, []string{"must have one {tenantid}"}},
		{"two places", jwks.TenantsConfig{Issuer: realms + "/{tenantid}"}, []string{"must have one {tenantid}"}},
		{"a part of a segment", jwks.TenantsConfig{Issuer: "https://sso.example/r-{tenantid}"}, []string{`"https://sso.example/r-{tenantid}"`, "a whole segment"}},
		{"a segment with something behind", jwks.TenantsConfig{Issuer: "https://sso.example/{tenantid}-r"}, []string{"a whole segment"}},
		{"the query", jwks.TenantsConfig{Issuer: realms, URL: "https://sso.example/keys?t={tenantid}"}, []string{"TenantsConfig.URL", "a whole segment"}},
		{"a segment of the query", jwks.TenantsConfig{Issuer: realms, URL: "https://sso.example/keys?/{tenantid}"}, []string{"a whole segment"}},
		{"a whole host", jwks.TenantsConfig{Issuer: "https://{tenantid}"}, []string{"before a domain of two labels"}},
		{"a whole host and a path", jwks.TenantsConfig{Issuer: "https://{tenantid}/a.b.c"}, []string{"before a domain of two labels"}},
		{"anybody's host below a top domain", jwks.TenantsConfig{Issuer: "https://{tenantid}.example/a.b"}, []string{"before a domain of two labels"}},
		{"a domain of nothing", jwks.TenantsConfig{Issuer: "https://{tenantid}..example"}, []string{"before a domain of two labels"}},
		{"a domain with a dot at its end", jwks.TenantsConfig{Issuer: "https://{tenantid}.example./"}, []string{"before a domain of two labels"}},
		{"a part of a label", jwks.TenantsConfig{Issuer: "https://{tenantid}-x.idp.example"}, []string{"before a domain of two labels"}},
		{"the middle of a host", jwks.TenantsConfig{Issuer: "https://sso.{tenantid}.example"}, []string{"a whole segment"}},
		{"a port", jwks.TenantsConfig{Issuer: "https://sso.example:{tenantid}/"}, []string{"a whole segment"}},
		{"a user", jwks.TenantsConfig{Issuer: "https://{tenantid}.idp.example@evil.example/"}, []string{"user name or password"}},
		{"plain http", jwks.TenantsConfig{Issuer: "http://sso.example/{tenantid}"}, []string{"TenantsConfig.Issuer", "must begin with https://"}},
		{"a scheme", jwks.TenantsConfig{Issuer: "{tenantid}://sso.example/"}, []string{"a whole segment"}},
		{"no address", jwks.TenantsConfig{Issuer: "sso/{tenantid}"}, []string{"must begin with https://"}},
		{"an alias without a place", jwks.TenantsConfig{Issuer: realms, Aliases: []string{"{tenantid}", "x"}}, []string{"Aliases[1]", "must have one"}},
		{"a place for one tenant", jwks.TenantsConfig{Issuer: realms, Cache: jwks.Config{URL: keysURL}}, []string{"TenantsConfig.Cache", "differ by tenant"}},
		{"a place for one issuer", jwks.TenantsConfig{Issuer: realms, Cache: jwks.Config{Issuer: "https://h"}}, []string{"TenantsConfig.Cache", "differ by tenant"}},
		{"plain http and a whole host", jwks.TenantsConfig{Issuer: "http://{tenantid}/a"}, []string{"before a domain of two labels"}},
		{"a negative number", jwks.TenantsConfig{Issuer: realms, MaxTenants: -1}, []string{"MaxTenants: -1 is negative"}},
		{"a negative time", jwks.TenantsConfig{Issuer: realms, Cache: jwks.Config{Refresh: -1}}, []string{"Config.Refresh is -1ns"}},
		{"several mistakes at once", jwks.TenantsConfig{Issuer: "x", URL: "y", MaxTenants: -1}, []string{"Issuer", "URL", "MaxTenants"}},
		{"a secret in the query", jwks.TenantsConfig{Issuer: realms, URL: "https://sso.example/x{tenantid}?code=hunter2"}, []string{"a whole segment"}},
	} {
		s, err := jwks.NewTenants(row.cfg)
		for _, says := range row.says {
			if s != nil || err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %v, want an error with %q", row.what, err, says)
			}
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "jwks: TenantsConfig.")) {
			t.Errorf("%s: %v", row.what, err)
		}
	}
}

// One warning, not one for each tenant.
func TestTenantsWithoutTLSAreToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log record
		i := &issuer{answer: serving(first())}
		s := newTenants(t, i, func(cfg *jwks.TenantsConfig) {
			cfg.URL = "http://keycloak:8080/{tenantid}"
			cfg.Cache.DangerouslyAllowHTTP = []string{"keycloak:8080"}
			cfg.Cache.Logger = slog.New(slog.NewTextHandler(&log, nil))
		})
		for n := range 10 {
			_ = askTenant(t, s, realm(fmt.Sprint(n)), "first")
		}
		if n := strings.Count(log.String(), "DangerouslyAllowHTTP"); n != 1 {
			t.Errorf("%d warnings, want one:\n%s", n, &log)
		}
	})
}

func TestTenantsWithoutIss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i)
		if got := verdict(s.VerificationKeys(t.Context(), "a", "ES256")); got != "unavailable" {
			t.Errorf("no iss: %s", got)
		}
		for _, alg := range []string{"none", "HS256", ""} {
			for n := range 20 { // each would be a first fetch that never ends
				if got := verdict(s.VerificationKeysFor(t.Context(), realm(fmt.Sprint(n)), "a", alg)); got != "not found" {
					t.Errorf("algorithm %q: %s", alg, got)
				}
			}
		}
		if i.fetches() != 0 {
			t.Errorf("%d fetches", i.fetches())
		}
		if got := askTenant(t, s, realm("a"), "a"); got != "found" {
			t.Errorf("a good token after them: %s", got)
		}
	})
}
