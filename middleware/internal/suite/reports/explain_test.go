package reports_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// explained explains a request as Check decides about it.
func explained(g *middleware.Guard, r *http.Request) *middleware.Explanation {
	return g.Explain(r.Context(), middleware.Credentials{Header: r.Header, Method: r.Method, Target: r.RequestURI, RemoteAddr: r.RemoteAddr})
}

func failed(e *middleware.Explanation) []middleware.StepName {
	var names []middleware.StepName
	for _, s := range e.Steps {
		if s.Result == middleware.StepFailed {
			names = append(names, s.Name)
		}
	}
	return names
}

func stepOf(e *middleware.Explanation, name middleware.StepName) middleware.Step {
	return e.Steps[slices.IndexFunc(e.Steps, func(s middleware.Step) bool { return s.Name == name })]
}

// An explanation is a recording of the one decision: over the whole table of refusals, and of the mistakes that people make, it ends as the
// decision does.
func TestAnExplanationEndsAsTheDecisionDoes(t *testing.T) {
	type row struct {
		name   string
		change func(*middleware.Config)
		guard  func(*middleware.Validator) *middleware.Guard
		send   *http.Request
	}
	var rows []row
	for _, r := range kit.Refusals() {
		rows = append(rows, row{string(r.Reason), r.Change, r.Guard, kit.Bearer(r.Token)})
	}
	for _, m := range append(firstAfternoon, ofTheSameKinds...) {
		if m.send != nil && m.send.TLS == nil {
			rows = append(rows, row{m.name, m.change, m.guard, m.send})
		}
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			cfg := kit.Config()
			if r.change != nil {
				r.change(&cfg)
			}
			v, err := middleware.New(cfg)
			if err != nil {
				return // New answers
			}
			defer func() { _ = v.Close() }()
			guard := v.Require()
			if r.guard != nil {
				guard = r.guard(v)
			}
			e := explained(guard, r.send)
			_, refused := guard.Authorize(
				r.send.Context(),
				middleware.Credentials{Header: r.send.Header, Method: r.send.Method, Target: r.send.RequestURI, RemoteAddr: r.send.RemoteAddr},
			)
			if e.Reason != kit.ReasonIn(refused) {
				t.Errorf("explained as %q, decided as %q: %+v", e.Reason, kit.ReasonIn(refused), e.Steps)
			}
			if e.Reason != middleware.ReasonClosed && e.Reason != middleware.ReasonInternal && len(failed(e)) == 0 {
				t.Errorf("refused for %q, and no step failed: %+v", e.Reason, e.Steps)
			}
		})
	}
}

// Three mistakes show at once; what comes after a signature that failed is not called verified, and is handed to no function of the application.
func TestAnExplanationShowsSeveralMistakesAtOnce(t *testing.T) {
	asked := 0
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Accept = func(*middleware.Token) error { asked++; return nil }
	})
	guard := v.Require("admin").Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { asked++; return nil })
	forged := testkit.Sign(
		kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(kit.Claims{"aud": "other", "cnf": kit.Claims{"x": 1}, "act": "text"}))),
		testkit.StrangeKey(),
	)
	e := explained(guard, kit.Bearer(forged))
	want := []middleware.StepName{middleware.StepSignature, middleware.StepAudience, middleware.StepConfirmation, middleware.StepActor, middleware.StepScope}
	if got := failed(e); !slices.Equal(got, want) || e.Reason != middleware.ReasonSignature || e.Outcome != middleware.Refused {
		t.Errorf("failed are %v for %q, want %v", got, e.Reason, want)
	}
	for _, s := range e.Steps {
		if s.Verified {
			t.Errorf("%s is called verified", s.Name)
		}
	}
	if s := stepOf(e, middleware.StepAudience); s.Got != "aud 'other'" || s.Expected != "aud '"+testkit.Audience+"'" || s.Why == "" || s.Clause == "" {
		t.Errorf("%+v", s)
	}
	if asked > 0 {
		t.Error("unverified claims were handed to a function of the application")
	}
	good := explained(guard, token(kit.Claims{"scope": "admin"}))
	if good.Outcome != middleware.Allowed || good.Reason != "" || len(failed(good)) != 0 || asked != 2 {
		t.Errorf("%+v, %d functions asked", good, asked)
	}
	if s := stepOf(good, middleware.StepScope); s.Result != middleware.StepPassed || s.Expected != "scope 'admin'" || s.Got != "scopes 'admin'" || !s.Verified {
		t.Errorf("%+v", s)
	}
}

