package authtest_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

const api = "https://orders.example.test"

// newAPI returns a function that calls a protected handler with a token and tells what came of it.
func newAPI(t *testing.T, cfg middleware.Config) (*middleware.Validator, func(token string) *httptest.ResponseRecorder) {
	t.Helper()
	auth, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	handler := auth.Require().HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := middleware.TokenFromContext(r.Context())
		fmt.Fprintf(w, "%s %s", token.Subject, token.Scopes)
	})
	return auth, func(token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
}

func want(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d; %s; %s", w.Code, status, w.Header().Get("WWW-Authenticate"), w.Body)
	}
}

func TestNewIssuerIsTrustedByItsConfig(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	for name, token := range map[string]string{
		"a JWT":           issuer.Token(authtest.Claims{"scope": "read write"}),
		"an opaque token": issuer.OpaqueToken(authtest.Claims{"scope": "read write"}),
	} {
		w := call(token)
		want(t, w, http.StatusOK)
		if w.Body.String() != "alice read write" {
			t.Errorf("%s: the handler saw %q", name, w.Body)
		}
	}
}

func TestIssuersDoNotSpeakForEachOther(t *testing.T) {
	t.Parallel()
	one, other := authtest.NewIssuer(t), authtest.NewIssuer(t)
	_, call := newAPI(t, one.Config(api))
	other.Config(api)
	want(t, call(one.Token(nil)), http.StatusOK)
	want(t, call(other.Token(nil)), http.StatusUnauthorized)
	want(t, call(other.Token(authtest.Claims{"iss": one.URL()})), http.StatusUnauthorized)
	want(t, call(other.OpaqueToken(nil)), http.StatusUnauthorized)
}

func TestClockAppliesToMintingAndToExistingValidators(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	start := time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC)
	issuer.SetClock(func() time.Time { return start })
	token, opaque := issuer.Token(nil), issuer.OpaqueToken(nil)
	want(t, call(token), http.StatusOK)
	want(t, call(opaque), http.StatusOK)

	issuer.SetClock(func() time.Time { return start.Add(2 * time.Hour) })
	want(t, call(token), http.StatusUnauthorized)
	want(t, call(opaque), http.StatusUnauthorized)
	want(t, call(issuer.Token(nil)), http.StatusOK)

	issuer.SetClock(nil)
	want(t, call(token), http.StatusUnauthorized) // its iat lies years ahead
	want(t, call(issuer.Token(nil)), http.StatusOK)
}

func TestTokensNameTheLastAudienceOfConfig(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, first := newAPI(t, issuer.Config("https://first.example.test"))
	_, second := newAPI(t, issuer.Config("https://second.example.test"))
	want(t, second(issuer.Token(nil)), http.StatusOK)
	want(t, first(issuer.Token(nil)), http.StatusUnauthorized)
	want(t, first(issuer.Token(authtest.Claims{"aud": "https://first.example.test"})), http.StatusOK)
}

func TestStartRefusesAnEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	issuer, err := authtest.Start(ctx)
	if issuer != nil || !errors.Is(err, context.Canceled) {
		t.Fatalf("Start returned %v, %v", issuer, err)
	}
}

func TestIssuerListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	address := strings.TrimPrefix(issuer.URL(), "http://")
	host, _, err := net.SplitHostPort(address)
	if err != nil || host != "127.0.0.1" {
		t.Fatalf("the issuer listens on %s", address)
	}
	for host, status := range map[string]int{
		address:            http.StatusOK,
		"localhost:1":      http.StatusOK,
		"[::1]:1":          http.StatusOK,
		"rebound.evil.com": http.StatusMisdirectedRequest,
		"10.0.0.1:80":      http.StatusMisdirectedRequest,
		"127.0.0.1.nip.io": http.StatusMisdirectedRequest,
	} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, issuer.URL()+"/jwks", nil)
		r.Host = host
		if response := send(t, r); response.StatusCode != status {
			t.Errorf("Host %s: status %d, want %d", host, response.StatusCode, status)
		}
	}
}

func TestNothingIsLeftRunningAfterTheEnd(t *testing.T) { // not parallel: it looks at all goroutines
	ctx, cancel := context.WithCancel(t.Context())
	issuer, err := authtest.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cfg := issuer.Config(api)
	before := cfg.Issuers[0].Introspector
	auth, call := newAPI(t, cfg)
	want(t, call(issuer.Token(nil)), http.StatusOK)
	want(t, call(issuer.OpaqueToken(nil)), http.StatusOK)
	issuer.SetFault(authtest.Fault{Delay: time.Hour})
	var hanging sync.WaitGroup
	hanging.Go(func() { _, _ = http.Get(issuer.URL() + "/jwks") })
	for issuer.Requests(authtest.EndpointJWKS) < 2 {
		runtime.Gosched()
	}
	cancel()
	hanging.Wait() // the request ends with the issuer, and not in an hour

	late := issuer.Config(api).Issuers[0].Introspector
	for name, client := range map[string]middleware.Introspector{"given before": before, "given after": late} {
		if _, err := client.Introspect(t.Context(), "token"); err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("the introspection client %s the end says %v", name, err)
		}
	}
	_ = auth.Close()
	waitForNoGoroutineIn(t, "authtest.(*server)", "authtest.serve", "introspection.")
}

