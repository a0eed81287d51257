package reports_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

func TestTokenFromContext(t *testing.T) {
	type key struct{}
	v := kit.NewValidator(t, nil)
	for _, row := range []struct {
		name    string
		ctx     context.Context
		subject string
	}{
		{"an admitted request", testkit.Must(v.Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(nil))))), "user-1"},
		{"what is derived from it", context.WithValue(testkit.Must(v.Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(nil))))), key{}, 1), "user-1"},
		{"work that outlives the request", context.WithoutCancel(testkit.Must(v.Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(nil)))))), "user-1"},
		{"a test of a handler", middleware.ContextWithToken(t.Context(), &middleware.Token{Subject: "tester"}), "tester"},
		{"an anonymous request", testkit.Must(v.Optional().Check(kit.Request("GET", nil))), ""},
		{"a test of a handler, anonymous", middleware.ContextWithToken(t.Context(), nil), ""},
		{
			"an anonymous test inside a known one",
			middleware.ContextWithToken(middleware.ContextWithToken(t.Context(), &middleware.Token{Subject: "tester"}), nil), "",
		},
		{"no Guard", t.Context(), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			token, ok := middleware.TokenFromContext(row.ctx)
			if ok != (row.subject != "") || ok && token.Subject != row.subject {
				t.Errorf("got %+v, %v; want subject %q", token, ok, row.subject)
			}
			if !ok && token != nil {
				t.Errorf("got the token %+v beside false", token)
			}
		})
	}
}

func TestContextKeepsTheRequests(t *testing.T) {
	type key struct{}
	ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
	admitted := testkit.Must(kit.NewValidator(t, nil).Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(nil))).WithContext(ctx)))
	if admitted.Value(key{}) != "value" {
		t.Error("the values of the request's context are lost")
	}
	gone := errors.New("the client is gone")
	cancel(gone)
	if context.Cause(admitted) != gone {
		t.Errorf("cause is %v, want that of the request's context", context.Cause(admitted))
	}
}

func TestClaimsFromContext(t *testing.T) {
	type orders struct {
		Sub    string `json:"sub"`
		Tenant struct {
			ID int `json:"id"`
		} `json:"tenant"`
	}
	v := kit.NewValidator(t, nil)
	ctx := testkit.Must(v.Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"tenant": kit.Claims{"id": 7}})))))
	if got, err := middleware.ClaimsFromContext[orders](ctx); err != nil || got.Sub != "user-1" || got.Tenant.ID != 7 {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := middleware.ClaimsFromContext[*orders](ctx); err != nil || got.Tenant.ID != 7 {
		t.Errorf("a pointer: got %+v, %v", got, err)
	}
	if got, err := middleware.ClaimsFromContext[map[string]any](ctx); err != nil || got["sub"] != "user-1" {
		t.Errorf("a map: got %v, %v", got, err)
	}
	type misfit struct {
		Sub    string `json:"sub"`
		Tenant string `json:"tenant"`
	}
	if got, err := middleware.ClaimsFromContext[misfit](ctx); err == nil || got != (misfit{}) {
		t.Errorf("claims that do not fit: got %+v, %v; want an error and nothing half decoded", got, err)
	}
	if got, err := middleware.ClaimsFromContext[orders](t.Context()); !errors.Is(err, middleware.ErrNoToken) || got != (orders{}) {
		t.Errorf("no token: got %+v, %v; want ErrNoToken", got, err)
	}
	handMade := middleware.ContextWithToken(t.Context(), &middleware.Token{Subject: "tester"})
	if _, err := middleware.ClaimsFromContext[orders](handMade); err == nil || errors.Is(err, middleware.ErrNoToken) {
		t.Errorf("a token made by hand: got %v, want an error that says so", err)
	}
}

