package jwks_test

import (
	"errors"
	"fmt"
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
		{
			"the metadata of another tenant in one of three places", false,
			numbered(always(404, ""), always(200, metadata(realm("b"), keysURL)), always(404, "")), "unavailable",
		},
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

func TestStatusOfTenants(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := realmServer(anyRealm)
		s := newTenants(t, i)
		if got := s.Status(); got.Keys != 0 || got.LastError != nil || !got.LoadedAt.IsZero() || !got.NextRefresh.IsZero() {
			t.Errorf("at first: %+v", got)
		}
		for _, name := range []string{"a", "b", "c"} {
			settle(t, s, name)
			time.Sleep(time.Minute)
		}
		_ = askTenant(t, s, realm("newcomer"), "newcomer") // of which nothing was verified
		got := s.Status()
		if got.Keys != 3 || got.LastError != nil || time.Since(got.LoadedAt) != time.Minute || got.Failures != 0 {
			t.Errorf("three tenants: %+v", got)
		}
		for range 20 { // the tenants are in no order
			if next := time.Until(s.Status().NextRefresh); next > 7*time.Minute || next < 6*time.Minute {
				t.Errorf("the next refresh is in %v, want that of the first tenant, ten minutes after it came or up to a tenth less", next)
			}
		}
		i.set(failing)
		time.Sleep(time.Hour)
		if got := s.Status(); got.Keys != 3 || got.LastError == nil || got.Failures < 3 {
			t.Errorf("during an outage: %+v", got)
		}
		time.Sleep(24 * time.Hour)
		if got := s.Status(); got.Keys != 0 || got.LastError == nil {
			t.Errorf("without keys: %+v", got)
		}
		_ = s.Close()
		if got := s.Status(); got.Keys != 0 || !errors.Is(got.LastError, jwks.ErrUnavailable) {
			t.Errorf("after Close: %+v", got)
		}
	})
}
