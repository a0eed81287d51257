package issuers_test

import (
	"fmt"

	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/issuers"
)

func Example() {
	auth, err := middleware.New(middleware.Config{
		Audiences: []string{"https://api.example.com"},
		Issuers: []middleware.Issuer{
			issuers.Auth0("example.eu.auth0.com"),
			issuers.Cognito("eu-central-1", "eu-central-1_AbCdEf123", "3n4b5urk1ft4fl3mg5e62d9ado"),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer auth.Close()
	for _, issuer := range auth.Health() {
		fmt.Println(issuer.Issuer)
	}
	// Output:
	// https://example.eu.auth0.com/
	// https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123
}

// Mistakes in the arguments are found by New, with all others.
func Example_mistakes() {
	_, err := middleware.New(middleware.Config{
		Audiences: []string{"https://api.example.com"},
		Issuers:   []middleware.Issuer{issuers.Auth0("https://example.eu.auth0.com/"), issuers.Cognito("eu-central-1", "eu-central-1_AbCdEf123")},
	})
	fmt.Println(err)
	// Output:
	// middleware: Issuers[0]: issuers.Auth0: domain is "https://example.eu.auth0.com/": it must be a bare domain in small letters, without scheme, port and path, such as example.eu.auth0.com
	// middleware: Issuers[1]: issuers.Cognito: clients is empty, which would admit nobody: name the ids of the app clients whose users may call
}
