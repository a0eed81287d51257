package configs_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// listOfKeys is a KeySource of a type whose values cannot be compared.
type listOfKeys struct {
	*jwks.Set
	_ []string
}

// New takes what is right for some, and says once what it means.
func TestWarnings(t *testing.T) {
	const (
		plain  = "PublicURL http://api.example.com"
		toss   = "FromCookie session"
		zeros  = "DPoP.NonceSecrets[1], one byte 32 times"
		shared = "the keys of issuers https://login.example.com and https://two.example come from one place"
	)
	keys := testkit.KeySet()
	issuers := func(one, two middleware.Issuer) func(*middleware.Config) {
		return func(cfg *middleware.Config) {
			one.URL, two.URL = testkit.Issuer, "https://two.example"
			cfg.Issuers = []middleware.Issuer{one, two}
		}
	}
	for _, row := range []struct {
		name   string
		change func(*middleware.Config)
		want   []string
	}{
		{"an ordinary configuration", func(*middleware.Config) {}, nil},
		{"plain http, which anybody reads", func(cfg *middleware.Config) { cfg.PublicURL = "http://api.example.com" }, []string{plain}},
		{"plain http at another address of the API", func(cfg *middleware.Config) {
			cfg.PublicURL, cfg.PublicURLs = "https://api.example.com", []string{"https://b.example", "http://c.example/v1"}
		}, []string{"PublicURLs[1] http://c.example/v1"}},
		{"https", func(cfg *middleware.Config) { cfg.PublicURL = "https://api.example.com" }, nil},
		{"plain http on this machine", func(cfg *middleware.Config) { cfg.PublicURL = "http://127.0.0.2:8080" }, nil},
		{"plain http on this machine by name", func(cfg *middleware.Config) { cfg.PublicURL = "http://LOCALHOST:8080/v1" }, nil},
		{"a cookie that a sibling host can set", withSource(middleware.FromCookie("session")), []string{toss}},
		{"a cookie of this host", withSource(middleware.FromCookie("__Host-session")), nil},
		{"a field called like a cookie", withSource(middleware.FromHeader("session")), nil},
		{"a secret that was never filled", func(cfg *middleware.Config) {
			kit.SetPublicURL(cfg)
			cfg.DPoP.NonceSecrets = [][]byte{[]byte(strings.Repeat("random", 6)), make([]byte, 32)}
		}, []string{zeros}},
		{"one source for two issuers", issuers(middleware.Issuer{Keys: keys}, middleware.Issuer{Keys: keys}), []string{shared}},
		{
			"one address for two issuers",
			issuers(middleware.Issuer{JWKSURI: "https://keys.example"}, middleware.Issuer{JWKSURI: "https://keys.example"}),
			[]string{shared},
		},
		{"a source for each", issuers(middleware.Issuer{Keys: keys}, middleware.Issuer{Keys: testkit.KeySet()}), nil},
		{"an address for each", issuers(middleware.Issuer{JWKSURI: "https://keys.example"}, middleware.Issuer{JWKSURI: "https://two.example"}), nil},
		{"metadata for each", issuers(middleware.Issuer{}, middleware.Issuer{}), nil},
		{"a source and an address", issuers(middleware.Issuer{Keys: keys}, middleware.Issuer{JWKSURI: "https://keys.example"}), nil},
		{"sources that cannot be compared", issuers(middleware.Issuer{Keys: listOfKeys{Set: keys}}, middleware.Issuer{Keys: listOfKeys{Set: keys}}), nil},
		{"all at once", func(cfg *middleware.Config) {
			issuers(middleware.Issuer{Keys: keys}, middleware.Issuer{Keys: keys})(cfg)
			withSource(middleware.FromCookie("session"))(cfg)
			cfg.PublicURL = "http://api.example.com"
		}, []string{plain, toss, shared}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var b kit.Log
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Logger = slog.New(slog.NewTextHandler(&b, nil))
				row.change(cfg)
			})
			var settings []string
			for line := range strings.Lines(b.String()) {
				_, rest, _ := strings.Cut(line, `level=WARN msg="middleware: a setting is a risk" setting="`)
				setting, rest, _ := strings.Cut(rest, `" risk="`)
				if _, remedy, ok := strings.Cut(rest, `" remedy="`); !ok || remedy == "" {
					t.Errorf("the line has no remedy: %s", line)
				}
				settings = append(settings, setting)
			}
			if !slices.Equal(settings, row.want) {
				t.Errorf("warned of %q, want %q", settings, row.want)
			}
			b.Reset()
			kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))))
			kit.Serve(v.Require(), kit.Request("GET", nil))
			if strings.Contains(b.String(), "a setting is a risk") {
				t.Errorf("warned again by a request: %s", b.String())
			}
		})
	}
}

func withSource(source middleware.TokenSource) func(*middleware.Config) {
	return func(cfg *middleware.Config) { cfg.TokenSources = []middleware.TokenSource{source} }
}

// A Config that is refused is mended first, and nobody is told of risks.
func TestMistakesComeBeforeWarnings(t *testing.T) {
	var b kit.Log
	cfg := kit.Config()
	cfg.Logger = slog.New(slog.NewTextHandler(&b, nil))
	cfg.PublicURL, cfg.Realm = "http://api.example.com", "\n"
	if _, err := middleware.New(cfg); err == nil || b.String() != "" {
		t.Errorf("New: %v; logged %q", err, b.String())
	}
}
