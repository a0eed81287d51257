package secrets_test

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
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A token is a credential: wherever it comes from and whatever becomes of it, no log, decision, error, header or body
// shows it, nor its signature, nor what it says of a person.
func TestNothingShowsTheToken(t *testing.T) {
	const personal = "canary-claim@example.com"
	secret := kit.GoodClaims(kit.Claims{"email": personal})
	with := func(more kit.Claims) kit.Claims {
		c := kit.GoodClaims(more)
		c["email"] = personal
		return c
	}
	ed := func(header string, c kit.Claims) string {
		return testkit.Sign(header, string(testkit.JSON(c)), testkit.EdKey())
	}
	introspected := func(answer string, err error) func(*middleware.Config) {
		return func(cfg *middleware.Config) { cfg.Issuers[0].Introspector = kit.FixedAnswer{Answer: answer, Err: err} }
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
		{"admitted", kit.Mint(secret), nil, require},
		{"a missing scope", kit.Mint(secret), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require("admin") }},
		{"a step-up", kit.Mint(secret), nil, func(v *middleware.Validator) *middleware.Guard { return v.Require().ACR("gold") }},
		{"a rule's refusal", kit.Mint(secret), nil, rule(errors.New("no"))},
		{"a rule's outage", kit.Mint(secret), nil, rule(middleware.ErrUnavailable)},
		{"expired", kit.Mint(with(kit.Claims{"exp": 1})), nil, require},
		{"another audience", kit.Mint(with(kit.Claims{"aud": "x"})), nil, require},
		{"another issuer", kit.Mint(with(kit.Claims{"iss": "https://evil.example"})), nil, require},
		{"a malformed claim", kit.Mint(with(kit.Claims{"sub": []any{personal}})), nil, require},
		{"a client id of the wrong kind", kit.Mint(with(kit.Claims{"client_id": kit.Claims{"a": personal}})), nil, require},
		{"a bound token", kit.Mint(with(kit.Claims{"cnf": kit.Claims{"jkt": personal}})), nil, require},
		{"a forged signature", testkit.Sign(kit.Ed25519Header, string(testkit.JSON(secret)), testkit.StrangeKey()), nil, require},
		{"an unknown key", ed(`{"alg":"EdDSA","kid":"x"}`, secret), nil, require},
		{"another kind of token", ed(`{"alg":"EdDSA","typ":"logout+jwt"}`, secret), nil, require},
		{"a strange header", ed(`{"alg":"EdDSA","crit":["x"]}`, secret), nil, require},
		{"a payload of trailing data", testkit.Sign(kit.Ed25519Header, string(testkit.JSON(secret))+" "+personal, testkit.EdKey()), nil, require},
		{"a doubled claim", testkit.Sign(kit.Ed25519Header, `{"email":"`+personal+`","email":"`+personal+`"}`, testkit.EdKey()), nil, require},
		{"four dots", kit.Mint(secret) + ".a.b", nil, require},
		{"an equals sign at the end", kit.Mint(secret) + "=", nil, require},
		{"a quote at the end", kit.Mint(secret) + `"`, nil, require},
		{"beyond the length", kit.Mint(secret), func(cfg *middleware.Config) { cfg.MaxTokenBytes = 10 }, require},
		{"Accept says no", kit.Mint(secret), func(cfg *middleware.Config) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error { return errors.New("no") }
		}, require},
		{"opaque, and nobody asks", "canary-opaque-token-4711", nil, require},
		{"opaque and active", "canary-opaque-token-4711", introspected(`{"active":true,"aud":"`+testkit.Audience+`","email":"`+personal+`"}`, nil), require},
		{"opaque and inactive", "canary-opaque-token-4711", introspected(`{"active":false}`, nil), require},
		{"opaque and an outage", "canary-opaque-token-4711", introspected("", errors.New("down")), require},
		{"opaque and another audience", "canary-opaque-token-4711", introspected(`{"active":true,"aud":"x","email":"`+personal+`"}`, nil), require},
		{"closed", kit.Mint(secret), nil, func(v *middleware.Validator) *middleware.Guard { _ = v.Close(); return v.Require() }},
		{"a Guard that nobody made", kit.Mint(secret), nil, func(*middleware.Validator) *middleware.Guard { return nil }},
	} {
		t.Run(row.name, func(t *testing.T) {
			for place, r := range map[string]*http.Request{
				"Authorization": kit.Bearer(row.token),
				"header":        kit.Request("GET", kit.Fields("X-Token", row.token)),
				"cookie":        kit.Request("GET", kit.Fields("Cookie", "token="+row.token)),
				"form":          kit.FormRequest("POST", kit.URLEncoded, "access_token="+row.token, nil),
				"two places":    kit.Request("GET", kit.Fields("X-Token", row.token, "Authorization", "Bearer "+row.token)),
				"other scheme":  kit.Request("GET", kit.Fields("Authorization", "Secret "+row.token)),
				"no scheme":     kit.Request("GET", kit.Fields("Authorization", row.token)),
			} {
				var w kit.Decisions
				var text, jsonText bytes.Buffer
				v := kit.NewValidator(t, func(cfg *middleware.Config) {
					cfg.TokenSources = []middleware.TokenSource{middleware.FromHeader("X-Token"), middleware.FromCookie("token"), middleware.FromForm()}
					cfg.Observe = w.Observe
					cfg.Logger = slog.New(both{slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}),
						slog.NewJSONHandler(&jsonText, &slog.HandlerOptions{Level: slog.LevelDebug})})
					if row.change != nil {
						row.change(cfg)
					}
				})
				got := kit.AnswerTo(row.guard(v).Handler(http.NotFoundHandler()), r)
				shown := []string{text.String(), jsonText.String(), fmt.Sprint(got.Header()), got.Body.String()}
				for _, d := range w.All {
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
