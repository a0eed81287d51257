package middleware_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
)

// A token that is too long to be asked about is the caller's fault, and no outage of the server.
func TestATokenTooLongToIntrospectIsRefused(t *testing.T) {
	client := must(introspection.New(introspection.Config{
		URL: "https://login.example.com/introspect", ClientAuth: introspection.NoClientAuth(), HTTPClient: noIO(t),
	}))
	defer client.Close()
	v := validator(t, func(cfg *middleware.Config) {
		cfg.MaxTokenBytes = 1 << 20
		cfg.Issuers[0].Introspector = client
	})
	got := serve(v.Require(), bearer(strings.Repeat("o", 64<<10+1)))
	if got.String() != "400 invalid_request" {
		t.Errorf("got %v", got)
	}
}
