package configs_test

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// mistake is a change to a good Config, and every line that New must then report.
type mistake struct {
	name   string
	change func(*middleware.Config)
	want   []string
}

// unmade is a Revocations of which there is a nil.
type unmade struct{ kit.Verdicts }

// wantMistakes holds New to report exactly these lines, without I/O.
func wantMistakes(t *testing.T, mistakes []mistake) {
	t.Helper()
	for _, row := range mistakes {
		t.Run(row.name, func(t *testing.T) {
			cfg := kit.Config()
			cfg.HTTPClient = kit.NoNetwork(t)
			row.change(&cfg)
			v, err := middleware.New(cfg)
			if err == nil {
				t.Fatal("New takes it")
			}
			if v != nil {
				t.Error("New returns a Validator beside the error")
			}
			if got := strings.Split(err.Error(), "\n"); !slices.Equal(got, row.want) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(row.want, "\n  "))
			}
		})
	}
}

func TestConfigMistakes(t *testing.T) {
	set := func(change func(*middleware.Config)) func(*middleware.Config) { return change }
	wantMistakes(t, []mistake{
		{"no issuers", set(func(c *middleware.Config) { c.Issuers = nil }),
			[]string{"middleware: Issuers is empty: name at least one trusted authorization server"}},
		{"nothing at all", set(func(c *middleware.Config) { c.Issuers, c.Audiences = nil, nil }), []string{
			"middleware: Issuers is empty: name at least one trusted authorization server",
			"middleware: Audiences is empty: name this API as the server writes it into aud (RFC 9068 section 4)"}},
		{"no audiences", set(func(c *middleware.Config) { c.Audiences = nil }),
			[]string{
				"middleware: Issuers[0].Audiences and Config.Audiences are empty: name this API as the server writes it into aud, or use AllowedClients (RFC 9068 section 4)",
			}},
		{"an empty audience", set(func(c *middleware.Config) { c.Audiences = []string{"a", ""} }),
			[]string{"middleware: Audiences[1] is empty: is an environment variable missing?"}},
		{"an audience of spaces", set(func(c *middleware.Config) { c.Audiences = []string{" "} }),
			[]string{"middleware: Audiences[0] is empty: is an environment variable missing?"}},
		{"an empty audience that nobody needs", set(func(c *middleware.Config) { c.Audiences = []string{""}; c.Issuers[0].Audiences = []string{"a"} }),
			[]string{"middleware: Audiences[0] is empty: is an environment variable missing?"}},
		{"a negative token length", set(func(c *middleware.Config) { c.MaxTokenBytes = -1 }),
			[]string{"middleware: MaxTokenBytes is -1: it must lie between 1 and 1048576, or be 0 for 16384"}},
		{"a token length that no server lets through", set(func(c *middleware.Config) { c.MaxTokenBytes = 1<<20 + 1 }),
			[]string{"middleware: MaxTokenBytes is 1048577: it must lie between 1 and 1048576, or be 0 for 16384"}},
		{"a nil among the revocations", set(func(c *middleware.Config) { c.Revocations = []middleware.Revocations{nil} }),
			[]string{"middleware: Revocations[0] is nil: leave it out, or name what knows of revocations"}},
		{"revocations whose constructor has failed", set(func(c *middleware.Config) { c.Revocations = []middleware.Revocations{(*unmade)(nil)} }),
			[]string{"middleware: Revocations[0] is nil: leave it out, or name what knows of revocations"}},
		{"a negative age of what is known of revocations", set(func(c *middleware.Config) { c.RevocationsWithin = -1 }),
			[]string{"middleware: RevocationsWithin is -1ns: it must not be negative; zero is no limit"}},
		{"a limit for what is never known", set(func(c *middleware.Config) { c.RevocationsWithin = time.Second }),
			[]string{"middleware: RevocationsWithin is 1s, but Revocations is nil: nothing would ever be known"}},
		{"a negative age of cached tokens", set(func(c *middleware.Config) { c.TokenCache.MaxAge = -time.Second }),
			[]string{"middleware: TokenCache.MaxAge is -1s: it must not be negative; to switch the cache off set TokenCache.Entries to -1"}},
		{"a negative number of bytes", set(func(c *middleware.Config) { c.TokenCache.Bytes = -1 }),
			[]string{"middleware: TokenCache.Bytes is -1: it must be at least 65536, or 0 for no limit but TokenCache.Entries"}},
		{"bytes for a few tokens", set(func(c *middleware.Config) { c.TokenCache.Bytes = 65535 }),
			[]string{"middleware: TokenCache.Bytes is 65535: it must be at least 65536, or 0 for no limit but TokenCache.Entries"}},
		{"bytes for a cache that is off", set(func(c *middleware.Config) { c.TokenCache.Bytes, c.TokenCache.Entries = 1<<20, -1 }),
			[]string{"middleware: TokenCache.Bytes is 1048576, and TokenCache.Entries -1 switches the cache off: leave out one of them"}},
		{"a realm with a quote", set(func(c *middleware.Config) { c.Realm = `a"b` }),
			[]string{`middleware: Realm "a\"b": it must be of printable ASCII without quotes and backslashes (RFC 6750 section 3)`}},
		{"a realm that splits the answer", set(func(c *middleware.Config) { c.Realm = "a\r\nb" }),
			[]string{`middleware: Realm "a\r\nb": it must be of printable ASCII without quotes and backslashes (RFC 6750 section 3)`}},
		{"a realm beyond ASCII", set(func(c *middleware.Config) { c.Realm = "café" }),
			[]string{`middleware: Realm "café": it must be of printable ASCII without quotes and backslashes (RFC 6750 section 3)`}},
		{"a scope that is none", set(func(c *middleware.Config) { c.ScopeImplies = map[string][]string{"a b": {"c"}} }),
			[]string{`middleware: ScopeImplies["a b"]: "a b" is no scope-token (RFC 6749 section 3.3)`}},
		{"a carried scope that is none", set(func(c *middleware.Config) { c.ScopeImplies = map[string][]string{"a": {"b", ""}} }),
			[]string{`middleware: ScopeImplies["a"]: "" is no scope-token (RFC 6749 section 3.3)`}},
	})
}

