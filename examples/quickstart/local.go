package main

import (
	"context"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

// startLocal starts an authorization server on this machine, which ends with ctx. It returns a configuration that trusts
// it, and requests with tokens of every kind.
func startLocal(ctx context.Context) (middleware.Config, []demo.Request, error) {
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return middleware.Config{}, nil, err
	}
	config := issuer.Config("https://api.example.com")

	alice := authtest.Claims{"sub": "alice", "scope": "orders:read"}
	jwt := issuer.Token(alice)
	opaque := issuer.OpaqueToken(alice)
	expired := issuer.Token(authtest.Claims{"sub": "alice", "scope": "orders:read", "exp": time.Now().Add(-time.Hour).Unix()})
	elsewhere := issuer.Token(authtest.Claims{"sub": "alice", "scope": "orders:read", "aud": "https://other.example.com"})

	return config, []demo.Request{
		{Name: "a valid JWT", Path: "/orders", Token: jwt, Status: http.StatusOK},
		{Name: "a valid opaque token", Path: "/orders", Token: opaque, Status: http.StatusOK},
		{Name: "a valid token without the scope of this route, orders:write", Method: http.MethodPost, Path: "/orders", Token: jwt, Status: http.StatusForbidden},
		{Name: "a token that has expired", Path: "/orders", Token: expired, Status: http.StatusUnauthorized},
		{Name: "a token for another API", Path: "/orders", Token: elsewhere, Status: http.StatusUnauthorized},
		{Name: "no token", Path: "/orders", Status: http.StatusUnauthorized},
		{Name: "no token, and none needed", Path: "/public", Status: http.StatusOK},
		{Name: "all that a token says", Path: "/me", Token: jwt, Status: http.StatusOK},
	}, nil
}
