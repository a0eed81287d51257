package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
)

// A token is a credential: wherever it comes from and whatever becomes of it, no log, decision, error, header or body
// shows it, nor its signature, nor what it says of a person.
func TestNothingShowsTheToken(t *testing.T) {
	const personal = "canary-claim@example.com"
	secret := good(claims{"email": personal})
	with := func(more claims) claims {
		c := good(more)
		c["email"] = personal
		return c
	}
	ed := func(header string, c claims) string { return sign(header, string(toJSON(c)), edKey()) }
	introspected := func(answer string, err error) func(*middleware.Config) {
		return func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = fixedAnswer{answer, err} }
	}
	rule := func(err error) func(*middleware.Validator) *middleware.Guard {
		return func(v *middleware.Validator) *middleware.Guard {
			return v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return err })
		}
	}
	require := func(v *middleware.Validator) *middleware.Guard { return v.Require() }
	for _, row := range []struct {
		name, token string
		change      func(*middleware.Config)
		guard       func(*middleware.Validator) *middleware.Guard
	}{
		{"admitted", mint(secret), nil, require},
		{"a missing scope", mint(secret), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require("admin") }},
		{"a step-up", mint(secret), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require().ACR("gold") }},
		{"a rule's refusal", mint(secret), nil, rule(errors.New("no"))},
		{"a rule's outage", mint(secret), nil, rule(middleware.ErrUnavailable)},
		{"expired", mint(with(claims{"exp": 1})), nil, require},
		{"another audience", mint(with(claims{"aud": "x"})), nil, require},
		{"another issuer", mint(with(claims{"iss": "https://evil.example"})), nil, require},
		{"a malformed claim", mint(with(claims{"sub": []any{personal}})), nil, require},
		{"a client id of the wrong kind", mint(with(claims{"client_id": claims{"a": personal}})), nil, require},
		{"a bound token", mint(with(claims{"cnf": claims{"jkt": personal}})), nil, require},
		{"a forged signature", sign(edHeader, string(toJSON(secret)), strangeKey()), nil, require},
		{"an unknown key", ed(`{"alg":"EdDSA","kid":"x"}`, secret), nil, require},
		{"another kind of token", ed(`{"alg":"EdDSA","typ":"logout+jwt"}`, secret), nil, require},
		{"a strange header", ed(`{"alg":"EdDSA","crit":["x"]}`, secret), nil, require},
		{"a payload of trailing data", sign(edHeader, string(toJSON(secret))+" "+personal, edKey()), nil, require},
		{"a doubled claim", sign(edHeader, `{"email":"`+personal+`","email":"`+personal+`"}`, edKey()), nil, require},
		{"four dots", mint(secret) + ".a.b", nil, require},
		{"an equals sign at the end", mint(secret) + "=", nil, require},
		{"a quote at the end", mint(secret) + `"`, nil, require},
		{"beyond the length", mint(secret), func(cfg *middleware.Config) { cfg.MaxTokenBytes = 10 }, require},
		{"Accept says no", mint(secret), func(cfg *middleware.Config) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { return errors.New("no") }
		}, require},
		{"opaque, and nobody asks", "canary-opaque-token-4711", nil, require},
		{"opaque and active", "canary-opaque-token-4711", introspected(`{"active":true,"aud":"`+audience+`","email":"`+personal+`"}`, nil), require},
		{"opaque and inactive", "canary-opaque-token-4711", introspected(`{"active":false}`, nil), require},
		{"opaque and an outage", "canary-opaque-token-4711", introspected("", errors.New("down")), require},
		{"opaque and another audience", "canary-opaque-token-4711", introspected(`{"active":true,"aud":"x","email":"`+personal+`"}`, nil), require},
		{"closed", mint(secret), nil, func(v *middleware.Validator) *middleware.Guard { _ = v.Close(); return v.Require() }},
		{"a Guard that nobody made", mint(secret), nil, func(*middleware.Validator) *middleware.Guard { return nil }},
	} {
		t.Run(row.name, func(t *testing.T) {
			for place, r := range map[string]*http.Request{
				"Authorization": bearer(row.token),
				"header":        request("GET", fields("X-Token", row.token)),
				"cookie":        request("GET", fields("Cookie", "token="+row.token)),
				"form":          form("POST", urlencoded, "access_token="+row.token, nil),
				"two places":    request("GET", fields("X-Token", row.token, "Authorization", "Bearer "+row.token)),
				"other scheme":  request("GET", fields("Authorization", "Secret "+row.token)),
				"no scheme":     request("GET", fields("Authorization", row.token)),
			} {
				var w witness
				var text, jsonText bytes.Buffer
				v := validator(t, func(cfg *middleware.Config) {
					cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token"), middleware.FromCookie("token"), middleware.FromForm()}
					cfg.Observe = w.observe
					cfg.Logger = slog.New(both{slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}),
						slog.NewJSONHandler(&jsonText, &slog.HandlerOptions{Level: slog.LevelDebug})})
					if row.change != nil {
						row.change(cfg)
					}
				})
				got := answerTo(row.guard(v).Handler(http.NotFoundHandler()), r)
				shown := []string{text.String(), jsonText.String(), fmt.Sprint(got.Header()), got.Body.String()}
				for _, d := range w.seen {
					shown = append(shown, fmt.Sprintf("%v %+v %#v %v %+v", d, d, d, d.Err, d.Err))
					for err := d.Err; err != nil; err = errors.Unwrap(err) {
						shown = append(shown, err.Error(), fmt.Sprintf("%+v", err))
					}
				}
				for _, s := range shown {
					for _, canary := range []string{row.token, row.token[len(row.token)-20:], personal, "canary-opaque"} {
						if strings.Contains(s, canary) {
							t.Errorf("in %s: %q shows %q", place, s, canary)
						}
					}
				}
			}
		})
	}
}

// both is a slog.Handler that writes to two.
type both [2]slog.Handler

func (b both) Enabled(context.Context, slog.Level) bool { return true }
func (b both) Handle(ctx context.Context, r slog.Record) error {
	return errors.Join(b[0].Handle(ctx, r), b[1].Handle(ctx, r))
}
func (b both) WithAttrs(a []slog.Attr) slog.Handler {
	return both{b[0].WithAttrs(a), b[1].WithAttrs(a)}
}
func (b both) WithGroup(g string) slog.Handler { return both{b[0].WithGroup(g), b[1].WithGroup(g)} }