func TestPublicURLMistakes(t *testing.T) {
	for _, bad := range []string{
		"api.example.com", "//api.example.com", "/v1", "https://", "https:///v1", "ftp://api.example.com",
		"https://api.example.com?", "https://api.example.com?a=b", "https://api.example.com/#a", "https://api.example.com:x", "https://%zz", " https://api.example.com",
		"https://api.example.com:0", "https://api.example.com:65536", "https://<>", `https://a;b`, "https://a,b", "https://[::g]", "https://[api]", "https://bücher.example",
	} {
		cfg := kit.Config()
		cfg.PublicURL = bad
		_, err := middleware.New(cfg)
		if err == nil || !strings.HasPrefix(
			err.Error(),
			`middleware: PublicURL "`+bad+`": it must be scheme and host as clients see them, such as https://api.example.com`,
		) {
			t.Errorf("PublicURL %q: got %v", bad, err)
		}
	}
	for _, fine := range []string{
		"https://api.example.com", "https://api.example.com/", "http://localhost:8080/v1", "https://[::1]:8443",
		"https://my_api.internal:65535", "https://API.example.com", "https://192.0.2.1",
	} {
		cfg := kit.Config()
		cfg.PublicURL = fine
		if _, err := middleware.New(cfg); err != nil {
			t.Errorf("PublicURL %q: %v", fine, err)
		}
	}
}

func TestSourceMistakes(t *testing.T) {
	sources := func(s ...middleware.TokenSource) func(*middleware.Config) {
		return func(c *middleware.Config) { c.TokenSources = s }
	}
	wantMistakes(t, []mistake{
		{"a source that nobody made", sources(middleware.FromForm(), middleware.TokenSource{}),
			[]string{"middleware: TokenSources[1] is the zero TokenSource: make it with FromHeader, FromCookie or FromForm"}},
		{"a header without a name", sources(middleware.FromHeader("")), []string{`middleware: TokenSources[0]: "" is no name of a header field or cookie`}},
		{"a header with a space", sources(middleware.FromHeader("a b")), []string{`middleware: TokenSources[0]: "a b" is no name of a header field or cookie`}},
		{"a cookie without a name", sources(middleware.FromCookie("")), []string{`middleware: TokenSources[0]: "" is no name of a header field or cookie`}},
		{"a cookie with a separator", sources(middleware.FromCookie("a;b")), []string{`middleware: TokenSources[0]: "a;b" is no name of a header field or cookie`}},
		{"the Authorization field again", sources(middleware.FromHeader("authorization")),
			[]string{"middleware: TokenSources[0]: the Authorization field is always read, with its scheme; leave it out"}},
		{"all cookies at once", sources(middleware.FromCookie("Cookie"), middleware.FromHeader("cookie")),
			[]string{"middleware: TokenSources[1]: the Cookie field holds many cookies; use FromCookie with the name of one"}},
		{"a header twice, in two spellings", sources(middleware.FromHeader("x-token"), middleware.FromHeader("X-Token")),
			[]string{`middleware: TokenSources[1]: "X-Token" is named twice`}},
		{"the form twice", sources(middleware.FromForm(), middleware.FromForm()), []string{`middleware: TokenSources[1]: "access_token" is named twice`}},
	})
}

