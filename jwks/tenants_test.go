package jwks_test

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
)

const realms = "https://sso.example/realms/{tenantid}"

func realm(name string) string { return strings.ReplaceAll(realms, "{tenantid}", name) }

// realmServer has a realm for each name that there says yes to, all with one key, whose kid is the name.
func realmServer(there func(name string) bool) *issuer {
	return &issuer{answer: func(r *http.Request) (*http.Response, error) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/realms/"), "/")
		switch {
		case r.URL.Host != "sso.example" || !there(name):
			return respond(404, "no such realm"), nil
		case rest == ".well-known/openid-configuration":
			return respond(200, metadata(realm(name), realm(name)+"/certs")), nil
		case rest == "certs":
			return respond(200, string(document(publicJWK(name, "ES256", p256A())))), nil
		}
		return respond(404, ""), nil
	}}
}

func anyRealm(string) bool { return true }

func newTenants(t *testing.T, i *issuer, change ...func(*jwks.TenantsConfig)) *jwks.Tenants {
	t.Helper()
	cfg := jwks.TenantsConfig{Issuer: realms, Cache: jwks.Config{HTTPClient: &http.Client{Transport: i}}}
	for _, c := range change {
		c(&cfg)
	}
	tenants, err := jwks.NewTenants(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tenants.Close() })
	return tenants
}

func askTenant(t *testing.T, s *jwks.Tenants, iss, kid string) string {
	t.Helper()
	return verdict(s.VerificationKeysFor(t.Context(), iss, kid, "ES256"))
}

// settle verifies a signature with the tenant's key, so that it belongs to those that count.
func settle(t *testing.T, s *jwks.Tenants, name string) {
	t.Helper()
	keys, err := s.VerificationKeysFor(t.Context(), realm(name), name, "ES256")
	if err != nil {
		t.Fatalf("tenant %s: %v", name, err)
	}
	if err := keys[0].Verify(signingInput, sign("ES256", p256A(), signingInput)); err != nil {
		t.Fatal(err)
	}
}

func TestEachTenantHasItsOwnKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(func(name string) bool { return name == "a" || name == "b" })
		s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.Aliases = []string{"{tenantid}.old"} })
		for _, row := range []struct{ what, iss, kid, want string }{
			{"its own key", realm("a"), "a", "found"},
			{"the key of another", realm("a"), "b", "not found"},
			{"the other with its own", realm("b"), "b", "found"},
			{"by another name of the tenant", "a.old", "a", "found"},
			{"a tenant that the server does not know", realm("c"), "c", "not found"},
			{"another server", "https://evil.example/realms/a", "a", "not found"},
			{"an iss that is longer", realm("a") + "/", "a", "not found"},
			{"the template itself", realms, "a", "not found"},
			{"no iss", "", "a", "not found"},
		} {
			if got := askTenant(t, s, row.iss, row.kid); got != row.want {
				t.Errorf("%s: %s, want %s", row.what, got, row.want)
			}
		}
		before := i.fetches()
		for range 100 {
			for _, name := range []string{"a", "b"} {
				if got := askTenant(t, s, realm(name), name); got != "found" {
					t.Errorf("again: %s", got)
				}
			}
		}
		if i.fetches() != before {
			t.Errorf("%d fetches for tenants that are known", i.fetches()-before)
		}
	})
}

