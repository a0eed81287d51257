package routes_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A handler of a stream asks again. Check takes over the verdict in the context; Recheck sees what has changed since.
func TestRecheckSeesWhatCheckDoesNot(t *testing.T) {
	opaque := kit.ActiveAnswer(nil)
	for name, row := range map[string]struct {
		token  string
		change func(*middleware.Config, *atomic.Bool)
		reason middleware.Reason
	}{
		"a revoked opaque token": {"opaque", func(cfg *middleware.Config, later *atomic.Bool) {
			cfg.Issuers[0].Introspector = kit.AnswerFunc(func(context.Context, string) kit.Claims {
				if later.Load() {
					return kit.Claims{"active": false}
				}
				return opaque
			})
		}, middleware.ReasonInactive},
		"a withdrawn key": {kit.Mint(kit.GoodClaims(nil)), func(cfg *middleware.Config, later *atomic.Bool) {
			cfg.Issuers[0].Keys = kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
				if later.Load() {
					return nil, jwks.ErrKeyNotFound
				}
				return testkit.KeySet().VerificationKeys(ctx, kid, alg)
			})
		}, middleware.ReasonUnknownKey},
		"a token that Accept no longer likes": {kit.Mint(kit.GoodClaims(nil)), func(cfg *middleware.Config, later *atomic.Bool) {
			cfg.Issuers[0].Accept = func(*middleware.Token) error {
				if later.Load() {
					return errors.New("gone")
				}
				return nil
			}
		}, middleware.ReasonNotAccepted},
		"an outage": {kit.Mint(kit.GoodClaims(nil)), func(cfg *middleware.Config, later *atomic.Bool) {
			cfg.Issuers[0].Keys = kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
				if later.Load() {
					return nil, jwks.ErrUnavailable
				}
				return testkit.KeySet().VerificationKeys(ctx, kid, alg)
			})
		}, middleware.ReasonKeysUnavailable},
		"nothing": {kit.Mint(kit.GoodClaims(nil)), func(*middleware.Config, *atomic.Bool) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var later atomic.Bool
			var w kit.Decisions
			v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Observe = w.Observe; row.change(cfg, &later) })
			guard := v.Require("read")
			r := kit.Bearer(row.token)
			ctx, err := guard.Check(r)
			if err != nil {
				t.Fatal(err)
			}
			r = r.WithContext(ctx)
			later.Store(true)
			if _, err := guard.Check(r); err != nil || !w.Last(t).Nested || w.Last(t).Rechecked {
				t.Errorf("Check: %v, %+v; want the verdict of before", err, w.Last(t))
			}
			ctx, err = guard.Recheck(r)
			if d := w.Last(t); d.Nested || !d.Rechecked || d.Reason != row.reason {
				t.Errorf("Recheck: %v, decision %+v, want reason %q", err, d, row.reason)
			}
			if err == nil {
				if token, ok := middleware.TokenFromContext(ctx); !ok || token.Subject != "user-1" {
					t.Errorf("Recheck gives the token %+v", token)
				}
			}
		})
	}
}

// The proof of a stream is spent, and soon too old: it counts for the call that it was made for.
func TestRecheckOfABoundTokenTakesItsProofOver(t *testing.T) {
	at := testkit.Now
	v := kit.DPoPValidator(t, func(cfg *middleware.Config) { cfg.Clock = func() time.Time { return at } })
	guard := v.Require()
	admit := func(t *testing.T, c middleware.Credentials) context.Context {
		ctx, err := guard.Authorize(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return ctx
	}
	token := kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey())))
	fresh := func(changes kit.Claims) string {
		return testkit.Proof{Key: testkit.EdKey(), Token: token, Claims: changes}.String()
	}
	call := func(proof string) middleware.Credentials {
		return middleware.Credentials{Header: http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}}, Method: "GET", Target: "/orders"}
	}
	for name, row := range map[string]struct {
		change func(*middleware.Credentials)
		keep   bool // the first check left the proof unspent
		reason middleware.Reason
	}{
		"the same call, long after": {func(*middleware.Credentials) { at = testkit.Now.Add(10 * time.Minute) }, false, ""},
		"another method":            {func(c *middleware.Credentials) { c.Method = "POST" }, false, middleware.ReasonProof},
		"another target":            {func(c *middleware.Credentials) { c.Target = "/admin" }, false, middleware.ReasonProof},
		"another proof, which is good": {func(c *middleware.Credentials) {
			c.Header = http.Header{"Authorization": {"DPoP " + token}, "Dpop": {fresh(nil)}}
		}, false, ""},
		"another proof for another call": {func(c *middleware.Credentials) {
			c.Header = http.Header{"Authorization": {"DPoP " + token}, "Dpop": {fresh(kit.Claims{"htm": "PUT"})}}
		}, false, middleware.ReasonProof},
		"the Bearer scheme": {func(c *middleware.Credentials) {
			c.Header = http.Header{"Authorization": {"Bearer " + token}}
		}, false, middleware.ReasonConfirmation},
		"another bound token on the same proof": {func(c *middleware.Credentials) {
			c.Header = http.Header{
				"Authorization": {"DPoP " + kit.Mint(kit.GoodClaims(kit.BoundTo(testkit.EdKey()).With(kit.Claims{"sub": "user-2"})))},
				"Dpop":          c.Header.Values("Dpop"),
			}
		}, false, middleware.ReasonProof},
		"a proof that was left unspent is spent": {func(*middleware.Credentials) {}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			at = testkit.Now
			c := call(fresh(nil))
			c.KeepProof = row.keep
			ctx := admit(t, c)
			c.Anew, c.KeepProof = true, false
			row.change(&c)
			_, err := guard.Authorize(ctx, c)
			wantReason(t, err, row.reason)
			if row.keep {
				_, err := guard.Authorize(t.Context(), c)
				wantReason(t, err, middleware.ReasonProofReplay)
			}
		})
	}
	t.Run("without an admission the proof is judged and spent", func(t *testing.T) {
		at = testkit.Now
		c := call(fresh(nil))
		c.Anew = true
		_, err := guard.Authorize(t.Context(), c)
		wantReason(t, err, "")
		_, err = guard.Authorize(t.Context(), c)
		wantReason(t, err, middleware.ReasonProofReplay)
	})
}