// A repeated token is not decoded again where a copy will do. Every request gets its own token's claims, and may write to them.
func TestClaimsAreDecodedOnce(t *testing.T) {
	kit.NeedsCache(t)
	type flat struct {
		Sub string `json:"sub"`
		Exp int64  `json:"exp"`
	}
	type deep struct {
		Sub  string         `json:"sub"`
		Tags []string       `json:"tags"`
		More map[string]int `json:"more"`
	}
	guard := kit.NewValidator(t, nil).Require()
	request := func(sub string) context.Context {
		return testkit.Must(guard.Check(kit.Bearer(kit.Mint(kit.GoodClaims(kit.Claims{"sub": sub, "tags": []string{"a"}, "more": kit.Claims{"b": 1}})))))
	}
	for _, sub := range []string{"alice", "bob", "alice", "bob"} {
		ctx := request(sub)
		one := testkit.Must(middleware.ClaimsFromContext[flat](ctx))
		rich := testkit.Must(middleware.ClaimsFromContext[deep](ctx))
		if one.Sub != sub || one.Exp == 0 || rich.Sub != sub || rich.Tags[0] != "a" || rich.More["b"] != 1 {
			t.Errorf("%s gets %+v and %+v", sub, one, rich)
		}
		one.Sub, rich.Tags[0], rich.More["b"] = "changed", "changed", 2
	}
	ctx := request("alice")
	if got := testing.AllocsPerRun(100, func() { _, _ = middleware.ClaimsFromContext[flat](ctx) }); got != 0 {
		t.Errorf("%v allocations for claims that were decoded before", got)
	}
	type other struct{ Sub string } // without a tag, so it gets the claim that is spelt Sub
	if got := testkit.Must(middleware.ClaimsFromContext[other](ctx)); got.Sub != "" {
		t.Errorf("a type of the same form: %+v", got)
	}
}

// A handler may do with its token what it likes: no other request and no cache sees it.
func TestTokensAreEachRequestsOwn(t *testing.T) {
	for name, change := range map[string]func(*middleware.Config){
		"verified":        nil,
		"without a cache": func(cfg *middleware.Config) { cfg.TokenCache.Entries = -1 },
		"introspected": func(cfg *middleware.Config) {
			cfg.Issuers[0].Introspector = kit.FixedAnswer{Answer: fmt.Sprintf(`{"active":true,"sub":"user-1","aud":%q,"scope":"read write"}`, testkit.Audience)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := kit.NewValidator(t, change)
			raw := kit.Mint(kit.GoodClaims(nil))
			if name == "introspected" {
				raw = "opaque"
			}
			for range 3 {
				got := kit.Serve(v.Require("read"), kit.Bearer(raw))
				if got.String() != "200" || got.Token.Subject != "user-1" || got.Token.Scopes.String() != "read write" {
					t.Fatalf("got %v with %+v", got, got.Token)
				}
				again, _ := middleware.TokenFromContext(got.Context)
				if again != got.Token {
					t.Error("the readers of one request do not share a Token")
				}
				m := testkit.Must(middleware.ClaimsFromContext[map[string]any](got.Context))
				m["sub"] = "spoilt"
				got.Token.Scopes.Slice()[0] = "spoilt"
				*got.Token = middleware.Token{Subject: "spoilt", Scopes: middleware.SetOf("admin")}
			}
		})
	}
}

// A printed context, token or call shows no credential and no person's claims.
func TestPrintingShowsNoSecret(t *testing.T) {
	raw := kit.Mint(kit.GoodClaims(kit.Claims{"email": "canary@example.com"}))
	r := kit.Bearer(raw)
	r.Header.Set("Cookie", "session="+raw)
	r.RequestURI = "/orders?access_token=" + raw
	var call middleware.Credentials
	ctx := testkit.Must(kit.NewValidator(t, nil).Require().Allow(func(_ context.Context, _ *middleware.Token, c middleware.Credentials) error {
		call = c
		return nil
	}).Check(r))
	token, _ := middleware.TokenFromContext(ctx)
	expiring, cancel := middleware.ContextWithExpiry(ctx)
	defer cancel()
	for name, printed := range map[string]any{
		"context": ctx, "detached context": context.WithoutCancel(ctx), "stream's context": expiring, "*Token": token, "Token": *token,
		"Credentials": call, "*Credentials": &call, "struct with Credentials": struct{ Call middleware.Credentials }{call},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
			text := fmt.Sprintf(verb, printed)
			if strings.Contains(text, raw[len(raw)-20:]) {
				t.Errorf("%s of a %s shows the token", verb, name)
			}
			if strings.HasSuffix(verb, "v") && strings.Contains(text, "canary@example.com") {
				t.Errorf("%s of a %s shows a person's claims", verb, name)
			}
		}
	}
}

func TestContextWithExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := kit.NewValidator(t, func(cfg *middleware.Config) { cfg.Clock = time.Now })
		token := kit.Mint(kit.GoodClaims(kit.Claims{"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}))
		admitted := testkit.Must(v.Require().Check(kit.Bearer(token).WithContext(t.Context())))
		handlers, _ := middleware.TokenFromContext(admitted)
		handlers.Expiry = time.Now().Add(time.Hour) // the handler's copy decides nothing

		ctx, cancel := middleware.ContextWithExpiry(admitted)
		defer cancel()
		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatalf("ended before exp: %v", context.Cause(ctx))
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if ctx.Err() != context.DeadlineExceeded || context.Cause(ctx) != middleware.ErrExpired {
			t.Errorf("at exp: %v, cause %v; want ErrExpired", ctx.Err(), context.Cause(ctx))
		}
		if admitted.Err() != nil {
			t.Error("the request's own context ended with it")
		}
	})
}

func TestContextWithExpiryUsesTheClockOfTheConfig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := kit.NewValidator(t, nil) // whose clock stands at now; the token expires an hour later
		ctx, cancel := middleware.ContextWithExpiry(testkit.Must(v.Require().Check(kit.Bearer(kit.Mint(kit.GoodClaims(nil))))))
		defer cancel()
		time.Sleep(time.Hour - time.Second)
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatal("ended before exp")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if context.Cause(ctx) != middleware.ErrExpired {
			t.Errorf("cause is %v, want ErrExpired", context.Cause(ctx))
		}
	})
}

func TestContextWithExpiryWithoutOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := kit.NewValidator(t, func(cfg *middleware.Config) {
			cfg.Issuers[0].Introspector = kit.FixedAnswer{Answer: fmt.Sprintf(`{"active":true,"aud":%q}`, testkit.Audience)}
		})
		for name, parent := range map[string]context.Context{
			"no Guard":                  context.Background(),
			"an anonymous request":      testkit.Must(v.Optional().Check(kit.Request("GET", nil))),
			"an answer without exp":     testkit.Must(v.Require().Check(kit.Bearer("opaque"))),
			"a token made by hand":      middleware.ContextWithToken(context.Background(), &middleware.Token{Subject: "tester"}),
			"an anonymous test context": middleware.ContextWithToken(context.Background(), nil),
		} {
			ctx, cancel := middleware.ContextWithExpiry(parent)
			time.Sleep(1000 * time.Hour)
			synctest.Wait()
			if ctx.Err() != nil {
				t.Errorf("%s: ended, %v", name, context.Cause(ctx))
			}
			cancel()
			if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled {
				t.Errorf("%s: after cancel it is %v", name, context.Cause(ctx))
			}
		}
		handMade := middleware.ContextWithToken(context.Background(), &middleware.Token{Expiry: time.Now().Add(time.Minute)})
		ctx, cancel := middleware.ContextWithExpiry(handMade)
		defer cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		if context.Cause(ctx) != middleware.ErrExpired {
			t.Errorf("a token made by hand, with an expiry: cause is %v, want ErrExpired", context.Cause(ctx))
		}
	})
}

// A handler may do to its copy of the Token what it likes: the stream ends when the token that was judged does.
func TestContextWithExpiryOfAChangedToken(t *testing.T) {
	clock := testkit.Now
	v := kit.NewValidator(t, kit.SetClock(&clock))
	for name, expiry := range map[string]time.Time{"erased": {}, "put off": testkit.Now.Add(1000 * time.Hour)} {
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			token, _ := middleware.TokenFromContext(r.Context())
			token.Expiry = expiry
			ctx, cancel := middleware.ContextWithExpiry(r.Context())
			defer cancel()
			if end, ok := ctx.Deadline(); !ok || time.Until(end) > time.Hour {
				t.Errorf("expiry %s: the context ends at %v, %t", name, end, ok)
			}
		})
		rec := httptest.NewRecorder()
		v.Require("read").Handler(handler).ServeHTTP(rec, kit.Request("GET", kit.Fields("Authorization", "Bearer "+kit.Mint(kit.GoodClaims(nil)))))
		if rec.Code != http.StatusOK {
			t.Fatalf("status %d", rec.Code)
		}
	}
}
