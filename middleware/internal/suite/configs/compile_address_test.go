package configs_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A mistake in a Config ends in logs, so it may not repeat the user, the password or the query of an address.
func TestMistakesShowNoUser(t *testing.T) {
	for address, shown := range map[string]string{
		"https://user:s3cr3t@api.example.com":   `"https://xxxxx@api.example.com"`,
		"https://user:s3c@r3t@api.example.com/": `"https://xxxxx@api.example.com/"`,
		"https://user:%zzs3cr3t@api.ex":         `"https://xxxxx@api.ex"`,
		"user:s3cr3t@api.example.com":           `"xxxxx@api.example.com"`,
		"https://user@api.example.com":          `"https://xxxxx@api.example.com"`,
		"u:a://s3cr3t@api.example.com":          `"xxxxx@api.example.com"`,
		"ftp://user:s3cr3t@api.example.com":     `"xxxxx@api.example.com"`,
		"user:s3cr3t@https://api.example.com":   `"xxxxx@https://api.example.com"`,
		"api.example.com:80":                    `"api.example.com:80"`,
	} {
		cfg := kit.Config()
		cfg.PublicURL = address
		if _, err := middleware.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "middleware: PublicURL "+shown+": ") {
			t.Errorf("%s: %v", address, err)
		}
	}
	cfg := kit.Config()
	cfg.Issuers[0].JWKSURI = "https://user:s3cr3t@login.example.com/keys?key=s3cr3t"
	const want = `middleware: Issuers[0].JWKSURI "https://xxxxx@login.example.com/keys" and Keys exclude each other: set one`
	if _, err := middleware.New(cfg); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestMistakesInPublicURLs(t *testing.T) {
	for name, row := range map[string]struct {
		first string
		more  []string
		want  string
	}{
		"without PublicURL":   {"", []string{"https://api.example.com"}, "PublicURLs is set without PublicURL"},
		"no address":          {testkit.Audience, []string{"https://ok.example", "api.example.com"}, `PublicURLs[1] "api.example.com": it must be scheme and host`},
		"a query":             {testkit.Audience, []string{"https://api.example.org/?a"}, `PublicURLs[0] "https://api.example.org/?a": it must be`},
		"an empty one":        {testkit.Audience, []string{""}, `PublicURLs[0] "": it must be`},
		"the same twice":      {testkit.Audience, []string{testkit.Audience + "/"}, `PublicURLs[0] "` + testkit.Audience + `/" is named twice`},
		"a name and a secret": {testkit.Audience, []string{"https://user:secret@api.example.org"}, `PublicURLs[0] "https://xxxxx@api.example.org"`},
	} {
		cfg := kit.Config()
		cfg.PublicURL, cfg.PublicURLs = row.first, row.more
		if _, err := middleware.New(cfg); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: New says %v, want %q", name, err, row.want)
		}
	}
}
