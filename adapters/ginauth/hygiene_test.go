package ginauth_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// What Gin logs in debug mode, with the dump of the request that its Recovery makes, shows no token of the Authorization field: whether it was good, bad, or a handler or a rule
// panicked over it.
func TestNothingThatGinWritesShowsTheToken(t *testing.T) {
	for name, row := range map[string]struct {
		claims  authtest.Claims
		guard   func(*middleware.Validator) *middleware.Guard
		handler gin.HandlerFunc
		spoil   func(token string) string
		status  int
	}{
		"admitted":              {status: 200},
		"a missing scope":       {guard: func(v *middleware.Validator) *middleware.Guard { return v.Require("admin") }, status: 403},
		"expired":               {claims: authtest.Claims{"exp": 1}, status: 401},
		"forged":                {spoil: func(token string) string { return token[:len(token)-8] + "AAAAAAAA" }, status: 401},
		"two tokens":            {spoil: func(token string) string { return token + ", Bearer " + token }, status: 400},
		"a Guard of nobody":     {guard: func(*middleware.Validator) *middleware.Guard { return nil }, status: 500},
		"a handler that panics": {handler: func(*gin.Context) { panic("no hinge") }, status: 500},
		"a handler that fails":  {handler: func(c *gin.Context) { _ = c.AbortWithError(500, fmt.Errorf("no hinge for %+v", c.Request.Context())) }, status: 500},
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
			before := gin.DefaultWriter
			gin.DefaultWriter = &out
			gin.SetMode(gin.DebugMode)
			defer func() { gin.DefaultWriter = before; gin.SetMode(gin.TestMode) }()
			e := gin.New()
			e.Use(gin.LoggerWithWriter(&out), gin.RecoveryWithWriter(&out))
			e.Any("/orders", ginauth.Middleware(guard), handler)
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
func TestNoRouteOfAGuardedEngineIsOpen(t *testing.T) {
	auth, _ := api(t, nil)
	gin.SetMode(gin.TestMode)
	e := gin.New()
	ran := 0
	handler := func(*gin.Context) { ran++ }
	e.RedirectFixedPath = true
	e.HandleMethodNotAllowed = true
	e.Use(ginauth.Middleware(auth.Require()))
	e.GET("/", handler)
	e.Any("/orders", handler)
	e.POST("/orders/:id", handler)
	e.Static("/files", ".")
	e.StaticFile("/page", "hygiene_test.go")
	e.NoRoute(handler)
	e.NoMethod(handler)
	group := e.Group("/admin")
	group.GET("/users", handler)
	e.Handle("PROPFIND", "/dav", handler)
	if len(e.Routes()) < 15 {
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
				r.Method, r.URL.Path, r.RequestURI = method, path, path
				e.ServeHTTP(w, r)
				// Gin corrects paths with a redirect before any middleware runs. It tells that a route is there, and runs nothing.
				redirected := w.Code == http.StatusMovedPermanently || w.Code == http.StatusTemporaryRedirect
				if w.Code != http.StatusUnauthorized && !redirected || ran != 0 {
					t.Errorf("%s %s: status %d, %d handlers ran", method, path, w.Code, ran)
				}
			}
		}
	}
}
