package logout_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/authtest"
	"github.com/cardea-auth/cardea/middleware/revocation"
	"github.com/cardea-auth/cardea/middleware/revocation/logout"
)

// An API refuses the tokens of a session as soon as its user has logged out at the authorization server.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	issuer, err := authtest.Start(ctx) // stands for your authorization server
	if err != nil {
		fmt.Println(err)
		return
	}
	web, _ := issuer.Client()
	silent := slog.New(slog.DiscardHandler)

	list, err := revocation.New(revocation.Config{Logger: silent})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer list.Close()
	cfg := issuer.Config("https://orders.example.com")
	cfg.Revocations = []middleware.Revocations{list}
	auth, err := middleware.New(cfg)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	receiver, err := logout.New(auth, list, logout.Config{ClientIDs: []string{web}, Logger: silent})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require().HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") }))
	mux.Handle("/backchannel-logout", receiver) // the backchannel_logout_uri of the client
	api := httptest.NewServer(mux)
	defer api.Close()

	token := issuer.Token(authtest.Claims{"sid": "a-session"})
	call := func() int {
		r, _ := http.NewRequest(http.MethodGet, api.URL+"/orders", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	fmt.Println(call())
	status, err := issuer.SendLogout(ctx, api.URL+"/backchannel-logout", issuer.LogoutToken(authtest.Claims{"sid": "a-session"}))
	fmt.Println(status, err)
	fmt.Println(call())
	// Output:
	// 200
	// 200 <nil>
	// 401
}