func TestWhatIsNoTenant(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		template string
		names    []string
	}{
		{realms, []string{"", ".", "..", "a/b", "../master", "%2e%2e", "a%2fb", "a?x", "a#x", "a b", "ä", "a\x00", "a\\b", "a@b", strings.Repeat("a", 256)}},
		{"https://{tenantid}.idp.example", []string{"", ".", "..", "A", "-a", "a-", "a..b", ".a", "a.", "a_b", "a~b", "evil.example/", "evil.example#", "a:80", strings.Repeat("a", 64), strings.Repeat("a.", 100) + "a"}},
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
		{"metadata, by a segment of the path", "https://sso.example/r/{tenantid}/v2", "", "https://sso.example/r/a.B~c-_/v2", "https://sso.example/r/a.B~c-_/v2/.well-known/openid-configuration"},
		{"metadata, by the host", "https://{tenantid}.idp.example", "", "https://a.b-c.idp.example", "https://a.b-c.idp.example/.well-known/openid-configuration"},
		{"metadata, by the host with a port and a path", "https://{tenantid}.idp.example:8443/x", "", "https://a.idp.example:8443/x", "https://a.idp.example:8443/x/.well-known/openid-configuration"},
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

// What the server says of a tenant that never was is no outage; anything else may be one.
func TestATenantThatIsNotThere(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		what   string
		url    bool
		answer func(*http.Request) (*http.Response, error)
		want   string
	}{
		{"no metadata", false, always(404, ""), "not found"},
		{"no metadata any more", false, always(410, ""), "not found"},
		{"metadata in trouble", false, always(500, ""), "unavailable"},
		{"metadata for others", false, always(403, ""), "unavailable"},
		{"one of the three places is for others", false, numbered(always(404, ""), always(403, ""), always(404, "")), "unavailable"},
		{"the metadata of another tenant", false, always(200, metadata(realm("b"), keysURL)), "unavailable"},
		{"the metadata of another tenant in one of three places", false, numbered(always(404, ""), always(200, metadata(realm("b"), keysURL)), always(404, "")), "unavailable"},
		{"metadata, and no keys", false, numbered(always(200, metadata(realm("a"), keysURL)), always(404, "")), "unavailable"},
		{"no key set", true, always(404, ""), "not found"},
		{"a key set in trouble", true, always(503, ""), "unavailable"},
		{"a connection that breaks", true, failing, "unavailable"},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := &issuer{answer: row.answer}
			s := newTenants(t, i, func(cfg *jwks.TenantsConfig) {
				if row.url {
					cfg.URL = "https://sso.example/keys/{tenantid}"
				}
			})
			for range 3 {
				if got := askTenant(t, s, realm("a"), "a"); got != row.want {
					t.Errorf("%s: %s, want %s", row.what, got, row.want)
				}
			}
		})
	}
	for _, url := range []string{"", realms + "/certs"} {
		synctest.Test(t, func(t *testing.T) {
			i := realmServer(anyRealm)
			s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.Cache.MaxStale, cfg.URL = time.Hour, url })
			settle(t, s, "a")
			i.set(always(404, ""))
			time.Sleep(2 * time.Hour)
			if got := askTenant(t, s, realm("a"), "a"); got != "unavailable" {
				t.Errorf("a tenant that was there, and whose keys have ended: %s", got)
			}
		})
	}
}

// Made-up tenants make room for one another and for nobody else, and each second only so many are looked for.
func TestAFloodOfTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.Cache.Refresh = time.Hour })
		for n := range 100 {
			settle(t, s, fmt.Sprint("good", n))
		}
		time.Sleep(time.Minute)
		before := i.fetches()
		const seconds = 20
		busy := 0
		for n := range seconds * 100 {
			switch got := askTenant(t, s, realm(fmt.Sprint("bad", n)), "k"); got {
			case "not found":
			case "unavailable":
				busy++
			default:
				t.Fatalf("a made-up tenant: %s", got)
			}
			time.Sleep(10 * time.Millisecond)
		}
		tenants := seconds*100 - busy
		if tenants < 256+16*(seconds-1) || tenants > 256+16*(seconds+1) {
			t.Errorf("%d tenants were looked for, want 256 and 16 a second", tenants)
		}
		if perTenant := 3; i.fetches()-before > perTenant*tenants { // metadata, keys, the kid that is not there
			t.Errorf("%d fetches for %d tenants", i.fetches()-before, tenants)
		}
		before = i.fetches()
		for n := range 100 {
			if got := askTenant(t, s, realm(fmt.Sprint("good", n)), fmt.Sprint("good", n)); got != "found" {
				t.Errorf("a tenant whose tokens are good: %s", got)
			}
		}
		if i.fetches() != before {
			t.Errorf("%d fetches: the flood has taken the place of tenants that count", i.fetches()-before)
		}
		time.Sleep(time.Minute)
		before = i.fetches()
		time.Sleep(time.Hour)
		if n := i.fetches() - before; n < 164 || n > 164+20 { // each refreshed once, a few early ones twice
			t.Errorf("%d tenants are refreshed in the background, want 100 and 64 others", n)
		}
	})
}

func TestFirstLoadsAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i)
		settle(t, s, "good")
		good := i.answer
		i.set(hanging)
		before := i.fetches()
		var all sync.WaitGroup
		for n := range 16 {
			all.Go(func() { _ = askTenant(t, s, realm(fmt.Sprint("slow", n)), "k") })
		}
		synctest.Wait()
		began := time.Now()
		_, err := s.VerificationKeysFor(t.Context(), realm("new"), "new", "ES256")
		var retry interface{ RetryAfter() time.Duration }
		if verdict(nil, err) != "unavailable" || !errors.As(err, &retry) || retry.RetryAfter() <= 0 || time.Since(began) != 0 {
			t.Errorf("one more tenant: %v after %v", err, time.Since(began))
		}
		if got := askTenant(t, s, realm("good"), "good"); got != "found" {
			t.Errorf("a tenant that is known: %s", got)
		}
		if i.fetches()-before != 16 {
			t.Errorf("%d fetches, want 16 at a time", i.fetches()-before)
		}
		all.Wait()
		time.Sleep(10 * time.Second)
		i.set(good)
		if got := askTenant(t, s, realm("new"), "new"); got != "found" {
			t.Errorf("after they have failed: %s", got)
		}
	})
}

