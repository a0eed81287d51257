package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// An API that trusts one authorization server, with one protected route. The server's keys are found from its URL when
// the first token arrives.
func Example() {
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences: []string{"https://api.example.com"},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer auth.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := middleware.TokenFromContext(r.Context())
		fmt.Fprintln(w, "orders of", token.Subject)
	}))
	// log.Fatal(http.ListenAndServe(":8080", mux))

	call(mux, "GET", "/orders", "") // a request without a token
	// Output:
	// GET /orders: 401 Bearer realm="api", scope="orders:read"
}

// A Guard is a value. What a group of routes has in common is written once, and each route narrows it.
func ExampleGuard_Require() {
	auth := newAuth()
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") }

	orders := auth.Require("orders")
	mux := http.NewServeMux()
	mux.Handle("GET /orders", orders.HandlerFunc(ok))
	mux.Handle("POST /orders", orders.Require("orders:write").HandlerFunc(ok))
	mux.Handle("DELETE /orders", orders.AnyScope("orders:admin", "root").HandlerFunc(ok))

	token := tokenFor("alice", "orders orders:write")
	call(mux, "GET", "/orders", token)
	call(mux, "POST", "/orders", token)
	call(mux, "DELETE", "/orders", token)
	// Output:
	// GET /orders: 200 done
	// POST /orders: 200 done
	// DELETE /orders: 403 Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request.", scope="orders orders:admin root"
}

// Optional lets requests without credentials through as anonymous. Credentials that are no good are refused all the same.
func ExampleValidator_Optional() {
	auth := newAuth()
	greet := auth.Optional().HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if token, ok := middleware.TokenFromContext(r.Context()); ok {
			fmt.Fprint(w, "hello, ", token.Subject)
			return
		}
		fmt.Fprint(w, "hello, whoever you are")
	})
	call(greet, "GET", "/", "")
	call(greet, "GET", "/", tokenFor("alice", ""))
	call(greet, "GET", "/", "garbage")
	// Output:
	// GET /: 200 hello, whoever you are
	// GET /: 200 hello, alice
	// GET /: 401 Bearer realm="api", error="invalid_token", error_description="The access token is malformed, expired, revoked or not meant for this API."
}

// A Rule is a requirement of the application's own. Its error goes to the log; the client reads a fixed text.
func ExampleGuard_Allow() {
	auth := newAuth()
	ownTenant := func(_ context.Context, t *middleware.Token, c middleware.Credentials) error {
		var claims struct {
			Tenant string `json:"tenant"`
		}
		if err := t.Claims(&claims); err != nil {
			return err
		}
		if !strings.HasPrefix(c.Target, "/tenants/"+claims.Tenant+"/") {
			return errors.New("the tenant in the path is not the token's")
		}
		return nil
	}
	h := auth.Require("orders").Allow(ownTenant).HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") })

	token := tokenFor("alice", "orders", "tenant", "acme")
	call(h, "GET", "/tenants/acme/orders", token)
	call(h, "GET", "/tenants/other/orders", token)
	// Output:
	// GET /tenants/acme/orders: 200 orders
	// GET /tenants/other/orders: 403 Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request.", scope="orders"
}

// A route for which the password of this morning is not enough (RFC 9470).
func ExampleGuard_ACR() {
	auth := newAuth()
	pay := auth.Require("payments").ACR("phishing-resistant").MaxAge(5 * time.Minute).
		HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "paid") })

	call(pay, "POST", "/payments", tokenFor("alice", "payments", "acr", "password", "auth_time", time.Now().Add(-time.Hour).Unix()))
	call(pay, "POST", "/payments", tokenFor("alice", "payments", "acr", "phishing-resistant", "auth_time", time.Now().Unix()))
	// Output:
	// POST /payments: 401 Bearer realm="api", error="insufficient_user_authentication", error_description="A different or more recent authentication is required.", acr_values="phishing-resistant", max_age="300"
	// POST /payments: 200 paid
}

// Any struct with json tags can hold the verified claims.
func ExampleClaimsFromContext() {
	type orderClaims struct {
		Tenant string   `json:"tenant"`
		Groups []string `json:"groups"`
	}
	auth := newAuth()
	h := auth.Require().HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		claims, err := middleware.ClaimsFromContext[orderClaims](r.Context())
		if err != nil {
			http.Error(w, "claims", http.StatusInternalServerError)
			return
		}
		fmt.Fprintf(w, "tenant %s, groups %v", claims.Tenant, claims.Groups)
	})
	call(h, "GET", "/", tokenFor("alice", "", "tenant", "acme", "groups", []string{"sales", "support"}))
	// Output:
	// GET /: 200 tenant acme, groups [sales support]
}

// A stream of server-sent events outlives the check at its start. Its context ends when the token does.
func ExampleContextWithExpiry() {
	auth := newAuth()
	ticks := make(chan string)
	mux := http.NewServeMux()
	mux.Handle("GET /events", auth.Require("events").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := middleware.ContextWithExpiry(r.Context())
		defer cancel()
		w.Header().Set("Content-Type", "text/event-stream")
		for {
			select {
			case tick := <-ticks:
				fmt.Fprintf(w, "data: %s\n\n", tick)
				_ = http.NewResponseController(w).Flush()
			case <-ctx.Done():
				if errors.Is(context.Cause(ctx), middleware.ErrExpired) {
					fmt.Fprint(w, "event: token-expired\ndata:\n\n") // the client comes back with a new token
				}
				return
			}
		}
	}))
}

// A handler that is not net/http gathers the facts of a call itself.
func ExampleGuard_Authorize() {
	auth := newAuth()
	metadata := http.Header{"Authorization": {"Bearer " + tokenFor("alice", "orders")}}

	ctx, err := auth.Require("orders").Authorize(context.Background(), middleware.Credentials{
		Header: metadata,
		Method: http.MethodPost,
		Target: "/orders.v1.Orders/List",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, _ := middleware.TokenFromContext(ctx)
	fmt.Println(token.Subject, "has", token.Scopes)
	// Output:
	// alice has orders
}

// The examples have an authorization server without a network: its keys, and its tokens.

// serverKeys are the keys that https://login.example.com publishes.
func serverKeys() middleware.KeySource { return testkit.KeySet() }

// newAuth is a Validator for https://api.example.com.
func newAuth() *middleware.Validator {
	return testkit.Must(middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: serverKeys()}},
		Audiences: []string{"https://api.example.com"},
	}))
}

// tokenFor makes an access token of https://login.example.com for https://api.example.com.
func tokenFor(user, scope string, more ...any) string {
	c := kit.GoodClaims(kit.Claims{"sub": user, "scope": scope, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	for i := 0; i < len(more); i += 2 {
		c[more[i].(string)] = more[i+1]
	}
	return kit.Mint(c)
}

// call sends a request with a bearer token, if it is not empty, and prints the answer: the body of a success, the status
// and the challenge of a refusal.
func call(h http.Handler, method, target, token string) {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	send(h, method, target, header)
}

func send(h http.Handler, method, target string, header http.Header) {
	r := kit.Request(method, header)
	r.URL.Path, r.RequestURI = target, target
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Print(method, " ", target, ": ", w.Code)
	switch challenge := w.Header().Get("WWW-Authenticate"); {
	case challenge != "":
		fmt.Print(" ", challenge)
	case w.Code == http.StatusOK && w.Body.Len() > 0:
		fmt.Print(" ", w.Body)
	}
	fmt.Println()
}
