package events_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/events"
)

func TestMistakesAreFoundByNew(t *testing.T) {
	list, err := revocation.New(revocation.Config{})
	if err != nil {
		t.Fatal(err)
	}
	auth, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{
			{URL: testkit.Issuer, Keys: testkit.KeySet(), Algorithms: []string{"EdDSA", "ES256"}},
			{URL: "starfly", Keys: testkit.KeySet()},
			{
				URL: "https://realms.example/{tenantid}", Keys: testkit.KeySet(), Algorithms: []string{"EdDSA"},
				AllowTenant: func(context.Context, string) bool { return true },
			},
			{URL: "https://opaque.example.com", JWTs: middleware.IntrospectJWTs, Introspector: nobody{}},
		},
		Audiences: []string{testkit.Audience},
		Logger:    silent,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		change func(*events.Config)
		want   string // empty: it is good
	}{
		{"nothing wrong", nil, ""},
		{"no transmitter", func(c *events.Config) { c.Transmitter = "" }, "Transmitter is empty"},
		{"a transmitter without TLS", func(c *events.Config) { c.Transmitter, c.Issuer = "http://tr.example.com", testkit.Issuer }, "Transmitter is"},
		{"a transmitter with a query", func(c *events.Config) { c.Transmitter, c.Issuer = "https://tr.example.com/?a", testkit.Issuer }, "no query"},
		{"a transmitter that is a name", func(c *events.Config) { c.Transmitter, c.Issuer = "moonfly", testkit.Issuer }, "Transmitter is"},
		{"a transmitter that is a name, with keys", func(c *events.Config) {
			c.Transmitter, c.Issuer, c.Keys = "moonfly", testkit.Issuer, testkit.KeySet()
		}, ""},
		{"a transmitter with a configuration", func(c *events.Config) { c.Transmitter, c.Issuer = "https://tr.example.com", testkit.Issuer }, ""},
		{"a transmitter that is nobody's issuer", func(c *events.Config) { c.Transmitter = "https://tr.example.com" }, "Issuer is"},
		{"an issuer that is not trusted", func(c *events.Config) { c.Issuer = "https://evil.example.com" }, "none of the Validator's"},
		{"an issuer of opaque tokens", func(c *events.Config) { c.Issuer = "https://opaque.example.com" }, ""},
		{"the tenants of a template", func(c *events.Config) { c.Issuer = "https://realms.example/{tenantid}" }, "one Receiver for each tenant"},
		{"the tenants of a template, told apart by Entries", func(c *events.Config) {
			c.Issuer = "https://realms.example/{tenantid}"
			c.Entries = func(context.Context, events.Event) ([]revocation.Entry, error) { return nil, nil }
		}, ""},
		{"a tenant of a template", func(c *events.Config) { c.Issuer = "https://realms.example/acme" }, ""},
		{"no audience", func(c *events.Config) { c.Audiences = nil }, "Audiences is"},
		{"an empty audience", func(c *events.Config) { c.Audiences = []string{"a", ""} }, "Audiences is"},
		{"an Authorization without scheme", func(c *events.Config) { c.Authorization = []string{"secret"} }, "without a scheme"},
		{"an Authorization with a space behind it", func(c *events.Config) { c.Authorization = []string{"Bearer secret "} }, "without a scheme"},
		{"an algorithm with a secret", func(c *events.Config) { c.Algorithms = []string{"HS256", "EdDSA"} }, `Algorithms has "HS256"`},
		{"an algorithm that the issuer may not use", func(c *events.Config) { c.Algorithms = []string{"RS256"} }, "leaves none"},
		{"one that it may use", func(c *events.Config) { c.Algorithms = []string{"RS256", "EdDSA"} }, ""},
		{"the profile, and an issuer without RS256", func(c *events.Config) { c.Interop = true }, "leaves none"},
		{"the profile, and other algorithms", func(c *events.Config) { c.Interop, c.Algorithms = true, []string{"EdDSA"} }, "RS256 alone"},
		{"the profile, and its algorithm", func(c *events.Config) {
			c.Interop, c.Algorithms, c.Keys = true, []string{"RS256"}, testkit.KeySet()
		}, ""},
		{"an issuer that is a name", func(c *events.Config) { c.Transmitter = "starfly" }, ""},
		{"the profile, and keys", func(c *events.Config) { c.Interop, c.Keys = true, testkit.KeySet() }, ""},
		{"a poll without TLS", func(c *events.Config) { c.PollURL = "http://idp.example.com/poll" }, "PollURL: it must begin with https://"},
		{"a poll without TLS at this machine", func(c *events.Config) { c.PollURL = "http://[::1]:80/poll" }, ""},
		{"a poll without TLS that is allowed", func(c *events.Config) {
			c.PollURL, c.DangerouslyAllowHTTP = "http://IDP:8080/poll", []string{"idp:8080"}
		}, ""},
		{"a poll without TLS at another port", func(c *events.Config) {
			c.PollURL, c.DangerouslyAllowHTTP = "http://idp/poll", []string{"idp:8080"}
		}, "PollURL"},
		{"a poll at port 80 that is allowed", func(c *events.Config) { c.PollURL, c.DangerouslyAllowHTTP = "http://idp/poll", []string{"idp:80"} }, ""},
		{"a poll with a password", func(c *events.Config) { c.PollURL = "https://u:secret@idp.example.com/poll" }, "PollURL: it must name a host"},
		{"a poll with a fragment", func(c *events.Config) { c.PollURL = "https://idp.example.com/poll#x" }, "PollURL: it must name a host"},
		{"a poll of nobody", func(c *events.Config) { c.PollURL = "https:///poll" }, "PollURL: it must name a host"},
		{"a poll that is no URL", func(c *events.Config) { c.PollURL = "https://%" }, "PollURL: it is no URL"},
		{"a poll of a file", func(c *events.Config) { c.PollURL = "file://localhost/etc" }, "PollURL: it must begin"},
		{"a verification without TLS", func(c *events.Config) { c.VerificationURL = "http://idp.example.com/verify" }, "VerificationURL: it must begin"},
		{"a verification of no stream", func(c *events.Config) { c.VerificationURL, c.StreamID = "https://idp.example.com", "" }, "StreamID is empty"},
		{"a host without port", func(c *events.Config) { c.DangerouslyAllowHTTP = []string{"idp"} }, "DangerouslyAllowHTTP"},
		{"a wildcard", func(c *events.Config) { c.DangerouslyAllowHTTP = []string{"*.example.com:80"} }, "DangerouslyAllowHTTP"},
		{"a host with a path", func(c *events.Config) { c.DangerouslyAllowHTTP = []string{"idp:80/"} }, "DangerouslyAllowHTTP"},
		{"a host that is none", func(c *events.Config) { c.DangerouslyAllowHTTP = []string{"%:80"} }, "DangerouslyAllowHTTP"},
		{"a port that is none", func(c *events.Config) { c.DangerouslyAllowHTTP = []string{"idp:65536"} }, "DangerouslyAllowHTTP"},
		{"a port of another spelling", func(c *events.Config) { c.DangerouslyAllowHTTP = []string{"idp:080"} }, "DangerouslyAllowHTTP"},
		{"a poll without TLS at an address", func(c *events.Config) { c.PollURL = "http://10.0.0.1/poll" }, "PollURL: it must begin"},
		{"a port without host", func(c *events.Config) { c.DangerouslyAllowHTTP = []string{":80"} }, "DangerouslyAllowHTTP"},
		{"a wait that is negative", func(c *events.Config) { c.VerifyWithin = -time.Second }, "VerifyWithin is -1s"},
	} {
		cfg := events.Config{Transmitter: testkit.Issuer, Audiences: []string{audience}, StreamID: "s", Logger: silent}
		if row.change != nil {
			row.change(&cfg)
		}
		r, err := events.New(auth, list, cfg)
		if (err == nil) != (row.want == "") || (r == nil) != (row.want != "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error has the secret: %v", row.name, err)
		}
	}
	if n := len(list.Status().Feeds); n != 4 {
		t.Errorf("there are %d feeds, so mistakes have made some", n)
	}
	_, err = events.New(nil, nil, events.Config{VerifyWithin: -1})
	for _, want := range []string{"List is nil", "Transmitter", "Issuer", "Audiences", "VerifyWithin"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("not all mistakes at once: %v", err)
		}
	}
	long := strings.Repeat("t", 5000)
	if _, err := events.New(
		auth, list, events.Config{Transmitter: long, Issuer: testkit.Issuer, Keys: testkit.KeySet(), Audiences: []string{audience}},
	); err == nil {
		t.Error("a feed of any length was made")
	}
}

func TestEveryAsymmetricAlgorithmMayBeUsed(t *testing.T) {
	for _, name := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		offline(t, nil, func(cfg *events.Config) { cfg.Keys, cfg.Algorithms = testkit.KeySet(), []string{name} })
	}
}

type nobody struct{ middleware.Introspector }

func TestAConfigPrintsNoSecret(t *testing.T) {
	cfg := events.Config{Transmitter: "https://tr", Authorization: []string{"Bearer secret"}, PollURL: "https://tr/poll?secret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, cfg); strings.Contains(got, "secret") || !strings.Contains(got, "https://tr") {
			t.Errorf("%s: %s", verb, got)
		}
	}
}
