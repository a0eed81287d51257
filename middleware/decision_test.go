package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

func TestDecisions(t *testing.T) {
	aboutTheCache(t)
	clock := now
	var w witness
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Observe = w.observe
		cfg.Clock = func() time.Time { clock = clock.Add(time.Millisecond); return clock }
		cfg.Issuers[0].Aliases = []string{"https://alias.example"}
		cfg.Issuers = append(cfg.Issuers, middleware.Issuer{URL: "https://opaque.example", Keys: keySet(),
			Introspector: fixedAnswer{answer: `{"active":true,"sub":"user-2","client_id":"client-2","jti":"token-2","aud":"` + audience + `"}`}})
	})
	forged := sign(edHeader, string(toJSON(good(nil))), strangeKey())
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
		{"a first sight", v.Require("read"), bearer(mint(good(nil))), middleware.Allowed, "", issuer, known, false, false, "read", false},
		{"a second sight", v.Require("write"), bearer(mint(good(nil))), middleware.Allowed, "", issuer, known, false, true, "write", false},
		{"an alias is counted for its issuer", v.Require(), bearer(mint(good(claims{"iss": "https://alias.example"}))), middleware.Allowed, "", issuer, known, false, false, "", false},
		{"an anonymous request", v.Optional(), request("GET", nil), middleware.Anonymous, "", "", none, false, false, "", false},
		{"no token", v.Require("read"), request("GET", nil), middleware.Refused, middleware.ReasonNoToken, "", none, false, false, "read", true},
		{"a malformed request", v.Require(), bearer("a b"), middleware.Refused, middleware.ReasonMalformedRequest, "", none, false, false, "", true},
		{"an unknown issuer is no label", v.Require(), bearer(mint(good(claims{"iss": "https://evil.example/" + "x"}))), middleware.Refused, middleware.ReasonUnknownIssuer, "", none, false, false, "", true},
		{"a forged token names nobody", v.Require(), bearer(forged), middleware.Refused, middleware.ReasonSignature, issuer, none, false, false, "", true},
		{"an expired token names its owner", v.Require(), bearer(mint(good(claims{"exp": now.Unix() - 60}))), middleware.Refused, middleware.ReasonExpired, issuer, known, false, false, "", true},
		{"a missing scope", v.Require("admin"), bearer(mint(good(nil))), middleware.Forbidden, middleware.ReasonScope, issuer, known, false, true, "admin", true},
		{"a step-up", v.Require().ACR("gold"), bearer(mint(good(nil))), middleware.Refused, middleware.ReasonACR, issuer, known, false, true, "", true},
		{"an opaque token", v.Require(), bearer("opaque"), middleware.Allowed, "", "https://opaque.example",
			middleware.Decision{Subject: "user-2", ClientID: "client-2", TokenID: "token-2"}, true, false, "", false},
		{"a rule that cannot tell", v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error {
			return middleware.ErrUnavailable
		}),
			bearer(mint(good(nil))), middleware.Unavailable, middleware.ReasonRuleUnavailable, issuer, known, false, true, "", true},
		{"a rule that is wrong", v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { return &middleware.Error{} }),
			bearer(mint(good(nil))), middleware.Failed, middleware.ReasonRule, issuer, known, false, true, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := w.count()
			serve(row.guard, row.request)
			if n := w.count() - before; n != 1 {
				t.Fatalf("Observe was called %d times, want once", n)
			}
			d := w.last(t)
			if d.Outcome != row.outcome || d.Reason != row.reason || d.Issuer != row.issuer {
				t.Errorf("got %s, %q, issuer %q; want %s, %q, %q", d.Outcome, d.Reason, d.Issuer, row.outcome, row.reason, row.issuer)
			}
			if d.Subject != row.who.Subject || d.ClientID != row.who.ClientID || d.TokenID != row.who.TokenID {
				t.Errorf("it names %q, %q, %q; want %q, %q, %q", d.Subject, d.ClientID, d.TokenID, row.who.Subject, row.who.ClientID, row.who.TokenID)
			}
			if d.Opaque != row.opaque || d.Cached != row.cached || d.Nested || d.Scopes.String() != row.needs {
				t.Errorf("opaque %v, cached %v, nested %v, scopes %q; want %v, %v, false, %q", d.Opaque, d.Cached, d.Nested, d.Scopes, row.opaque, row.cached, row.needs)
			}
			if d.Duration <= 0 || d.Start.Before(now) {
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
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Observe = func(ctx context.Context, d middleware.Decision) {
			value = ctx.Value(key{})
			if token, ok := middleware.TokenFromContext(ctx); ok {
				subject = token.Subject
			}
		}
	})
	ctx := context.WithValue(t.Context(), key{}, "trace")
	serve(v.Require(), bearer(mint(good(nil))).WithContext(ctx))
	if subject != "user-1" || value != "trace" {
		t.Errorf("admitted: subject %q, value %v", subject, value)
	}
	subject, value = "", nil
	serve(v.Require("admin"), bearer(mint(good(nil))).WithContext(ctx))
	if subject != "" || value != "trace" {
		t.Errorf("refused: subject %q, value %v; want no token", subject, value)
	}
}

// A clock that is set back while a request is judged must not make a negative duration.
func TestClockThatIsSetBack(t *testing.T) {
	var w witness
	clock := now
	v := validator(t, func(cfg *middleware.Config) {
		cfg.Observe = w.observe
		cfg.Clock = func() time.Time { clock = clock.Add(-time.Second); return clock }
	})
	serve(v.Require(), request("GET", nil))
	if d := w.last(t).Duration; d != 0 {
		t.Errorf("Duration is %v, want 0", d)
	}
}
