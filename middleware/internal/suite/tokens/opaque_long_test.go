package tokens_test

import (
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/introspection"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// A token that is too long to be asked about is the caller's fault, and no outage of the server.
func TestATokenTooLongToIntrospectIsRefused(t *testing.T) {
	client := testkit.Must(introspection.New(introspection.Config{
		URL: "https://login.example.com/introspect", ClientAuth: introspection.NoClientAuth(), HTTPClient: kit.NoNetwork(t),
	}))
	defer client.Close()
	v := kit.NewValidator(t, func(cfg *middleware.Config) {
		cfg.MaxTokenBytes = 1 << 20
		cfg.Issuers[0].Introspector = client
	})
	got := kit.Serve(v.Require(), kit.Bearer(strings.Repeat("o", 64<<10+1)))
	if got.String() != "400 invalid_request" {
		t.Errorf("got %v", got)
	}
}
