package explain_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/explain"
)

const api = "https://api.example.com"

// newGuard is a Guard of an issuer that this test has keys of.
func newGuard(t *testing.T, narrow func(*middleware.Guard) *middleware.Guard, change ...func(*middleware.Config)) (*authtest.Issuer, *middleware.Guard) {
	t.Helper()
	issuer := authtest.NewIssuer(t)
	cfg := issuer.Config(api)
	cfg.Logger = slog.New(slog.DiscardHandler)
	for _, c := range change {
		c(&cfg)
	}
	v, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	return issuer, narrow(v.Require())
}

func asIs(g *middleware.Guard) *middleware.Guard { return g }

func wantIn(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in:\n%s", part, text)
		}
	}
}

func TestAReportOfAGoodToken(t *testing.T) {
	issuer, guard := newGuard(t, func(g *middleware.Guard) *middleware.Guard { return g.Require("orders") })
	r := httptest.NewRequest("GET", "/orders", nil)
	r.Header.Set("Authorization", "Bearer "+issuer.Token(authtest.Claims{"scope": "orders"}))
	report := explain.Request(guard, r)
	if report.Outcome != middleware.Allowed || report.Advice != nil {
		t.Errorf("%s", report)
	}
	wantIn(
		t, report.String(), "allowed\n", "ok     audience", "got aud '"+api+"'", "ok     scope", "expected scope 'orders'",
		"\n-      not asked: introspection, accept, revocation\n",
	)
	if strings.Contains(report.String(), "FAILED") || strings.Contains(report.String(), "\x1b") {
		t.Errorf("%s", report)
	}
}

// The smallest change that would let the token in is named; for what nobody should let in there is none.
func TestAdvice(t *testing.T) {
	for name, row := range map[string]struct {
		claims authtest.Claims
		narrow func(*middleware.Guard) *middleware.Guard
		want   string // empty: no advice
	}{
		"another audience": {authtest.Claims{"aud": api + "/"}, asIs, "let the server write '" + api + "' into aud"},
		"another issuer":   {authtest.Claims{"iss": "https://other.example"}, asIs, "set Issuer.URL to 'https://other.example', or add that to Issuer.Aliases"},
		"a missing scope": {
			authtest.Claims{"scope": "x"}, func(g *middleware.Guard) *middleware.Guard { return g.Require("orders") },
			"let the server grant scope 'orders'",
		},
		"roles of nobody": {
			authtest.Claims{"groups": []string{"a"}}, func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("a") },
			"set Issuer.Claims.Roles",
		},
		"a role in a claim that nobody maps": {
			authtest.Claims{"realm_access": authtest.Claims{"roles": []string{"manager"}}}, func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("manager") },
			"set Issuer.Claims.Roles to '/realm_access/roles', which has it and is not read, if that claim speaks of this API",
		},
		"another role in such a claim": {
			authtest.Claims{"groups": []string{"b"}}, func(g *middleware.Guard) *middleware.Guard { return g.AnyRole("a") },
			"it could be 'groups', and let the server grant role 'a' to this client or user",
		},
		"a scope among permissions": {
			authtest.Claims{"scope": "openid", "permissions": []string{"orders"}}, func(g *middleware.Guard) *middleware.Guard { return g.Require("orders") },
			"set Issuer.Claims.Scopes to 'permissions', which has it and is not read, if that claim speaks of this API",
		},
		"another scope among permissions": {
			authtest.Claims{"scope": nil, "permissions": []string{"x"}}, func(g *middleware.Guard) *middleware.Guard { return g.Require("orders") },
			"set Issuer.Claims.Scopes to 'permissions', which is not read, and let the server grant scope 'orders'",
		},
		"an expired token":  {authtest.Claims{"exp": 1}, asIs, ""},
		"what a rule wants": {nil, func(g *middleware.Guard) *middleware.Guard { return g.Allow(no) }, ""},
	} {
		issuer, guard := newGuard(t, row.narrow)
		report := explain.Token(t.Context(), guard, issuer.Token(row.claims))
		got := strings.Join(report.Advice, "\n")
		if strings.Contains(got, "which has it") && strings.Contains(got, "let the server grant") {
			t.Errorf("%s: what has been granted is to be granted: %q", name, got)
		}
		if row.want == "" && got != "" || !strings.Contains(got, row.want) || report.Outcome == middleware.Allowed {
			t.Errorf("%s: advice is %q, want %q\n%s", name, got, row.want, report)
		}
	}
	issuer, guard := newGuard(t, asIs)
	token := issuer.Token(authtest.Claims{"aud": "other"})
	forged := explain.Token(t.Context(), guard, token[:len(token)-20]+strings.Repeat("A", 20))
	if forged.Reason != middleware.ReasonSignature || forged.Advice != nil {
		t.Errorf("a forged token: %s", forged)
	}
	wantIn(t, forged.String(), "refused: signature", "FAILED signature", "FAILED audience", "(not verified)")
}

