package reports_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestLog(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		cfg.Issuers[0].Introspector = kit.FixedAnswer{Err: errors.New("connection refused")}
	})
	for _, row := range []struct {
		name  string
		guard *middleware.Guard
		token string
		want  string
	}{
		{"an admitted request is the application's to log", v.Require("read"), kit.Mint(kit.GoodClaims(nil)), ""},
		{"a missing scope", v.Require("admin", "root"), kit.Mint(kit.GoodClaims(nil)),
			`level=INFO msg="access token not accepted" outcome=forbidden reason=scope method=GET path=/orders issuer=` + testkit.Issuer +
				` client_id=client-1 needs="admin root" error="the token lacks a scope that the route needs"` +
				` got="scopes 'read', 'write' in claim 'scope'" expected="scope 'admin' and 'root'"` +
				` hint="the client has to ask for the scope when it fetches the token, and the server has to grant it" verified=true`},
		{"another API's token", v.Require(), kit.Mint(kit.GoodClaims(kit.Claims{"aud": "other"})),
			`level=INFO msg="access token not accepted" outcome=refused reason=audience method=GET path=/orders issuer=` + testkit.Issuer +
				` error="aud does not name this API" got="aud 'other'" expected="aud '` + testkit.Audience +
				`'" hint="the client has to ask for a token for this API; if it did, add what the server writes to Config.Audiences" verified=true`},
		{"a token of nobody", v.Require(), testkit.Sign(
			kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"iss": testkit.Issuer + "/"}))), testkit.StrangeKey(),
		),
			`level=INFO msg="access token not accepted" outcome=refused reason=unknown_issuer method=GET path=/orders` +
				` error="iss is not one of the configured issuers" got="iss '` + testkit.Issuer + `/'" expected="iss '` + testkit.Issuer +
				`'" hint="they differ only by a slash at the end: iss is compared byte for byte, so set Issuer.URL to what the tokens say" verified=false`},
		{"an outage", v.Require(), "opaque",
			`level=WARN msg="access token not accepted" outcome=unavailable reason=introspection_unavailable method=GET path=/orders issuer=` + testkit.Issuer +
				` error="connection refused"`},
		{"our own fault", v.Require().Allow(
			func(context.Context, *middleware.Token, middleware.Credentials) error { return &middleware.Error{} },
		), kit.Mint(kit.GoodClaims(nil)),
			`level=ERROR msg="access token not accepted" outcome=failed reason=rule method=GET path=/orders issuer=` + testkit.Issuer + ` client_id=client-1`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.Reset()
			kit.Serve(row.guard, kit.Bearer(row.token))
			if got := strings.TrimSpace(b.String()); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
	b.Reset()
	kit.Serve(v.Optional(), kit.Request("GET", nil))
	if b.Len() > 0 {
		t.Errorf("an anonymous request is logged: %s", b.String())
	}
}

// A handler that writes JSON must not prefer the client's view, the problem document, to the cause.
func TestJSONLogNamesTheCause(t *testing.T) {
	var b kit.Log
	logger := slog.New(slog.NewJSONHandler(&b, nil))
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = logger })
	_, err := v.Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 60}))))
	logger.Info("by the application", "error", err)
	for line := range strings.Lines(b.String()) {
		var record struct{ Error string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || !strings.Contains(record.Error, "exp has passed") {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// A program may set its default after it has made a Validator, so it is asked for at each line.
func TestWithoutALoggerTheDefaultIsTold(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = nil })
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	kit.Serve(v.Require(), kit.Request("GET", nil))
	if !strings.Contains(b.String(), "reason=no_token") {
		t.Errorf("the default logger was told %q", &b)
	}
	b.Reset()
	silent := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = slog.New(slog.DiscardHandler) })
	kit.Serve(silent.Require(), kit.Request("GET", nil))
	if b.Len() > 0 {
		t.Errorf("a Logger that discards does not silence the default: %q", &b)
	}
}

func TestLogLevelIsAsked(t *testing.T) {
	var b kit.Log
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	kit.Serve(v.Require(), kit.Request("GET", nil))
	if b.Len() > 0 {
		t.Errorf("a refusal is logged at a level that is switched off: %s", b.String())
	}
}

// What a token says goes to the log on one line, bounded, and forges no record.
func TestLogInjection(t *testing.T) {
	forged := "x\nlevel=INFO msg=\"admin admitted\"\r\n\x1b[2J\x1b]0;title\x07\u2028\u0085%s%n\x00"
	handlers := map[string]func(*kit.Log) slog.Handler{
		"text": func(b *kit.Log) slog.Handler { return slog.NewTextHandler(b, nil) },
		"JSON": func(b *kit.Log) slog.Handler { return slog.NewJSONHandler(b, nil) },
	}
	for _, hostile := range []string{forged, strings.Repeat("A", 8<<10), strings.Repeat("A", 12<<10), strings.Repeat("é", 6<<10), strings.Repeat("\n", 12<<10)} {
		for name, attack := range map[string]struct {
			token string
			needs string
		}{
			"sub":            {kit.Mint(kit.GoodClaims(kit.Claims{"sub": hostile})), "admin"},
			"client_id":      {kit.Mint(kit.GoodClaims(kit.Claims{"client_id": hostile})), "admin"},
			"jti":            {kit.Mint(kit.GoodClaims(kit.Claims{"jti": hostile})), "admin"},
			"aud":            {kit.Mint(kit.GoodClaims(kit.Claims{"aud": hostile})), ""},
			"iss":            {kit.Mint(kit.GoodClaims(kit.Claims{"iss": hostile})), ""},
			"a claim's name": {kit.Mint(kit.GoodClaims(kit.Claims{hostile: 1, "SUB": 1})), ""},
			"kid": {
				testkit.Sign(
					string(testkit.JSON(kit.Claims{"alg": "EdDSA", "kid": hostile[:min(len(hostile), 900)]})),
					string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey(),
				),
				"",
			},
			"typ": {
				testkit.Sign(string(testkit.JSON(kit.Claims{"alg": "EdDSA", "typ": hostile})), string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()),
				"",
			},
			"alg":              {testkit.Sign(string(testkit.JSON(kit.Claims{"alg": hostile})), string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey()), ""},
			"an opaque token":  {strings.Repeat("o", 12<<10), ""},
			"a malformed text": {strings.Repeat("\x1b", 12<<10), ""},
		} {
			for handler, makeHandler := range handlers {
				var b kit.Log
				v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Logger = slog.New(makeHandler(&b)) })
				g := v.Require()
				if attack.needs != "" {
					g = v.Require(attack.needs)
				}
				kit.Serve(g, kit.Bearer(attack.token))
				text := b.String()
				if strings.Count(text, "\n") != 1 || strings.ContainsAny(strings.TrimSuffix(text, "\n"), "\r\x1b\x07\x00") {
					t.Errorf("%s, %s: %q is not one clean line", name, handler, text[:min(len(text), 300)])
				}
				if len(text) > 4<<10 {
					t.Errorf("%s, %s: the record has %d bytes", name, handler, len(text))
				}
			}
		}
	}
}

// What a token says goes to the log cut short, or each garbage token could fill it.
func TestTextFromATokenIsCutForTheLog(t *testing.T) {
	_, err := kit.NewValidator(t, nil).Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"iss": strings.Repeat("x", 4000)}))))
	if cause := fmt.Sprint(errors.Unwrap(err)); len(cause) > 500 || !strings.Contains(cause, "xxx") {
		t.Errorf("an unknown issuer of 4000 bytes makes a cause of %d", len(cause))
	}
}