func TestTenantsBeyondTheMost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.MaxTenants = 3 })
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			settle(t, s, name)
		}
		settle(t, s, "e") // d and e are in use, two of the others have gone
		fetched := func(name string) bool {
			before := i.fetches()
			settle(t, s, name)
			return i.fetches() > before
		}
		if fetched("d") || fetched("e") {
			t.Error("the tenant that came last has gone")
		}
		gone := 0
		for _, name := range []string{"a", "b", "c"} {
			if fetched(name) {
				gone++
			}
		}
		if gone == 0 {
			t.Error("five tenants are kept, want three and one that is to go next")
		}
		for range 50 { // the one in use stays, whoever comes and goes
			settle(t, s, "e")
			settle(t, s, fmt.Sprint("other", i.fetches()))
			if fetched("e") {
				t.Fatal("the tenant that is in use has gone")
			}
		}
	})
}

func TestManyTenantsBeyondTheMostAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.MaxTenants, cfg.Cache.Refresh = 1, time.Hour })
		for n := range 5 {
			_ = askTenant(t, s, realm(fmt.Sprint(n)), fmt.Sprint(n))
		}
		for n := range 5 {
			settle(t, s, fmt.Sprint(n))
		}
		_ = askTenant(t, s, realm("new"), "k")
		before := i.fetches()
		time.Sleep(time.Hour)
		if n := i.fetches() - before; n < 2 || n > 3 {
			t.Errorf("%d tenants are kept, want the one that was asked about last and the new one", n)
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

func TestReconsiderForATenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := serving(old())
		i := &issuer{answer: func(r *http.Request) (*http.Response, error) { return keys(r) }}
		s := newTenants(t, i, func(cfg *jwks.TenantsConfig) { cfg.URL = "https://sso.example/{tenantid}" })
		tried, _ := s.VerificationKeysFor(t.Context(), realm("a"), "main", "ES256")
		keys = serving(renewed())
		if got := verdict(s.ReconsiderFor(t.Context(), realm("a"), "main", "ES256", tried)); got != "found" {
			t.Errorf("a new key under the old name: %s", got)
		}
		if got := verdict(s.ReconsiderFor(t.Context(), realm(".."), "main", "ES256", tried)); got != "not found" {
			t.Errorf("no tenant: %s", got)
		}
	})
}

func TestCloseOfTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i)
		settle(t, s, "a")
		i.set(hanging)
		var all sync.WaitGroup
		for _, name := range []string{"b", "c"} {
			all.Go(func() {
				if got := askTenant(t, s, realm(name), name); got != "unavailable" {
					t.Errorf("in flight when Close comes: %s", got)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		for range 3 {
			all.Go(func() { _ = s.Close() })
		}
		all.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("Close took %v", took)
		}
		before := i.fetches()
		for _, name := range []string{"a", "new"} {
			if got := askTenant(t, s, realm(name), name); got != "unavailable" {
				t.Errorf("after Close: %s", got)
			}
		}
		time.Sleep(24 * time.Hour)
		if i.fetches() != before {
			t.Errorf("%d fetches after Close", i.fetches()-before)
		}
	})
}

// A tenant that has to go while a request waits for its keys is looked for again: that request is not to blame.
func TestATenantThatGoesWhileItIsAskedAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slowly atomic.Bool
		i := realmServer(anyRealm)
		good := i.answer
		i.set(func(r *http.Request) (*http.Response, error) {
			if slowly.Load() && strings.Contains(r.URL.Path, "/victim/") {
				return slow(500*time.Millisecond, good)(r)
			}
			return good(r)
		})
		s := newTenants(t, i)
		_ = askTenant(t, s, realm("victim"), "victim")
		slowly.Store(true)
		answered := make(chan string, 1)
		go func() { answered <- askTenant(t, s, realm("victim"), "unknown") }() // waits for a fetch that may bring the kid
		synctest.Wait()
		for n := range 130 {
			_ = askTenant(t, s, realm(fmt.Sprint("other", n)), "k")
		}
		if got := <-answered; got != "not found" {
			t.Errorf("%s, want the answer of the tenant that was made again", got)
		}
	})
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

// Not parallel, as allocations of other tests would be counted.
func TestAKnownTenantCostsNoAllocation(t *testing.T) {
	s := newTenants(t, realmServer(anyRealm))
	defer func() { _ = s.Close() }()
	settle(t, s, "a")
	iss, ctx := realm("a"), t.Context()
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.VerificationKeysFor(ctx, iss, "a", "ES256") }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
