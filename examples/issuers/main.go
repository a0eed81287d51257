// Issuers trusts two authorization servers, each by rules of its own: the staff's knows this API under another name and
// puts roles where Keycloak puts them.
//
//	go run ./examples/issuers
package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/examples/internal/demo"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
)

func main() { demo.Main(run) }

func run(ctx context.Context, site demo.Site) error {
	staff, err := authtest.Start(ctx)
	if err != nil {
		return err
	}
	partners, err := authtest.Start(ctx)
	if err != nil {
		return err
	}
	auth, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{
			{
				URL:       staff.URL(),
				Audiences: []string{"orders-backend"},
				Claims:    middleware.ClaimMapping{Roles: []string{"/realm_access/roles"}},
			},
			{URL: partners.URL()},
		},
		Audiences: []string{"https://api.example.com"}, // for those that have no names of their own
	})
	if err != nil {
		return err
	}
	defer auth.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require().HandlerFunc(listOrders))
	mux.Handle("GET /stock", auth.Require().AnyRole("clerk", "manager").HandlerFunc(listOrders))

	roles := map[string]any{"roles": []string{"clerk"}}
	clerk := staff.Token(authtest.Claims{"sub": "clerk", "aud": "orders-backend", "realm_access": roles})
	shop := partners.Token(authtest.Claims{"sub": "shop", "aud": "https://api.example.com", "realm_access": roles})
	confused := partners.Token(authtest.Claims{"sub": "shop", "aud": "orders-backend"})
	forged := partners.Token(authtest.Claims{"iss": staff.URL(), "sub": "clerk", "aud": "orders-backend", "realm_access": roles})

	return site.Serve(ctx, mux,
		demo.Request{Name: "a token of the staff", Path: "/orders", Token: clerk, Status: http.StatusOK},
		demo.Request{Name: "a token of a partner", Path: "/orders", Token: shop, Status: http.StatusOK},
		demo.Request{Name: "the role of the staff", Path: "/stock", Token: clerk, Status: http.StatusOK},
		demo.Request{Name: "the same claim of a partner, whose roles are not ours", Path: "/stock", Token: shop, Status: http.StatusForbidden},
		demo.Request{Name: "a partner's token with the staff's audience", Path: "/orders", Token: confused, Status: http.StatusUnauthorized},
		demo.Request{Name: "a partner who claims to be the staff's server", Path: "/stock", Token: forged, Status: http.StatusUnauthorized},
	)
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	fmt.Fprintf(w, "%s of %s has the roles [%s]\n", token.Subject, token.Issuer, token.Roles)
}
