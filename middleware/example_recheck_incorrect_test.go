package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// Incorrect: a stream that calls Check every minute to see whether its token was revoked. The request's context holds the verdict of
// the Guard outside, and Check takes it over. Recheck asks anew; a 503 says that nothing could be learned, which is no reason
// to cut the stream.
func ExampleGuard_Recheck_incorrect() {
	withdrawn := false
	keys := keySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
		if withdrawn {
			return nil, jwks.ErrKeyNotFound
		}
		return serverKeys().VerificationKeys(ctx, kid, alg)
	})
	auth := must(middleware.New(middleware.Config{
		Issuers:   []middleware.Issuer{{URL: "https://login.example.com", Keys: keys}},
		Audiences: []string{"https://api.example.com"},
	}))
	guard := auth.Require("orders:read")

	stream := guard.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		withdrawn = true // some minutes later

		_, err := guard.Check(r)
		fmt.Println("Check:", err)

		_, err = guard.Recheck(r)
		if err != nil && !errors.Is(err, middleware.ErrUnavailable) {
			fmt.Println("Recheck: the stream ends")
		}
	})
	call(stream, "GET", "/events", tokenFor("alice", "orders:read"))
	// Output:
	// Check: <nil>
	// Recheck: the stream ends
	// GET /events: 200
}