// The mistakes of an afternoon come in threes.
func TestThreeMistakesOfOneTokenShowAtOnce(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { kit.SetPublicURL(cfg); cfg.Issuers[0].Claims.Roles = []string{"roles"} })
	bound := kit.BoundTo(testkit.EdKey())
	e := explained(v.Require("admin").AnyRole("owner"), token(kit.Claims{"aud": "other", "exp": now - hour, "roles": []string{"user"}, "cnf": bound["cnf"]}))
	want := []middleware.StepName{middleware.StepAudience, middleware.StepTime, middleware.StepBinding, middleware.StepScope, middleware.StepRole}
	if got := failed(e); !slices.Equal(got, want) || e.Reason != middleware.ReasonAudience {
		t.Errorf("failed are %v for %q, want %v", got, e.Reason, want)
	}
	opaque := kit.NewValidator(t, answering(kit.Claims{"aud": "other", "exp": now - hour}))
	e = explained(opaque.Require("admin"), kit.Bearer("an-opaque-token"))
	if got := failed(e); !slices.Equal(got, []middleware.StepName{middleware.StepAudience, middleware.StepTime, middleware.StepScope}) {
		t.Errorf("of an answer failed are %v", got)
	}
}

func TestAnExplanationHasEveryStepInOrder(t *testing.T) {
	want := explained(kit.NewValidator(t, nil).Require(), kit.Request("GET", nil))
	seen := make(map[middleware.StepName]bool)
	for _, s := range want.Steps {
		if s.Name == "" || seen[s.Name] {
			t.Errorf("%q is empty or occurs twice", s.Name)
		}
		seen[s.Name] = true
		if reached := s.Name == middleware.StepCredential; (s.Result != middleware.StepNotReached) != reached {
			t.Errorf("without a token %s is %s", s.Name, s.Result)
		}
	}
	for _, g := range []*middleware.Guard{nil, new(middleware.Guard)} {
		if e := g.Explain(
			t.Context(), middleware.Credentials{},
		); e.Outcome != middleware.Failed || e.Reason != middleware.ReasonInternal || len(e.Steps) != len(want.Steps) {
			t.Errorf("a Guard without a Validator: %+v", e)
		}
	}
	if e := explained(kit.NewValidator(t, nil).Optional(), kit.Request("GET", nil)); e.Outcome != middleware.Anonymous || e.Reason != "" {
		t.Errorf("an optional route without a token: %+v", e)
	}
}

// Nothing comes of an explanation: no line, no decision, no verdict, no proof, no fetch, and no key is tied to an algorithm.
func TestAnExplanationLeavesNoTrace(t *testing.T) {
	var b kit.Log
	var w kit.Decisions
	stored := 0
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		kit.SetPublicURL(cfg)
		cfg.Logger, cfg.Observe = textInto(&b), w.Observe
		cfg.DPoP.Replays = kit.ReplayStoreFunc(func(context.Context, string, time.Time) (bool, error) { stored++; return true, nil })
	})
	guard := v.Require("read")
	bound := boundRequest("DPoP", testkit.Proof{})
	for range 3 {
		if e := explained(guard, bound); e.Outcome != middleware.Allowed {
			t.Fatalf("%+v", e)
		}
		explained(guard, token(nil))
		explained(guard, token(kit.Claims{"aud": "other"}))
	}
	if b.Len() > 0 || w.Count() > 0 || stored > 0 {
		t.Errorf("%d decisions, %d proofs spent, and the log has %s", w.Count(), stored, &b)
	}
	var d middleware.Decision
	cached := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Observe = kit.ObserveInto(&d) })
	explained(cached.Require(), token(nil))
	if kit.Serve(cached.Require(), token(nil)); d.Cached {
		t.Error("an explanation has put its verdict into the cache")
	}
	if kit.Serve(cached.Require(), token(nil)); !kit.CacheIsOff() && !d.Cached {
		t.Error("the cache does not work, so this test shows nothing")
	}
	if e := explained(cached.Require(), token(nil)); stepOf(e, middleware.StepSignature).Result != middleware.StepPassed {
		t.Error("of a token in the cache the signature is not explained")
	}
}

