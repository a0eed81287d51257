package reports_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestDecisions(t *testing.T) {
	kit.NeedsCache(t)
	clock := testkit.Now
	var w kit.Decisions
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Observe = w.Observe
		cfg.Clock = func() time.Time { clock = clock.Add(time.Millisecond); return clock }
		cfg.Issuers[0].Aliases = []string{"https://alias.example"}
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: "https://opaque.example", Keys: testkit.KeySet(),
			Introspector: kit.FixedAnswer{Answer: `{"active":true,"sub":"user-2","client_id":"client-2","jti":"token-2","aud":"` + testkit.Audience + `"}`}})
	})
	forged := testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())
	none := middleware.Decision{}
	known := middleware.Decision{Subject: "user-1", ClientID: "client-1", TokenID: "token-1"}
	for _, row := range []struct {
		name      string
		guard     *middleware.Guard
		request   *http.Request
		outcome   middleware.Outcome
		reason    middleware.Reason
		issuer    string
		who       middleware.Decision
		opaque    bool
		cached    bool
		needs     string
		wantError bool
	}{
		{"a first sight", v.Require("read"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), middleware.Allowed, "", testkit.Issuer, known, false, false, "read", false},
		{"a second sight", v.Require("write"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), middleware.Allowed, "", testkit.Issuer, known, false, true, "write", false},
		{
			"an alias is counted for its issuer", v.Require(),
			kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://alias.example"}))), middleware.Allowed, "", testkit.Issuer,
			known, false, false, "", false,
		},
		{"an anonymous request", v.Optional(), kit.Request("GET", nil), middleware.Anonymous, "", "", none, false, false, "", false},
		{"no token", v.Require("read"), kit.Request("GET", nil), middleware.Refused, middleware.ReasonNoToken, "", none, false, false, "read", true},
		{"a malformed request", v.Require(), kit.Bearer("a b"), middleware.Refused, middleware.ReasonMalformedRequest, "", none, false, false, "", true},
		{
			"an unknown issuer is no label", v.Require(),
			kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"iss": "https://evil.example/" + "x"}))), middleware.Refused,
			middleware.ReasonUnknownIssuer, "", none, false, false, "", true,
		},
		{
			"a forged token names nobody", v.Require(), kit.Bearer(forged), middleware.Refused, middleware.ReasonSignature, testkit.Issuer,
			none, false, false, "", true,
		},
		{
			"an expired token names its owner", v.Require(),
			kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"exp": testkit.Now.Unix() - 60}))), middleware.Refused, middleware.ReasonExpired,
			testkit.Issuer, known, false, false, "", true,
		},
		{
			"a missing scope", v.Require("admin"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), middleware.Forbidden, middleware.ReasonScope,
			testkit.Issuer, known, false, true, "admin", true,
		},
		{
			"a step-up", v.Require().ACR("gold"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))), middleware.Refused, middleware.ReasonACR,
			testkit.Issuer, known, false, true, "", true,
		},
		{"an opaque token", v.Require(), kit.Bearer("opaque"), middleware.Allowed, "", "https://opaque.example",
			middleware.Decision{Subject: "user-2", ClientID: "client-2", TokenID: "token-2"}, true, false, "", false},
		{"a rule that cannot tell", v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error {
			return middleware.ErrUnavailable
		}),
			kit.Bearer(kit.Mint(kit.GoodClaims(nil))), middleware.Unavailable, middleware.ReasonRuleUnavailable, testkit.Issuer, known, false, true, "", true},
		{"a rule that is wrong", v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return &middleware.Error{} }),
			kit.Bearer(kit.Mint(kit.GoodClaims(nil))), middleware.Failed, middleware.ReasonRule, testkit.Issuer, known, false, true, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := w.Count()
			kit.Serve(row.guard, row.request)
			if n := w.Count() - before; n != 1 {
				t.Fatalf("Observe was called %d times, want once", n)
			}
			d := w.Last(t)
			if d.Outcome != row.outcome || d.Reason != row.reason || d.Issuer != row.issuer {
				t.Errorf("got %s, %q, issuer %q; want %s, %q, %q", d.Outcome, d.Reason, d.Issuer, row.outcome, row.reason, row.issuer)
			}
			if d.Subject != row.who.Subject || d.ClientID != row.who.ClientID || d.TokenID != row.who.TokenID {
				t.Errorf("it names %q, %q, %q; want %q, %q, %q", d.Subject, d.ClientID, d.TokenID, row.who.Subject, row.who.ClientID, row.who.TokenID)
			}
			if d.Opaque != row.opaque || d.Cached != row.cached || d.Nested || d.Scopes.String() != row.needs {
				t.Errorf("opaque %v, cached %v, nested %v, scopes %q; want %v, %v, false, %q", d.Opaque, d.Cached, d.Nested, d.Scopes, row.opaque, row.cached, row.needs)
			}
			if d.Duration <= 0 || d.Start.Before(testkit.Now) {
				t.Errorf("it began at %v and took %v", d.Start, d.Duration)
			}
			var refusal *middleware.Error
			if (d.Err != nil) != row.wantError || row.wantError && (!errors.As(d.Err, &refusal) || refusal.Reason != row.reason) {
				t.Errorf("Err is %v", d.Err)
			}
		})
	}
}

// Who observes an admitted request can read its token, and the values that the request's context holds.
func TestObserveSeesTheContext(t *testing.T) {
	type key struct{}
	var subject string
	var value any
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Observe = func(ctx context.Context, d middleware.Decision) {
			value = ctx.Value(key{})
			if token, ok := middleware.TokenFromContext(ctx); ok {
				subject = token.Subject
			}
		}
	})
	ctx := context.WithValue(t.Context(), key{}, "trace")
	kit.Serve(v.Require(), kit.Bearer(kit.Mint(kit.GoodClaims(nil))).WithContext(ctx))
	if subject != "user-1" || value != "trace" {
		t.Errorf("admitted: subject %q, value %v", subject, value)
	}
	subject, value = "", nil
	kit.Serve(v.Require("admin"), kit.Bearer(kit.Mint(kit.GoodClaims(nil))).WithContext(ctx))
	if subject != "" || value != "trace" {
		t.Errorf("refused: subject %q, value %v; want no token", subject, value)
	}
}

// A clock that is set back while a request is judged must not make a negative duration.
func TestClockThatIsSetBack(t *testing.T) {
	var w kit.Decisions
	clock := testkit.Now
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Observe = w.Observe
		cfg.Clock = func() time.Time { clock = clock.Add(-time.Second); return clock }
	})
	kit.Serve(v.Require(), kit.Request("GET", nil))
	if d := w.Last(t).Duration; d != 0 {
		t.Errorf("Duration is %v, want 0", d)
	}
}
