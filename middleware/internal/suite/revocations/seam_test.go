package revocations_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func good(middleware.TokenFacts) middleware.Verdict { return middleware.Verdict{AsOf: time.Now()} }

func revoked(middleware.TokenFacts) middleware.Verdict {
	return middleware.Verdict{Kind: "token", AsOf: time.Now()}
}

func TestRevokedTokens(t *testing.T) {
	unknown := func(middleware.TokenFacts) middleware.Verdict { return middleware.Verdict{} }
	old := func(middleware.TokenFacts) middleware.Verdict {
		return middleware.Verdict{AsOf: time.Now().Add(-time.Minute)}
	}
	for _, row := range []struct {
		name   string
		change func(*middleware.Config)
		guard  func(*middleware.Guard) *middleware.Guard
		want   string
		reason middleware.Reason
	}{
		{"nobody knows the token", kit.SetRevocations(kit.Verdicts(good)), nil, "200", ""},
		{"it was revoked", kit.SetRevocations(kit.Verdicts(revoked)), nil, "401 invalid_token", middleware.ReasonRevoked},
		{"the second of two knows it", kit.SetRevocations(kit.Verdicts(good), kit.Verdicts(revoked)), nil, "401 invalid_token", middleware.ReasonRevoked},
		{
			"one knows it, another nothing yet: revoked stays revoked", kit.SetRevocations(kit.Verdicts(revoked), kit.Verdicts(unknown)),
			nil, "401 invalid_token", middleware.ReasonRevoked,
		},
		{
			"one knows nothing yet, and another knows it", kit.SetRevocations(kit.Verdicts(unknown), kit.Verdicts(revoked)),
			nil, "401 invalid_token", middleware.ReasonRevoked,
		},
		{"nothing is known yet", kit.SetRevocations(kit.Verdicts(unknown)), nil, "503", middleware.ReasonRevocationsStale},
		{"one of two knows nothing yet", kit.SetRevocations(kit.Verdicts(good), kit.Verdicts(unknown)), nil, "503", middleware.ReasonRevocationsStale},
		{"what is known is old, and there is no limit", kit.SetRevocations(kit.Verdicts(old)), nil, "200", ""},
		{"it is older than the limit", func(cfg *middleware.Config) {
			cfg.Revocations, cfg.RevocationsWithin = []middleware.Revocations{kit.Verdicts(good), kit.Verdicts(old)}, 30*time.Second
		}, nil, "503", middleware.ReasonRevocationsStale},
		{"it is younger than the limit", func(cfg *middleware.Config) {
			cfg.Revocations, cfg.RevocationsWithin = []middleware.Revocations{kit.Verdicts(old)}, 2*time.Minute
		}, nil, "200", ""},
		{"the route has a shorter limit", func(cfg *middleware.Config) {
			cfg.Revocations, cfg.RevocationsWithin = []middleware.Revocations{kit.Verdicts(old)}, 2*time.Minute
		}, func(g *middleware.Guard) *middleware.Guard {
			return g.RevocationsWithin(time.Hour).RevocationsWithin(time.Second)
		}, "503", middleware.ReasonRevocationsStale},
		{"the route has a longer limit, which loosens nothing", func(cfg *middleware.Config) {
			cfg.Revocations, cfg.RevocationsWithin = []middleware.Revocations{kit.Verdicts(old)}, 30*time.Second
		}, func(g *middleware.Guard) *middleware.Guard { return g.RevocationsWithin(time.Hour) }, "503", middleware.ReasonRevocationsStale},
		{"old and revoked", func(cfg *middleware.Config) {
			cfg.Revocations, cfg.RevocationsWithin = []middleware.Revocations{kit.Verdicts(old), kit.Verdicts(revoked)}, time.Second
		}, nil, "401 invalid_token", middleware.ReasonRevoked},
	} {
		t.Run(row.name, func(t *testing.T) {
			kit.WithAndWithoutCache(t, row.change, func(t *testing.T, v *middleware.Validator) {
				guard := v.Require()
				if row.guard != nil {
					guard = row.guard(guard)
				}
				for range 2 {
					if got := kit.OutcomeOf(guard, kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); got != row.want {
						t.Errorf("got %s, want %s", got, row.want)
					}
					if got := kit.ReasonOf(t, guard, kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); got != row.reason {
						t.Errorf("reason %q, want %q", got, row.reason)
					}
				}
			})
		})
	}
}

