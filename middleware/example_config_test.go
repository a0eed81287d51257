package middleware_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
)

// Several authorization servers, each with its own names for scopes and roles. A token is judged by the rules of the
// issuer that it names, and by no other's.
func Example_issuers() {
	auth, err := middleware.New(middleware.Config{
		Audiences: []string{"https://api.example.com"},
		Issuers: []middleware.Issuer{
			{
				URL:  "https://login.example.com",
				Keys: serverKeys(), // without this line they are fetched
			},
			{
				URL:    "https://keycloak.example.com/realms/shop",
				Claims: middleware.ClaimMapping{Roles: []string{"/realm_access/roles"}},
			},
			{
				// Every tenant of a server, of which two may come.
				URL:         "https://login.microsoftonline.com/{tenantid}/v2.0",
				JWKSURI:     "https://login.microsoftonline.com/common/discovery/v2.0/keys",
				Audiences:   []string{"api://shop"},
				Claims:      middleware.ClaimMapping{Scopes: []string{"scp"}, Roles: []string{"roles"}},
				AllowTenant: func(_ context.Context, tenant string) bool { return tenant == "contoso" || tenant == "fabrikam" },
			},
			{
				// Cognito names no audience in its access tokens.
				URL:            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
				AllowedClients: []string{"shop-web", "shop-app"},
				Claims:         middleware.ClaimMapping{Roles: []string{"cognito:groups"}},
				Accept: func(t *middleware.Token) error {
					var claims struct {
						TokenUse string `json:"token_use"`
					}
					if err := t.Claims(&claims); err != nil || claims.TokenUse != "access" {
						return errors.New("token_use is not access")
					}
					return nil
				},
			},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	for _, issuer := range auth.Health() {
		fmt.Println(issuer.Issuer, "is ready:", issuer.Ready)
	}
	// Output:
	// https://login.example.com is ready: true
	// https://keycloak.example.com/realms/shop is ready: false
	// https://login.microsoftonline.com/{tenantid}/v2.0 is ready: false
	// https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc is ready: false
}

// All mistakes of a Config are reported at once, each with the field, the value and the remedy.
func ExampleNew() {
	_, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "http://login.example.com"}},
		Audiences: []string{""},
		Realm:     `the "shop"`,
	})
	fmt.Println(err)
	// Output:
	// middleware: Realm "the \"shop\"": it must be of printable ASCII without quotes and backslashes (RFC 6750 section 3)
	// middleware: Audiences[0] is empty: is an environment variable missing?
	// middleware: Issuers[0]: jwks: Config.Issuer "http://login.example.com": it must begin with https://; http is accepted for 127.0.0.1, [::1] and localhost, and for hosts that DangerouslyAllowHTTP names
}

// An ErrorHandler renders refusals in the application's own form. It cannot let a request pass.
func Example_errorHandler() {
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: serverKeys()}},
		Audiences: []string{"https://api.example.com"},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, e *middleware.Error) {
			if r.Header.Get("Accept") != "text/plain" {
				middleware.WriteError(w, r, e)
				return
			}
			for name, values := range e.Header() { // the challenge belongs to every refusal
				w.Header()[name] = values
			}
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(e.Status())
			fmt.Fprintln(w, "Please sign in.")
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := auth.Require().HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, kit.Request("GET", http.Header{"Accept": {"text/plain"}}))
	fmt.Println(w.Code, w.Header().Get("WWW-Authenticate"))
	fmt.Print(w.Body)
	// Output:
	// 401 Bearer realm="api"
	// Please sign in.
}

