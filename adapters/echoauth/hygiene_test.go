package echoauth_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/cardea-auth/cardea/adapters/echoauth"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// What Echo logs in debug mode, with its request logger and its stack traces, shows no token: whether it was good, bad, or a handler or a rule
// panicked over it.
func TestNothingThatEchoWritesShowsTheToken(t *testing.T) {
	for name, row := range map[string]struct {
		claims  authtest.Claims
		guard   func(*middleware.Validator) *middleware.Guard
		handler echo.HandlerFunc
		spoil   func(token string) string
		status  int
	}{
		"admitted":              {status: 200},
		"a missing scope":       {guard: func(v *middleware.Validator) *middleware.Guard { return v.Require("admin") }, status: 403},
		"expired":               {claims: authtest.Claims{"exp": 1}, status: 401},
		"forged":                {spoil: func(token string) string { return token[:len(token)-8] + "AAAAAAAA" }, status: 401},
		"two tokens":            {spoil: func(token string) string { return token + ", Bearer " + token }, status: 400},
		"a Guard of nobody":     {guard: func(*middleware.Validator) *middleware.Guard { return nil }, status: 500},
		"a handler that panics": {handler: func(echo.Context) error { panic("no hinge") }, status: 500},
		"a handler that fails":  {handler: func(c echo.Context) error { return fmt.Errorf("no hinge for %+v", c.Request().Context()) }, status: 500},
		"a rule that panics": {guard: func(v *middleware.Validator) *middleware.Guard {
			return v.Require().Allow(func(context.Context, *middleware.Token, middleware.Credentials) error { panic("no hinge") })
		}, status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			auth, issuer := api(t, func(cfg *middleware.Config) {
				cfg.Logger = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			token := issuer.Token(row.claims)
			sent := token
			if row.spoil != nil {
				sent = row.spoil(token)
			}
			guard, handler := auth.Require(), row.handler
			if row.guard != nil {
				guard = row.guard(auth)
			}
			if handler == nil {
				handler = greet
			}
			e := echo.New()
			e.Debug = true
			e.Logger.SetOutput(&out)
			e.Use(echomiddleware.RequestLoggerWithConfig(echomiddleware.RequestLoggerConfig{
				LogMethod: true, LogURI: true, LogStatus: true, LogError: true, LogLatency: true, LogRemoteIP: true, LogUserAgent: true,
				LogValuesFunc: func(_ echo.Context, v echomiddleware.RequestLoggerValues) error {
					fmt.Fprintf(&out, "%+v\n", v)
					return nil
				},
			}), echomiddleware.Recover())
			e.Any("/orders", handler, echoauth.Middleware(guard))
			w := call(e, "GET", "/orders", sent)
			if w.Code != row.status {
				t.Errorf("status is %d, want %d", w.Code, row.status)
			}
			out.WriteString(fmt.Sprint(w.Header(), w.Body))
			wantNoPieces(t, out.String(), token)
		})
	}
}

// wantNoPieces looks for any 16 characters of the token's payload and signature.
func wantNoPieces(t *testing.T, text, token string) {
	t.Helper()
	secret := token[strings.IndexByte(token, '.')+1:]
	for i := range len(secret) - 15 {
		if strings.Contains(text, secret[i:i+16]) {
			t.Fatalf("%q is shown in %s", secret[i:i+16], text)
		}
	}
}

// CVE-2026-50149: another way to the same handlers went round the check. Every route of the table is tried with every method and no token.
func TestNoRouteOfAGuardedInstanceIsOpen(t *testing.T) {
	auth, _ := api(t, nil)
	e := quiet()
	ran := 0
	handler := func(echo.Context) error { ran++; return nil }
	e.Use(echoauth.Middleware(auth.Require()))
	e.GET("/", handler)
	e.Any("/orders", handler)
	e.POST("/orders/:id", handler)
	e.Static("/files", ".")
	e.File("/page", "hygiene_test.go")
	e.RouteNotFound("/*", handler)
	group := e.Group("/admin")
	group.GET("/users", handler)
	group.Any("/*", handler)
	e.Match([]string{"GET", "PROPFIND"}, "/dav", handler)
	if len(e.Routes()) < 20 {
		t.Fatalf("only %d routes", len(e.Routes()))
	}
	for _, route := range e.Routes() {
		for _, path := range []string{
			route.Path, "/." + route.Path, "/" + route.Path, route.Path + "/", strings.ToUpper(route.Path),
			strings.ReplaceAll(route.Path, "/", "%2f"),
		} {
			for _, method := range []string{route.Method, "GET", "HEAD", "POST", "OPTIONS", "CONNECT", "PURGE"} {
				w := httptest.NewRecorder()
				r := httptest.NewRequest("GET", "/", nil)
				r.URL.Path, r.RequestURI = path, path
				if r.Method = method; method == echo.RouteNotFound {
					r.Method = "GET"
				}
				e.ServeHTTP(w, r)
				if w.Code != http.StatusUnauthorized || ran != 0 {
					t.Errorf("%s %s: status %d, %d handlers ran", r.Method, path, w.Code, ran)
				}
			}
		}
	}
}