func no(context.Context, *middleware.Token, middleware.Credentials) error {
	return errors.New("no\n\x1b[2J<script>alert(1)</script>\u202e")
}

// Whatever an application's own error says, no form of the report lets a terminal or a browser act upon it.
func TestARenderedReportIsHarmless(t *testing.T) {
	issuer, guard := newGuard(t, func(g *middleware.Guard) *middleware.Guard { return g.Allow(no) })
	report := explain.Token(t.Context(), guard, issuer.Token(nil))
	var terminal, page bytes.Buffer
	if err := errors.Join(report.Terminal(&terminal, true), report.WriteHTML(&page)); err != nil {
		t.Fatal(err)
	}
	if left := strings.NewReplacer(
		"\x1b[31m", "", "\x1b[32m", "", "\x1b[90m", "", "\x1b[0m", "", "\n", "",
	).Replace(terminal.String()); strings.ContainsAny(left, "\x1b\u202e\r") {
		t.Errorf("%q", left)
	}
	wantIn(t, terminal.String(), "\x1b[31mFAILED\x1b[0m rule", `no\x0a\x1b[2J`)
	if strings.Contains(page.String(), "<script") || strings.ContainsAny(page.String(), "\x1b\u202e") {
		t.Errorf("%s", &page)
	}
	wantIn(t, page.String(), "<h2>forbidden: rule</h2>", "<td>rule</td><td>failed</td>", "&lt;script&gt;")
}

func TestTheJSONForm(t *testing.T) {
	issuer, guard := newGuard(t, asIs)
	text, err := json.Marshal(explain.Token(t.Context(), guard, issuer.Token(authtest.Claims{"aud": "other"})))
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Version         int
		Outcome, Reason string
		Steps           []struct {
			Name, Result, Expected, Got, Why, Clause string
			Verified                                 bool
		}
		Advice []string
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if read.Version != 1 || read.Outcome != "refused" || read.Reason != "audience" || len(read.Advice) != 1 || len(read.Steps) < 25 {
		t.Errorf("%s", text)
	}
	for _, s := range read.Steps {
		if s.Name == "audience" && (s.Result != "failed" || s.Got != "aud 'other'" || s.Expected != "aud '"+api+"'" || !s.Verified || s.Why == "" || s.Clause == "") {
			t.Errorf("%+v", s)
		}
	}
}

// A report holds no token, in whatever form.
func TestAReportHoldsNoToken(t *testing.T) {
	issuer, guard := newGuard(t, asIs)
	for _, claims := range []authtest.Claims{nil, {"aud": "other"}, {"iss": "https://other.example"}} {
		token := issuer.Token(claims)
		report := explain.Token(t.Context(), guard, token)
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		_ = report.WriteHTML(&page)
		for _, shown := range []string{report.String(), string(text), page.String()} {
			for _, part := range strings.Split(token, ".") {
				if strings.Contains(shown, part[len(part)-16:]) {
					t.Errorf("it shows a part of the token: %s", shown)
				}
			}
		}
	}
}

// What stopped a decision early stays in sight: whatever was not reached is one line of text, and in JSON every step is one of its own.
func TestStepsThatWereNotReachedShareALine(t *testing.T) {
	issuer, guard := newGuard(t, asIs)
	report := explain.Token(t.Context(), guard, issuer.Token(authtest.Claims{"iss": "https://other.example"}))
	text := report.String()
	if n := strings.Count(text, "\n-"); n != 1 || strings.Count(text, "\n") > 12 {
		t.Errorf("%d lines of steps that were not reached:\n%s", n, text)
	}
	wantIn(t, text, "\n-      not reached: type, tenant, algorithm, key, signature, ", ", delegation, rule\nchange: ")
	asJSON, err := json.Marshal(report)
	if n := strings.Count(string(asJSON), `"result":"not_reached"`); err != nil || n < 20 {
		t.Errorf("%d in %s, %v", n, asJSON, err)
	}
}

// What the hint of a step asks for is not asked for again beside it.
func TestAdviceSaysNothingTwice(t *testing.T) {
	issuer, guard := newGuard(t, func(g *middleware.Guard) *middleware.Guard { return g.Require("orders").AnyRole("admin") }, func(cfg *middleware.Config) {
		cfg.Issuers[0].Claims.Roles = []string{"roles"}
	})
	report := explain.Token(t.Context(), guard, issuer.Token(authtest.Claims{"aud": "other", "scope": "x", "roles": []string{"user"}}))
	want := []string{
		"let the server write '" + api + "' into aud, or add the token's to Config.Audiences if one of 'other' is this API",
		"let the server grant scope 'orders' to this client or user",
		"let the server grant role 'admin' to this client or user",
	}
	if !slices.Equal(report.Advice, want) {
		t.Errorf("got  %q\nwant %q", report.Advice, want)
	}
}