// Only a token that is good in all else is asked about: revocation never rescues one, and what is refused anyway costs nobody a look.
func TestOnlyGoodTokensAreAskedAbout(t *testing.T) {
	asked := 0
	guard := kit.NewValidator(t, kit.SetRevocations(kit.Verdicts(func(f middleware.TokenFacts) middleware.Verdict { asked++; return good(f) }))).Require()
	for name, token := range map[string]string{
		"forged":         testkit.Sign(kit.Ed25519Header, string(testkit.JSON(kit.GoodClaims(nil))), testkit.StrangeKey()),
		"expired":        kit.Mint(kit.GoodClaims(kit.Claims{"exp": 1})),
		"of another API": kit.Mint(kit.GoodClaims(kit.Claims{"aud": "https://other.example"})),
	} {
		if got := kit.OutcomeOf(guard, kit.Bearer(token)); got != "401 invalid_token" || asked > 0 {
			t.Errorf("%s: %s, asked %d times", name, got, asked)
		}
	}
}

func TestFactsOfATokens(t *testing.T) {
	var got middleware.TokenFacts
	take := kit.Verdicts(func(f middleware.TokenFacts) middleware.Verdict { got = f; return good(f) })
	guard := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Revocations = []middleware.Revocations{take}
		cfg.Issuers[0].Aliases = []string{"https://alias.example"}
	}).Require()
	status := func(list any) kit.Claims { return kit.Claims{"status": kit.Claims{"status_list": list}} }
	for _, row := range []struct {
		name    string
		changes kit.Claims
		want    func(*middleware.TokenFacts)
	}{
		{"all of them", kit.Claims{"jti": "j", "sid": "s", "sub": "u", "client_id": "c"}, func(f *middleware.TokenFacts) {
			f.ID, f.SessionID, f.Subject, f.ClientID = "j", "s", "u", "c"
		}},
		{"an alias is the same issuer", kit.Claims{"iss": "https://alias.example", "jti": "j"}, func(f *middleware.TokenFacts) { f.ID = "j" }},
		{"a session that is no text is none", kit.Claims{"sid": 7}, func(*middleware.TokenFacts) {}},
		{"a place in a status list", status(kit.Claims{"idx": 412, "uri": "https://status.example/1"}), func(f *middleware.TokenFacts) {
			f.StatusURI, f.StatusIndex = "https://status.example/1", 412
		}},
		{
			"the first place", status(kit.Claims{"idx": 0, "uri": "https://status.example/1"}),
			func(f *middleware.TokenFacts) { f.StatusURI = "https://status.example/1" },
		},
		{"a place below zero", status(kit.Claims{"idx": -1, "uri": "https://status.example/1"}), func(f *middleware.TokenFacts) { f.StatusIndex = -1 }},
		{"half a place", status(kit.Claims{"idx": 1.5, "uri": "https://status.example/1"}), func(f *middleware.TokenFacts) { f.StatusIndex = -1 }},
		{"a place in text", status(kit.Claims{"idx": "3", "uri": "https://status.example/1"}), func(f *middleware.TokenFacts) { f.StatusIndex = -1 }},
		{"no list", status(kit.Claims{"idx": 3}), func(f *middleware.TokenFacts) { f.StatusIndex = -1 }},
		{"an unknown way to tell", kit.Claims{"status": kit.Claims{"other": 1}}, func(f *middleware.TokenFacts) { f.StatusIndex = -1 }},
		{"a status that is no object", kit.Claims{"status": "good"}, func(f *middleware.TokenFacts) { f.StatusIndex = -1 }},
	} {
		t.Run(row.name, func(t *testing.T) {
			claims := kit.GoodClaims(row.changes)
			served := kit.Serve(guard, kit.Bearer(kit.Mint(claims)))
			if served.Token == nil {
				t.Fatalf("refused: %v", served)
			}
			want := middleware.TokenFacts{Issuer: testkit.Issuer, Subject: served.Token.Subject, ClientID: served.Token.ClientID, ID: served.Token.ID,
				IssuedAt: served.Token.IssuedAt, Expiry: served.Token.Expiry}
			row.want(&want)
			if got != want {
				t.Errorf("asked about %+v, want %+v", got, want)
			}
			if facts := served.Token.Facts(); facts != want {
				t.Errorf("Token.Facts: %+v, want %+v", facts, want)
			}
		})
	}
	byHand := &middleware.Token{Issuer: "i", ID: "j", SessionID: "s"}
	if got := byHand.Facts(); got != (middleware.TokenFacts{Issuer: "i", ID: "j", SessionID: "s"}) {
		t.Errorf("made by hand: %+v", got)
	}
}

