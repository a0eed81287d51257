package introspection_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/jwks"
)

// authorizationServer knows one good token.
func authorizationServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if id, secret, ok := r.BasicAuth(); !ok || id != "orders-api" || secret != "secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.FormValue("token") == "2YotnFZFEjr1zCsicMWpAA" {
			io.WriteString(w, `{"active":true,"sub":"alice","scope":"orders:read"}`)
			return
		}
		io.WriteString(w, `{"active":false}`)
	}))
}

func Example() {
	server := authorizationServer()
	defer server.Close()

	client, err := introspection.New(introspection.Config{
		URL:        server.URL,
		ClientAuth: introspection.SecretBasic("orders-api", "secret"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	for _, token := range []string{"2YotnFZFEjr1zCsicMWpAA", "stolen"} {
		response, err := client.Introspect(context.Background(), token)
		if err != nil {
			fmt.Println(err)
			return
		}
		var claims struct {
			Subject string `json:"sub"`
			Scope   string `json:"scope"`
		}
		if err := response.Claims(&claims); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("active %v, sub %q, scope %q\n", response.Active(), claims.Subject, claims.Scope)
	}
	// Output:
	// active true, sub "alice", scope "orders:read"
	// active false, sub "", scope ""
}

// A tokeninfo endpoint is no introspection endpoint: the token stands in the query, dates are text, and 400 means inactive.
func ExampleConfig_ask() {
	server := tokeninfo()
	defer server.Close()

	client, err := introspection.New(introspection.Config{
		Ask: func(ctx context.Context, client *http.Client, token string) ([]byte, error) {
			address := server.URL + "/tokeninfo?" + url.Values{"access_token": {token}}.Encode()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			if err != nil {
				return nil, err
			}
			response, err := client.Do(request)
			if err != nil {
				return nil, err
			}
			defer response.Body.Close()
			switch response.StatusCode {
			case http.StatusOK:
			case http.StatusBadRequest:
				return nil, introspection.ErrInactive
			default:
				return nil, fmt.Errorf("tokeninfo answered %d", response.StatusCode)
			}
			var info struct {
				Subject  string      `json:"sub"`
				Audience string      `json:"aud"`
				Scope    string      `json:"scope"`
				Expiry   json.Number `json:"exp"` // takes a number in a string too
			}
			if err := json.NewDecoder(response.Body).Decode(&info); err != nil {
				return nil, err
			}
			return json.Marshal(info)
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	for _, token := range []string{"ya29.a0AfH6SMB", "stolen"} {
		response, err := client.Introspect(context.Background(), token)
		if err != nil {
			fmt.Println(err)
			return
		}
		var claims json.RawMessage
		if err := response.Claims(&claims); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("active %v: %s\n", response.Active(), claims)
	}
	// Output:
	// active true: {"sub":"1180","aud":"web-app","scope":"email","exp":4102444800}
	// active false: {}
}

func tokeninfo() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("access_token") != "ya29.a0AfH6SMB" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		fmt.Fprint(w, `{"sub":"1180","aud":"web-app","scope":"email","exp":"4102444800","email_verified":"true"}`)
	}))
}

// memory stands for Redis. What it does not do, the Client does: sealing, checking age and origin.
type memory struct {
	values  sync.Map
	written chan struct{}
}

func (m *memory) Get(_ context.Context, key string) ([]byte, bool, error) {
	value, found := m.values.Load(key)
	if !found {
		return nil, false, nil
	}
	return value.([]byte), true, nil
}

func (m *memory) Set(_ context.Context, key string, value []byte, _ time.Duration) error {
	m.values.Store(key, value)
	m.written <- struct{}{}
	return nil
}

// Two instances of an API share what the server says: it is asked once for both.
func ExampleSharedCache() {
	server := authorizationServer()
	defer server.Close()
	redis := &memory{written: make(chan struct{}, 1)}
	secret := make([]byte, 32) // every instance has the same one, from where it has its other secrets
	rand.Read(secret)

	for i := range 2 {
		client, err := introspection.New(introspection.Config{
			URL:           server.URL,
			ClientAuth:    introspection.SecretBasic("orders-api", "secret"),
			Shared:        redis,
			SharedSecrets: [][]byte{secret},
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer client.Close()

		response, err := client.Introspect(context.Background(), "2YotnFZFEjr1zCsicMWpAA")
		if err != nil {
			fmt.Println(err)
			return
		}
		if i == 0 {
			<-redis.written // which no request waits for
		}
		fmt.Println("active", response.Active(), "known from another instance", client.Status().Shared.Hits == 1)
	}
	// Output:
	// active true known from another instance false
	// active true known from another instance true
}

// A refusal of our own credentials says nothing about the token.
func ExampleErrUnavailable() {
	server := authorizationServer()
	defer server.Close()

	client, err := introspection.New(introspection.Config{
		URL:        server.URL,
		ClientAuth: introspection.SecretBasic("orders-api", "last year's secret"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	_, err = client.Introspect(context.Background(), "2YotnFZFEjr1zCsicMWpAA")
	if errors.Is(err, introspection.ErrUnavailable) {
		fmt.Println("503:", err)
	}
	// Output: 503: introspection: the server refuses our own credentials (401)
}

// The private key may be any crypto.Signer, as the ones of cloud key services are. The issuer is whom the assertion is
// addressed to.
func ExamplePrivateKeyJWT() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := introspection.New(introspection.Config{
		URL:        "https://login.example.com/introspect",
		Issuer:     "https://login.example.com",
		ClientAuth: introspection.PrivateKeyJWT("orders-api", "key-2026", "ES256", key),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println("ready")
	// Output: ready
}

// Signed answers are proof against whoever can write between the server and us, and against a server that answers for
// another.
func ExampleConfig_signed() {
	keys, err := jwks.New(jwks.Config{Issuer: "https://login.example.com"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	client, err := introspection.New(introspection.Config{
		URL:        "https://login.example.com/introspect",
		Issuer:     "https://login.example.com",
		ClientAuth: introspection.SecretBasic("orders-api", "secret"),
		SignedBy:   keys,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	fmt.Println("ready")
	// Output: ready
}

// With the cache off a revoked token is refused at once, at the price of one request per call.
func ExampleConfig_revocationAtOnce() {
	server := authorizationServer()
	defer server.Close()

	client, err := introspection.New(introspection.Config{
		URL:         server.URL,
		ClientAuth:  introspection.SecretBasic("orders-api", "secret"),
		ActiveTTL:   -1,
		InactiveTTL: time.Second,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	response, err := client.Introspect(context.Background(), "2YotnFZFEjr1zCsicMWpAA")
	fmt.Println(response.Active(), err)
	// Output: true <nil>
}

// An introspector of one's own translates what a vendor says and has it vetted.
func ExampleParseResponse() {
	vendor := struct {
		Valid bool
		User  string
	}{true, "alice"}

	body, err := json.Marshal(map[string]any{"active": vendor.Valid, "sub": vendor.User})
	if err != nil {
		fmt.Println(err)
		return
	}
	response, err := introspection.ParseResponse(body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(response.Active())
	// Output: true
}