// Clients of an MCP server learn from its protected resource metadata (RFC 9728) which authorization server to ask for a token, and from
// every refusal where that metadata is. Both are the application's to write. A path in the resource comes behind the well-known one.
func Example_protectedResourceMetadata() {
	const (
		resource = "https://mcp.example.com/mcp"
		path     = "/.well-known/oauth-protected-resource/mcp"
	)
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: serverKeys()}},
		Audiences: []string{resource}, // clients ask for a token by this name (RFC 8707)
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, e *middleware.Error) {
			header := e.Header()
			for i := range header["Www-Authenticate"] { // one for Bearer, and one for DPoP where that is accepted
				header["Www-Authenticate"][i] += `, resource_metadata="https://mcp.example.com` + path + `"`
			}
			maps.Copy(w.Header(), header)
			w.WriteHeader(e.Status())
			_ = json.NewEncoder(w).Encode(e)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	metadata, err := json.Marshal(map[string]any{
		"resource":                 resource,
		"authorization_servers":    []string{"https://login.example.com"},
		"scopes_supported":         []string{"tools"},
		"bearer_methods_supported": []string{"header"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("POST /mcp", auth.Require("tools").HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { // without a Guard: who reads it has no token yet
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(metadata)
	})
	call(mux, "POST", "/mcp", "")
	call(mux, "GET", path, "")
	// Output:
	// POST /mcp: 401 Bearer realm="api", scope="tools", resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"
	// GET /.well-known/oauth-protected-resource/mcp: 200 {"authorization_servers":["https://login.example.com"],"bearer_methods_supported":["header"],"resource":"https://mcp.example.com/mcp","scopes_supported":["tools"]}
}

// Observe feeds metrics and audit logs. Outcome, Reason and Issuer have few values, all known from the configuration.
func Example_observe() {
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: serverKeys()}},
		Audiences: []string{"https://api.example.com"},
		Observe: func(_ context.Context, d middleware.Decision) {
			if d.Nested {
				return // the outer Guard has counted this request
			}
			fmt.Printf("cardea_decisions_total{outcome=%q,reason=%q,issuer=%q} 1\n", d.Outcome, d.Reason, d.Issuer)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := auth.Require("orders").HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	call(h, "GET", "/orders", tokenFor("alice", "orders"))
	call(h, "GET", "/orders", "")
	// Output:
	// cardea_decisions_total{outcome="allowed",reason="",issuer="https://login.example.com"} 1
	// GET /orders: 200
	// cardea_decisions_total{outcome="refused",reason="no_token",issuer=""} 1
	// GET /orders: 401 Bearer realm="api", scope="orders"
}

// A page for operators. To encoding/json an error is {}, so the page writes its text. A probe that decides about traffic should not wait
// for every issuer: keys that are not there yet are fetched by requests.
func ExampleValidator_Health() {
	auth, err := middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com"}},
		Audiences: []string{"https://api.example.com"},
		HTTPClient: &http.Client{Transport: kit.TransportFunc(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("no route to host")
		})},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	if err := auth.Warm(context.Background()); err != nil {
		fmt.Println(err)
	}
	status := func(w http.ResponseWriter, _ *http.Request) {
		for _, issuer := range auth.Health() {
			fmt.Fprintln(w, issuer.Issuer, "ready:", issuer.Ready)
			if issuer.Keys.LastError != nil {
				fmt.Fprintln(w, "its keys:", issuer.Keys.LastError.Error())
			}
		}
	}
	call(http.HandlerFunc(status), "GET", "/status", "")
	// Output:
	// middleware: issuer "https://login.example.com": jwks: keys unavailable: GET https://login.example.com/.well-known/openid-configuration: no route to host
	// GET /status: 200 https://login.example.com ready: false
	// its keys: GET https://login.example.com/.well-known/openid-configuration: no route to host
}

// A token in a cookie. Browsers attach cookies to requests that other sites cause, so those that change something are
// refused.
func ExampleFromCookie() {
	auth, err := middleware.New(middleware.Config{
		Issuers:      []middleware.Issuer{{URL: "https://login.example.com", Keys: serverKeys()}},
		Audiences:    []string{"https://api.example.com"},
		PublicURL:    "https://shop.example.com",
		TokenSources: []middleware.TokenSource{middleware.FromCookie("__Host-token")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := auth.Require().HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") })
	cookie := "__Host-token=" + tokenFor("alice", "")

	send(h, "GET", "/cart", http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"cross-site"}})
	send(h, "POST", "/cart", http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"same-origin"}})
	send(h, "POST", "/cart", http.Header{"Cookie": {cookie}, "Sec-Fetch-Site": {"cross-site"}})
	// Output:
	// GET /cart: 200 done
	// POST /cart: 200 done
	// POST /cart: 403 Bearer realm="api"
}

// cors stands for the CORS middleware of your choice: it answers preflights itself.
func cors(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "https://app.example.com")
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, DPoP")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// CORS goes outside: a preflight carries no token, and the browser reads a refusal only with the fields of CORS on it.
func Example_cors() {
	auth := newAuth()
	orders := auth.Require("orders").HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "orders") })

	h := cors(orders)

	send(h, "OPTIONS", "/orders", http.Header{"Origin": {"https://app.example.com"}, "Access-Control-Request-Method": {"GET"}})
	call(h, "GET", "/orders", tokenFor("alice", "orders"))
	// Output:
	// OPTIONS /orders: 204
	// GET /orders: 200 orders
}

// Every route is protected unless it is named outside: one that somebody adds to the API and forgets to guard still wants a good token.
// Guards inside narrow, and cost no second signature check.
func Example_everythingGuarded() {
	auth := newAuth()
	ok := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "done") }

	api := http.NewServeMux()
	api.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(ok))
	api.HandleFunc("GET /forgotten", ok) // no Guard of its own

	public := http.NewServeMux()
	public.Handle("/", auth.Require().Handler(api))
	public.HandleFunc("GET /health", ok)

	token := tokenFor("alice", "other")
	call(public, "GET", "/health", "")
	call(public, "GET", "/forgotten", "")
	call(public, "GET", "/forgotten", token)
	call(public, "GET", "/orders", token)
	// Output:
	// GET /health: 200 done
	// GET /forgotten: 401 Bearer realm="api"
	// GET /forgotten: 200 done
	// GET /orders: 403 Bearer realm="api", error="insufficient_scope", error_description="The access token does not allow this request.", scope="orders:read"
}