// loading knows nothing until it is told to.
type loading struct {
	err   error
	loads int
	known bool
	kit.Verdicts
}

func (l *loading) Load(context.Context, middleware.TokenFacts) error {
	l.loads++
	l.known = l.err == nil
	return l.err
}

func TestWhatIsNotKnownIsLoaded(t *testing.T) {
	l := &loading{err: errors.New("out of reach")}
	l.Verdicts = func(f middleware.TokenFacts) middleware.Verdict {
		if !l.known {
			return middleware.Verdict{}
		}
		return good(f)
	}
	guard := kit.NewValidator(t, kit.SetRevocations(l)).Require()
	token := kit.Mint(kit.GoodClaims(nil))
	if _, err := guard.Check(kit.Bearer(token)); !errors.Is(err, middleware.ErrUnavailable) || !errors.Is(err, l.err) {
		t.Errorf("while nothing can be had: %v, want 503 for %v", err, l.err)
	}
	l.err = nil
	for range 2 {
		if got := kit.OutcomeOf(guard, kit.Bearer(token)); got != "200" {
			t.Errorf("when it was had: %s", got)
		}
	}
	if l.loads != 2 {
		t.Errorf("%d loads, want 2", l.loads)
	}
	l.Verdicts = func(middleware.TokenFacts) middleware.Verdict { return middleware.Verdict{Kind: "token"} }
	if got := kit.ReasonOf(t, guard, kit.Bearer(token)); got != middleware.ReasonRevoked || l.loads != 2 {
		t.Errorf("what is known to be revoked: %s after %d loads, want no further one", got, l.loads)
	}
}

// Where one knows nothing the others are asked what they know, and nothing is fetched for them that could not make the token good.
func TestNothingIsLoadedThatMakesNoDifference(t *testing.T) {
	one, two := &loading{err: errors.New("out of reach")}, &loading{}
	for _, l := range []*loading{one, two} {
		l.Verdicts = func(middleware.TokenFacts) middleware.Verdict { return middleware.Verdict{} }
	}
	guard := kit.NewValidator(t, kit.SetRevocations(one, two)).Require()
	if got := kit.OutcomeOf(guard, kit.Bearer(kit.Mint(kit.GoodClaims(nil)))); got != "503" || one.loads != 1 || two.loads != 0 {
		t.Errorf("%s after %d and %d loads, want 503 after one and none", got, one.loads, two.loads)
	}
}

// A Guard inside a Guard sees what has been revoked since, and Recheck as well.
func TestNestedGuardsAndStreamsSeeRevocation(t *testing.T) {
	kind := ""
	var last middleware.Decision
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Revocations = []middleware.Revocations{kit.Verdicts(func(middleware.TokenFacts) middleware.Verdict {
			return middleware.Verdict{Kind: kind, AsOf: time.Now()}
		})}
		cfg.Observe = kit.ObserveInto(&last)
	})
	guard := v.Require()
	r := kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
	ctx, err := guard.Check(r)
	if err != nil {
		t.Fatal(err)
	}
	r = r.WithContext(ctx)
	kind = "subject"
	if _, err := guard.Check(r); kit.ReasonIn(err) != middleware.ReasonRevoked || last.RevokedBy != "subject" || !last.Nested {
		t.Errorf("the inner Guard: %v, %+v", err, last)
	}
	if _, err := guard.Recheck(r); kit.ReasonIn(err) != middleware.ReasonRevoked {
		t.Errorf("Recheck: %v", err)
	}
}

