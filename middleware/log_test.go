package middleware_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

func TestLog(t *testing.T) {
	var b bytes.Buffer
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}}))
		cfg.Issuers[0].Introspector = fixedAnswer{err: errors.New("connection refused")}
	})
	for _, row := range []struct {
		name  string
		guard *middleware.Guard
		token string
		want  string
	}{
		{"an admitted request is the application's to log", v.Require("read"), mint(good(nil)), ""},
		{"a missing scope", v.Require("admin", "root"), mint(good(nil)),
			`level=INFO msg="access token not accepted" outcome=forbidden reason=scope issuer=` + issuer +
				` subject=user-1 client_id=client-1 token_id=token-1 needs="admin root" error="middleware: scope: the token lacks a scope that the route needs"`},
		{"another API's token", v.Require(), mint(good(claims{"aud": "other"})),
			`level=INFO msg="access token not accepted" outcome=refused reason=audience issuer=` + issuer +
				` error="middleware: audience: aud is \"\\\"other\\\"\", want one of [\"` + audience + `\"]"`},
		{"an outage", v.Require(), "opaque",
			`level=WARN msg="access token not accepted" outcome=unavailable reason=introspection_unavailable issuer=` + issuer +
				` error="middleware: introspection_unavailable: connection refused"`},
		{"our own fault", v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return &middleware.Error{} }), mint(good(nil)),
			`level=ERROR msg="access token not accepted" outcome=failed reason=rule issuer=` + issuer +
				` subject=user-1 client_id=client-1 token_id=token-1 error="middleware: rule"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.Reset()
			serve(row.guard, bearer(row.token))
			if got := strings.TrimSpace(b.String()); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
	b.Reset()
	serve(v.Optional(), request("GET", nil))
	if b.Len() > 0 {
		t.Errorf("an anonymous request is logged: %s", b.String())
	}
}

// A handler that writes JSON must not prefer the client's view, the problem document, to the cause.
func TestJSONLogNamesTheCause(t *testing.T) {
	var b bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&b, nil))
	v := validator(t, func(cfg *middleware.Config) { cfg.Logger = logger })
	_, err := v.Require().Check(bearer(mint(good(claims{"exp": now.Unix() - 60}))))
	logger.Info("by the application", "error", err)
	for line := range strings.Lines(b.String()) {
		var record struct{ Error string }
		if err := json.Unmarshal([]byte(line), &record); err != nil || record.Error != "middleware: expired: exp has passed; if this is so of fresh tokens, compare the clocks" {
			t.Errorf("%s: %v", line, err)
		}
	}
}

func TestLogLevelIsAsked(t *testing.T) {
	var b bytes.Buffer
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Logger = slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	serve(v.Require(), request("GET", nil))
	if b.Len() > 0 {
		t.Errorf("a refusal is logged at a level that is switched off: %s", b.String())
	}
}

// What a token says goes to the log on one line, bounded, and forges no record.
func TestLogInjection(t *testing.T) {
	forged := "x\nlevel=INFO msg=\"admin admitted\"\r\n\x1b[2J\x1b]0;title\x07\u2028\u0085%s%n\x00"
	handlers := map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"JSON": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	}
	for _, hostile := range []string{forged, strings.Repeat("A", 8<<10), strings.Repeat("A", 12<<10), strings.Repeat("é", 6<<10), strings.Repeat("\n", 12<<10)} {
		for name, attack := range map[string]struct {
			token string
			needs string
		}{
			"sub":              {mint(good(claims{"sub": hostile})), "admin"},
			"client_id":        {mint(good(claims{"client_id": hostile})), "admin"},
			"jti":              {mint(good(claims{"jti": hostile})), "admin"},
			"aud":              {mint(good(claims{"aud": hostile})), ""},
			"iss":              {mint(good(claims{"iss": hostile})), ""},
			"a claim's name":   {mint(good(claims{hostile: 1, "SUB": 1})), ""},
			"kid":              {sign(string(toJSON(claims{"alg": "EdDSA", "kid": hostile[:min(len(hostile), 900)]})), string(toJSON(good(nil))), edKey()), ""},
			"typ":              {sign(string(toJSON(claims{"alg": "EdDSA", "typ": hostile})), string(toJSON(good(nil))), edKey()), ""},
			"alg":              {sign(string(toJSON(claims{"alg": hostile})), string(toJSON(good(nil))), edKey()), ""},
			"an opaque token":  {strings.Repeat("o", 12<<10), ""},
			"a malformed text": {strings.Repeat("\x1b", 12<<10), ""},
		} {
			for handler, makeHandler := range handlers {
				var b bytes.Buffer
				v := validator(t, func(cfg *middleware.Config) { cfg.Logger = slog.New(makeHandler(&b)) })
				g := v.Require()
				if attack.needs != "" {
					g = v.Require(attack.needs)
				}
				serve(g, bearer(attack.token))
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
