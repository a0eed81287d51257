package ginauth_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/cardea-auth/cardea/adapters/ginauth"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// seen is what middleware around the Guard finds in Gin's context when the chain has run.
type seen struct {
	status, errors   int
	written, aborted bool
}

func TestMiddlewareOutsideSeesTheRefusal(t *testing.T) {
	auth, issuer := api(t, nil)
	var got []seen
	e := gin.New()
	e.Use(func(c *gin.Context) {
		c.Next()
		got = append(got, seen{c.Writer.Status(), len(c.Errors), c.Writer.Written(), c.IsAborted()})
	})
	e.Any("/orders", ginauth.Middleware(auth.Require("orders:read")), greet)

	call(e, "GET", "/orders", "")
	call(e, "HEAD", "/orders", issuer.Token(nil))
	call(e, "GET", "/orders", issuer.Token(authtest.Claims{"scope": "orders:read"}))
	want := []seen{{401, 0, true, true}, {403, 0, true, true}, {200, 0, true, false}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMiddlewareOutsideCannotOverruleARefusalWithoutABody(t *testing.T) {
	auth, issuer := api(t, nil)
	e := gin.New()
	e.Use(func(c *gin.Context) {
		c.Next()
		if !c.Writer.Written() {
			c.String(http.StatusOK, "nothing to say")
		}
	})
	e.HEAD("/orders", ginauth.Middleware(auth.Require("orders:read")), greet)

	if w := call(e, "HEAD", "/orders", issuer.Token(nil)); w.Code != http.StatusForbidden || w.Body.Len() != 0 {
		t.Errorf("got %d %q, want 403 without a body", w.Code, w.Body)
	}
}

// An application may hide what it refuses. Gin takes the bare status 404 on an unknown path for an open question and
// writes an answer of its own.
func TestGinAddsNothingToARefusalOfAnUnknownPath(t *testing.T) {
	auth, _ := api(t, func(cfg *middleware.Config) {
		cfg.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ *middleware.Error) { w.WriteHeader(http.StatusNotFound) }
	})
	e := gin.New()
	e.Use(ginauth.Middleware(auth.Require()))

	if w := call(e, "GET", "/unknown", ""); w.Code != http.StatusNotFound || w.Body.Len() != 0 {
		t.Errorf("got %d %q, want 404 without a body", w.Code, w.Body)
	}
}

func TestAGuardOfTheEngineStandsBeforeUnknownPathsAndMethods(t *testing.T) {
	auth, issuer := api(t, nil)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	e.Use(ginauth.Middleware(auth.Require()))
	e.GET("/orders", greet)
	good := issuer.Token(nil)

	tests := []struct {
		name, method, target, token string
		status                      int
	}{
		{"attack: asking which paths there are", "GET", "/unknown", "", 401},
		{"attack: asking which methods a path has", "DELETE", "/orders", "", 401},
		{"an unknown path, for those who may know", "GET", "/unknown", good, 404},
		{"an unknown method, for those who may know", "DELETE", "/orders", good, 405},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if w := call(e, tt.method, tt.target, tt.token); w.Code != tt.status {
				t.Errorf("got %d, want %d", w.Code, tt.status)
			}
		})
	}
}

func TestErrorsOfHandlersReachMiddlewareOutside(t *testing.T) {
	auth, issuer := api(t, nil)
	broken := errors.New("the database is gone")
	var last error
	e := gin.New()
	e.Use(func(c *gin.Context) {
		c.Next()
		if l := c.Errors.Last(); l != nil {
			last = l.Err
			c.String(http.StatusTeapot, "handled")
		}
	})
	e.GET("/orders", ginauth.Middleware(auth.Require()), func(c *gin.Context) { _ = c.Error(broken) })

	if w := call(e, "GET", "/orders", issuer.Token(nil)); w.Code != http.StatusTeapot || w.Body.String() != "handled" || last != broken {
		t.Errorf("got %d %q and %v, want 418 handled and the handler's own error", w.Code, w.Body, last)
	}
}

func TestRecoveryAnswersPanicsOfHandlersBehindAGuard(t *testing.T) {
	auth, issuer := api(t, nil)
	e := gin.New()
	e.Use(gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, _ any) { c.AbortWithStatus(http.StatusInternalServerError) }))
	e.GET("/orders", ginauth.Middleware(auth.Require()), func(*gin.Context) { panic("no hinge") })

	if w := call(e, "GET", "/orders", issuer.Token(nil)); w.Code != http.StatusInternalServerError {
		t.Errorf("got %d, want 500", w.Code)
	}
}

func TestMiddlewareBehindTheGuardMayReplaceTheRequest(t *testing.T) {
	type key struct{}
	auth, issuer := api(t, nil)
	e := gin.New()
	e.Use(ginauth.Middleware(auth.Require()), func(c *gin.Context) {
		c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), key{}, "trace"))
	})
	e.GET("/orders", greet)

	if w := call(e, "GET", "/orders", issuer.Token(nil)); w.Body.String() != "alice" {
		t.Errorf("got %q, want alice", w.Body)
	}
}

// The package comment promises the first and warns of the second.
func TestGinsOwnContextFindsTheTokenOnlyWithFallback(t *testing.T) {
	auth, issuer := api(t, nil)
	for _, fallback := range []bool{true, false} {
		e := gin.New()
		e.ContextWithFallback = fallback
		var found bool
		e.GET("/orders", ginauth.Middleware(auth.Require()), func(c *gin.Context) { _, found = middleware.TokenFromContext(c) })
		if call(e, "GET", "/orders", issuer.Token(nil)); found != fallback {
			t.Errorf("ContextWithFallback %v: found is %v", fallback, found)
		}
	}
}
