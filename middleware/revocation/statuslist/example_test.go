package statuslist_test

import (
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/revocation/statuslist"
)

// Two Validators: one for the keys that lists are verified by, and one that judges requests and asks the lists.
func Example() {
	issuers := []middleware.Issuer{{URL: "https://login.example.com"}}
	audiences := []string{"https://api.example.com"}

	keys, err := middleware.New(middleware.Config{Issuers: issuers, Audiences: audiences})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	lists, err := statuslist.New(keys, statuslist.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lists.Close()
	auth, err := middleware.New(middleware.Config{
		Issuers: issuers, Audiences: audiences,
		Revocations: []middleware.Revocations{lists},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()

	mux := http.NewServeMux()
	mux.Handle("GET /orders", auth.Require("orders:read").HandlerFunc(func(http.ResponseWriter, *http.Request) {}))

	// A list of another host is not fetched, whoever has signed the token.
	fmt.Println(lists.Judge(middleware.TokenFacts{Issuer: "https://login.example.com", StatusURI: "https://evil.example/1"}).Kind)
	// Output: status_foreign
}

// A status issuer of its own: the first Validator has its keys, and the second one takes no token that it signs.
func ExampleNew_statusIssuer() {
	login := middleware.Issuer{URL: "https://login.example.com"}
	audiences := []string{"https://api.example.com"}
	keys, err := middleware.New(middleware.Config{Issuers: []middleware.Issuer{login, {URL: "https://status.example.com"}}, Audiences: audiences})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer keys.Close()
	lists, err := statuslist.New(keys, statuslist.Config{Issuers: []statuslist.Issuer{{
		URL:      login.URL,
		Origins:  []string{"https://status.example.com"},
		SignedBy: "https://status.example.com",
		Required: true, // every token of this issuer has a status
	}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lists.Close()
	auth, err := middleware.New(middleware.Config{Issuers: []middleware.Issuer{login}, Audiences: audiences, Revocations: []middleware.Revocations{lists}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	fmt.Println(lists.Judge(middleware.TokenFacts{Issuer: "https://login.example.com"}).Kind)
	// Output: status_missing
}