func wantReason(t *testing.T, err error, want middleware.Reason) {
	t.Helper()
	var refusal *middleware.Error
	errors.As(err, &refusal)
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (refusal == nil || refusal.Reason != want):
		t.Errorf("got %v, want reason %s", err, want)
	}
}

// A form is read once. A request that was admitted by one must be refused, and never pass for anonymous.
func TestRecheckRefusesATokenThatCameInAForm(t *testing.T) {
	v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.TokenSources = []middleware.TokenSource{middleware.FromForm()} })
	for name, guard := range map[string]*middleware.Guard{"required": v.Require(), "optional": v.Optional()} {
		t.Run(name, func(t *testing.T) {
			form := func(body string) *http.Request {
				r := kit.Request(http.MethodPost, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
				r.Body = http.NoBody
				if body != "" {
					r = r.Clone(t.Context())
					r.Body = readCloser{strings.NewReader(body)}
				}
				return r
			}
			r := form("access_token=" + kit.Mint(kit.GoodClaims(nil)))
			ctx, err := guard.Check(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = guard.Recheck(r.WithContext(ctx))
			wantReason(t, err, middleware.ReasonNoToken)
			_, err = guard.Authorize(ctx, middleware.Credentials{Anew: true})
			wantReason(t, err, middleware.ReasonNoToken)
			if err := r.ParseForm(); err != nil {
				t.Fatal(err)
			}
			_, err = guard.Recheck(r) // as if the context had been lost on the way
			wantReason(t, err, middleware.ReasonNoToken)

			_, err = guard.Recheck(form(""))
			wantReason(t, err, middleware.ReasonNoToken)
			other := form("x=1")
			if err := other.ParseForm(); err != nil {
				t.Fatal(err)
			}
			_, err = guard.Recheck(other)
			if name == "optional" {
				wantReason(t, err, "")
			} else {
				wantReason(t, err, middleware.ReasonNoToken)
			}
		})
	}
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// A stream that asks again for hours must not pile up contexts.
func TestRecheckedContextsMakeNoChain(t *testing.T) {
	v := kit.NewValidator(t, nil)
	type key struct{}
	base := &depth{Context: context.WithValue(t.Context(), key{}, "kept")}
	r := kit.Bearer(kit.Mint(kit.GoodClaims(nil))).WithContext(base)
	ctx, err := v.Require().Check(r)
	for range 100 {
		if err != nil {
			t.Fatal(err)
		}
		r = r.WithContext(ctx)
		ctx, err = v.Require().Recheck(r)
	}
	if strings.Count(ctx.(interface{ String() string }).String(), ".WithToken") != 1 {
		t.Errorf("the contexts lie one in the other: %v", ctx)
	}
	if ctx.Value(key{}) != "kept" {
		t.Error("the request's own context is lost")
	}
}

type depth struct{ context.Context }

func (d *depth) String() string { return "base" }

// An introspected token may be bound anew. That the old key was proven says nothing of the new one.
func TestRecheckOfATokenThatIsBoundToAnotherKeyNow(t *testing.T) {
	server := kit.Answering(kit.ActiveAnswer(kit.BoundTo(testkit.EdKey())))
	guard := kit.DPoPValidator(t, func(cfg *middleware.Config) {
		cfg.Issuers[0].Keys, cfg.Issuers[0].JWTs, cfg.Issuers[0].Introspector = nil, middleware.IntrospectJWTs, server
	}).Require()
	const token = "opaque"
	c := middleware.Credentials{
		Header: kit.DPoPRequest(token, testkit.Proof{Key: testkit.EdKey(), Token: token}.String()).Header, Method: "GET",
		Target: "/orders",
	}
	ctx, err := guard.Authorize(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	c.Anew = true
	_, err = guard.Authorize(ctx, c)
	wantReason(t, err, "")
	server.Response = kit.Answering(kit.ActiveAnswer(kit.BoundTo(testkit.StrangeKey()))).Response
	_, err = guard.Authorize(ctx, c)
	wantReason(t, err, middleware.ReasonConfirmation)
}