// Whoever mends a Config wants to mend it once.
func TestAllMistakesAtOnce(t *testing.T) {
	wantMistakes(t, []mistake{{"one of each kind", func(c *middleware.Config) {
		c.Audiences = []string{""}
		c.Realm = "\n"
		c.MaxTokenBytes = -1
		c.PublicURL = "x"
		c.TokenSources = []middleware.TokenSource{{}}
		c.ScopeImplies = map[string][]string{"": nil}
		c.Issuers = []middleware.Issuer{{Leeway: time.Hour, Profile: 7}, {URL: "https://two.example", Algorithms: []string{"none"}}}
	}, []string{
		`middleware: ScopeImplies[""]: "" is no scope-token (RFC 6749 section 3.3)`,
		"middleware: MaxTokenBytes is -1: it must lie between 1 and 1048576, or be 0 for 16384",
		`middleware: Realm "\n": it must be of printable ASCII without quotes and backslashes (RFC 6750 section 3)`,
		`middleware: PublicURL "x": it must be scheme and host as clients see them, such as https://api.example.com, with no query or fragment`,
		"middleware: TokenSources[0] is the zero TokenSource: make it with FromHeader, FromCookie or FromForm",
		"middleware: Audiences[0] is empty: is an environment variable missing?",
		"middleware: Issuers[0].URL is empty: it must be the exact iss value of the server's tokens",
		"middleware: Issuers[0].Leeway is 1h0m0s: RFC 9068 section 4 allows a few minutes, at most 5m0s here",
		"middleware: Issuers[0].Profile is 7: use AnyAccessToken, RFC9068 or IDToken",
		`middleware: Issuers[1].Algorithms holds "none", which is not supported: use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, or HS256, HS384, HS512 with Keys`,
	}}})
}

// A service comes up while its authorization server is down.
func TestNewDoesNoIO(t *testing.T) {
	before := runtime.NumGoroutine()
	cfg := middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: "https://one.example"}, {URL: "https://two.example", JWKSURI: "https://two.example/keys"},
			{URL: "https://three.example/{tenantid}", JWKSURI: "https://three.example/keys", AllowTenant: func(context.Context, string) bool { return true }},
		},
		Audiences: []string{testkit.Audience}, HTTPClient: kit.NoNetwork(t),
	}
	v := testkit.Must(middleware.New(cfg))
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("New started %d goroutines", after-before)
	}
	if got := kit.Serve(v.Require(), kit.Request(http.MethodGet, nil)); got.String() != "401" {
		t.Errorf("without a token: got %v, want 401 and nothing fetched", got)
	}
	for _, health := range v.Health() {
		if health.Ready {
			t.Errorf("%s is ready without keys", health.Issuer)
		}
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

// New compiles its Config: whoever writes to the same slices afterwards changes nothing.
func TestConfigIsCopied(t *testing.T) {
	cfg := kit.Config()
	cfg.Issuers[0].Aliases = []string{"https://alias.example"}
	cfg.Issuers[0].Algorithms = []string{"EdDSA"}
	cfg.Issuers[0].Claims.Scopes = []string{"scope"}
	cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token")}
	cfg.ScopeImplies = map[string][]string{"read": {"list"}}
	v := testkit.Must(middleware.New(cfg))

	cfg.Audiences[0] = "https://other.example"
	cfg.Issuers[0].Aliases[0], cfg.Issuers[0].Algorithms[0], cfg.Issuers[0].Claims.Scopes[0] = "x", "x", "x"
	cfg.TokenSources[0] = middleware.FromHeader("Y-Token")
	cfg.ScopeImplies["read"][0] = "x"
	cfg.ScopeImplies["write"] = []string{"admin"}
	cfg.Issuers[0].URL = "x"

	for _, row := range []struct {
		name, want string
		guard      *middleware.Guard
		request    *http.Request
	}{
		{"audience, algorithm, scopes and implied scopes", "200", v.Require("list"), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))},
		{"aliases", "200", v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://alias.example"})))},
		{"token sources", "200", v.Require(), kit.Request("GET", kit.Fields("X-Token", kit.Mint(kit.GoodClaims(nil))))},
		{"a scope that was implied later", "403 insufficient_scope", v.Require("admin"), kit.Bearer(kit.Mint(kit.GoodClaims(nil)))},
	} {
		if got := kit.Serve(row.guard, row.request); got.String() != row.want {
			t.Errorf("%s: got %v, want %s", row.name, got, row.want)
		}
	}
}

// What net/http's own check of origins cannot read must not become a PublicURL that it silently lacks.
func TestPublicURLsThatAreNoOrigin(t *testing.T) {
	for _, url := range []string{"https://[zz]", "https://a|b", "https://a^", "https://a{"} {
		cfg := kit.Config()
		cfg.PublicURL = url
		if v, err := middleware.New(cfg); err == nil || v != nil || !strings.Contains(err.Error(), "middleware: PublicURL "+strconv.Quote(url)) {
			t.Errorf("%s: %v, want a mistake", url, err)
		}
	}
}