// waitForNoGoroutineIn returns once no goroutine runs in the named functions: those of connections end a moment after them.
func waitForNoGoroutineIn(t *testing.T, names ...string) {
	t.Helper()
	for ctx := t.Context(); ctx.Err() == nil; runtime.Gosched() {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		running := false
		for _, name := range names {
			running = running || strings.Contains(string(stacks), name)
		}
		if !running {
			return
		}
	}
}

// recorder is a TB that notes what it is told.
type recorder struct {
	fatal   string
	cleanup []func()
}

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(f func())                  { r.cleanup = append(r.cleanup, f) }
func (r *recorder) Fatalf(format string, args ...any) { r.fatal = fmt.Sprintf(format, args...) }

func TestNewIssuerEndsWithTheTest(t *testing.T) {
	t.Parallel()
	tb := new(recorder)
	issuer := authtest.NewIssuer(tb)
	for _, f := range tb.cleanup {
		f()
	}
	if _, err := http.Get(issuer.URL() + "/jwks"); err == nil {
		t.Error("the issuer answers after its end")
	}
}

func TestMistakesEndATestAndPanicInAProgram(t *testing.T) {
	t.Parallel()
	tb := new(recorder)
	test := authtest.NewIssuer(tb)
	t.Cleanup(func() { tb.cleanup[0]() })
	program, err := authtest.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, mistake := range []struct {
		name, want string
		make       func(i *authtest.Issuer)
	}{
		{"an algorithm that does not exist", `authtest: no key signs with alg "RS265"`,
			func(i *authtest.Issuer) { i.Mint(authtest.Header{"alg": "RS265"}, nil) }},
		{"a symmetric algorithm", `authtest: no key signs with alg "HS256"`,
			func(i *authtest.Issuer) { i.Sign(authtest.Header{"alg": "HS256"}, "{}") }},
		{"a claim that is no JSON", "authtest: the claims cannot be written as JSON",
			func(i *authtest.Issuer) { i.Token(authtest.Claims{"f": func() {}}) }},
		{"a claim of an opaque token that is no JSON", "authtest: the claims cannot be written as JSON",
			func(i *authtest.Issuer) { i.OpaqueToken(authtest.Claims{"f": func() {}}) }},
		{"a header member that is no JSON", "authtest: the header cannot be written as JSON",
			func(i *authtest.Issuer) { i.Mint(authtest.Header{"f": func() {}}, nil) }},
		{"a status that is none", "authtest: Fault.Status 99 ",
			func(i *authtest.Issuer) { i.SetFault(authtest.Fault{Status: 99}) }},
		{"a delay into the past", "authtest: Fault.Delay -1s ",
			func(i *authtest.Issuer) { i.SetFault(authtest.Fault{Delay: -time.Second}) }},
	} {
		t.Run(mistake.name, func(t *testing.T) {
			tb.fatal = ""
			mistake.make(test)
			if !strings.HasPrefix(tb.fatal, mistake.want) {
				t.Errorf("in a test: %q, want %q", tb.fatal, mistake.want)
			}
			defer func() {
				if said, _ := recover().(string); !strings.HasPrefix(said, mistake.want) {
					t.Errorf("in a program: %q, want %q", said, mistake.want)
				}
			}()
			mistake.make(program)
		})
	}
}

func TestIssuerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	issuer := authtest.NewIssuer(t)
	_, call := newAPI(t, issuer.Config(api))
	var all sync.WaitGroup
	for range 4 {
		for _, use := range []func(){
			func() { call(issuer.Token(nil)) },
			func() { token := issuer.OpaqueToken(nil); call(token); issuer.Revoke(token); call(token) },
			func() { issuer.RotateKeys(); issuer.DropOldKeys() },
			func() { issuer.SetFault(authtest.Fault{Status: 500}); issuer.SetFault(authtest.Fault{}) },
			func() { issuer.SetClock(time.Now); issuer.Requests(authtest.EndpointJWKS); issuer.Config(api) },
		} {
			all.Go(use)
		}
	}
	all.Wait()
}