// An unknown key in an explanation causes no fetch that a request would then have to go without.
func TestAnExplanationFetchesNoUnknownKey(t *testing.T) {
	fetches := 0
	served := pages(published(goodMetadata, oneKey("ed")))
	v := kit.NewValidator(t, fetching(kit.TransportFunc(func(r *http.Request) (*http.Response, error) {
		fetches++
		return served.RoundTrip(r)
	})))
	if e := explained(v.Require(), token(nil)); e.Outcome != middleware.Allowed {
		t.Fatalf("%+v", e)
	}
	before := fetches
	for range 10 {
		e := explained(v.Require(), headed(`{"alg":"EdDSA","kid":"other"}`, nil))
		if e.Reason != middleware.ReasonUnknownKey || !strings.Contains(stepOf(e, middleware.StepKey).Expected, "'ed' (EdDSA)") {
			t.Fatalf("%+v", e)
		}
		explained(v.Require(), kit.Bearer(testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey())))
	}
	if fetches != before {
		t.Errorf("explanations caused %d fetches", fetches-before)
	}
}

// Of an opaque token the answer is explained, and kept by nobody but the Client.
func TestAnExplanationOfAnAnswer(t *testing.T) {
	v := kit.NewValidator(t, answering(kit.Claims{"aud": "other", "scope": "x"}))
	for range 2 {
		e := explained(v.Require("read"), opaque)
		if got := failed(e); e.Reason != middleware.ReasonAudience || !slices.Contains(got, middleware.StepAudience) || stepOf(
			e, middleware.StepIntrospection,
		).Result != middleware.StepPassed {
			t.Errorf("%q, failed are %v", e.Reason, got)
		}
		if s := stepOf(e, middleware.StepAudience); !s.Verified || s.Got != "aud 'other'" {
			t.Errorf("%+v", s)
		}
	}
	down := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Introspector = kit.IntrospectFunc(func(context.Context, string) (*introspection.Response, error) { return nil, errors.New("down") })
		cfg.Logger = slog.New(slog.DiscardHandler)
	})
	if e := explained(down.Require(), opaque); e.Outcome != middleware.Unavailable || stepOf(e, middleware.StepIntrospection).Why != "down" {
		t.Errorf("%+v", e)
	}
}

// The texts of an Explanation are those of one line of ASCII, whatever the token says.
func TestAnExplanationIsHarmlessText(t *testing.T) {
	hostile := "x\n\x1b[2J\"'<script>\u2028é" + strings.Repeat("y", 5000)
	for _, claim := range []string{"iss", "aud", "scope", "client_id", "acr"} {
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Issuers[0].Claims.Roles = []string{"roles"} })
		e := explained(v.Require("admin").AnyRole("r").ACR("gold"), token(kit.Claims{claim: hostile}))
		for _, s := range e.Steps {
			for _, text := range []string{s.Expected, s.Got, s.Why, s.Hint} {
				for _, r := range text {
					if r < ' ' || r > '~' {
						t.Errorf("%s, %s: %q", claim, s.Name, text)
						break
					}
				}
				if len(text) > 1500 {
					t.Errorf("%s, %s: a text of %d bytes", claim, s.Name, len(text))
				}
			}
		}
	}
	if n := reflect.TypeFor[middleware.Step]().NumField(); n != 9 {
		t.Errorf("a Step has %d fields: this test knows 8 and the guard against positional literals", n)
	}
}
