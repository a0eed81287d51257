package middleware_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
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
		cfg := config()
		cfg.PublicURL = address
		if _, err := middleware.New(cfg); err == nil || !strings.HasPrefix(err.Error(), "middleware: PublicURL "+shown+": ") {
			t.Errorf("%s: %v", address, err)
		}
	}
	cfg := config()
	cfg.Issuers[0].JWKSURI = "https://user:s3cr3t@login.example.com/keys?key=s3cr3t"
	const want = `middleware: Issuers[0].JWKSURI "https://xxxxx@login.example.com/keys" and Keys exclude each other: set one`
	if _, err := middleware.New(cfg); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
