// Opaque asks the authorization server about every token (RFC 7662) and verifies nothing by itself: there is no key to
// fetch, and a revoked token ends soon.
//
//	go run ./examples/opaque
package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func main() { demo.Main(run) }

func run(ctx context.Context, site demo.Site) error {
	issuer, err := authtest.Start(ctx)
	if err != nil {
		return err
	}

	// The client belongs to whoever makes it. A revoked token is accepted for ActiveTTL at most.
	client, err := introspection.New(introspection.Config{
		URL:        issuer.URL() + string(authtest.EndpointIntrospection),
		ClientAuth: introspection.SecretBasic(issuer.Client()),
		ActiveTTL:  2 * time.Second,
	})
	if err != nil {
		return err
	}
	defer client.Close()

	auth, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{{
			URL:          issuer.URL(),
			JWTs:         middleware.IntrospectJWTs,
			Introspector: client,
		}},
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		return err
	}
	defer auth.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(listOrders))

	reader := authtest.Claims{"scope": "orders:read", "aud": "https://api.example.com"}
	revoked := issuer.OpaqueToken(reader)
	issuer.Revoke(revoked)
	return site.Serve(ctx, mux,
		demo.Request{Name: "an opaque token", Path: "/orders", Token: issuer.OpaqueToken(reader), Status: http.StatusOK},
		demo.Request{Name: "a JWT, which is introspected as well", Path: "/orders", Token: issuer.Token(reader), Status: http.StatusOK},
		demo.Request{Name: "a revoked token", Path: "/orders", Token: revoked, Status: http.StatusUnauthorized},
		demo.Request{Name: "a token that nobody knows", Path: "/orders", Token: "made-up", Status: http.StatusUnauthorized},
		demo.Request{
			Name: "a token without the scope", Path: "/orders",
			Token: issuer.OpaqueToken(authtest.Claims{"aud": "https://api.example.com"}), Status: http.StatusForbidden,
		},
	)
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	fmt.Fprintf(w, "orders of %s, introspected: %t\n", token.Subject, token.Opaque)
}
