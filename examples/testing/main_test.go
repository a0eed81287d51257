package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demotest"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// A handler alone: the context is what a Guard would have made of a token with these claims.
func TestOrdersAreThoseOfTheTenant(t *testing.T) {
	ctx := authtest.Context(t, authtest.Claims{"tenant": "acme"})
	request := httptest.NewRequestWithContext(ctx, "GET", "/orders", nil)
	recorder := httptest.NewRecorder()

	listOrders(recorder, request)

	if got, want := recorder.Body.String(), `{"orders of":"acme"}`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// The routes as they are deployed: real tokens, real keys, and what the Guards make of them.
func TestOrdersNeedATokenWithTheirScope(t *testing.T) {
	issuer := authtest.NewIssuer(t)
	auth, err := middleware.New(issuer.Config("https://api.example.com"))
	if err != nil {
		t.Fatal(err)
	}
	defer auth.Close()
	api := newAPI(auth)

	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"a customer":          {issuer.Token(authtest.Claims{"scope": "orders:read", "tenant": "acme"}), http.StatusOK},
		"another scope":       {issuer.Token(authtest.Claims{"scope": "profile", "tenant": "acme"}), http.StatusForbidden},
		"an expired token":    {issuer.Token(authtest.Claims{"scope": "orders:read", "exp": time.Now().Add(-time.Hour)}), http.StatusUnauthorized},
		"another API's token": {issuer.Token(authtest.Claims{"scope": "orders:read", "aud": "https://other.example.com"}), http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequest("GET", "/orders", nil)
			request.Header.Set("Authorization", "Bearer "+c.token)
			recorder := httptest.NewRecorder()

			api.ServeHTTP(recorder, request)

			if recorder.Code != c.want {
				t.Errorf("got status %d, want %d", recorder.Code, c.want)
			}
		})
	}
}

func TestCurlLinesGetTheStatusTheySay(t *testing.T) { demotest.Run(t, run) }