// A proof is not spent for a token that was revoked.
func TestNoProofIsSpentForARevokedToken(t *testing.T) {
	kind := "token"
	guard := kit.DPoPValidator(t, kit.SetRevocations(kit.Verdicts(func(middleware.TokenFacts) middleware.Verdict {
		return middleware.Verdict{Kind: kind, AsOf: time.Now()}
	}))).Require()
	key := testkit.StrangeKey()
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(key)))
	proof := testkit.Proof{Key: key, Token: token}.String()
	if got := kit.ReasonOf(t, guard, kit.DPoPRequest(token, proof)); got != middleware.ReasonRevoked {
		t.Errorf("refused for %q", got)
	}
	kind = ""
	if got := kit.OutcomeOf(guard, kit.DPoPRequest(token, proof)); got != "200" {
		t.Errorf("the same proof, once the token is good: %s", got)
	}
}

// A session decides only where sessions can be revoked.
func TestNamesLikeSid(t *testing.T) {
	token := kit.Mint(kit.GoodClaims(kit.Claims{"SID": "x", "sid": "y"}))
	if got := kit.OutcomeOf(kit.NewValidator(t, nil).Require(), kit.Bearer(token)); got != "200" {
		t.Errorf("without Revocations: %s", got)
	}
	if got := kit.ReasonOf(t, kit.NewValidator(t, kit.SetRevocations(kit.Verdicts(good))).Require(), kit.Bearer(token)); got != middleware.ReasonMalformed {
		t.Errorf("with Revocations: %s", got)
	}
}

// A Guard that was forgotten refuses requests, and does not stop the program.
func TestRevocationsWithinOfAForgottenGuard(t *testing.T) {
	for _, guard := range []*middleware.Guard{nil, {}} {
		if got := kit.OutcomeOf(guard.RevocationsWithin(time.Second), kit.Bearer("x")); got != "500" {
			t.Errorf("got %s, want 500", got)
		}
	}
}

func TestRevocationsWithinPanics(t *testing.T) {
	for name, narrow := range map[string]func(){
		"zero": func() { kit.NewValidator(t, kit.SetRevocations(kit.Verdicts(good))).Require().RevocationsWithin(0) },
		"below zero": func() {
			kit.NewValidator(t, kit.SetRevocations(kit.Verdicts(good))).Require().RevocationsWithin(-time.Second)
		},
		"without a list": func() { kit.NewValidator(t, nil).Require().RevocationsWithin(time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			narrow()
		})
	}
}

// The log says by which kind of entry, and so does an Explanation.
func TestWhoRunsTheAPISeesByWhatATokenWasRevoked(t *testing.T) {
	var log kit.Log
	guard := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.Revocations = []middleware.Revocations{kit.Verdicts(revoked)}
		cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	}).Require()
	r := kit.Bearer(kit.Mint(kit.GoodClaims(nil)))
	if got := kit.OutcomeOf(guard, r); got != "401 invalid_token" {
		t.Fatal(got)
	}
	if !strings.Contains(log.String(), "reason=revoked revoked_by=token ") {
		t.Errorf("the log says %s", log.String())
	}
	steps := guard.Explain(t.Context(), middleware.Credentials{Header: r.Header, Method: r.Method}).Steps
	at := slices.IndexFunc(steps, func(s middleware.Step) bool { return s.Name == middleware.StepRevocation })
	if at < 0 || steps[at].Result != middleware.StepFailed || steps[at].Why != "the token was revoked" || steps[at].Got != "one revoked by itself (jti)" {
		t.Errorf("the steps are %+v", steps)
	}
}
