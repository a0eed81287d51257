package issued_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/issued"
)

// publisher is a server that publishes keys, and an http.RoundTripper.
type publisher struct {
	keys  atomic.Value // []testkit.Claims
	asked atomic.Int32
}

func (p *publisher) RoundTrip(*http.Request) (*http.Response, error) {
	p.asked.Add(1)
	body := testkit.JSON(testkit.Claims{"keys": p.keys.Load()})
	return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(bytes.NewReader(body))}, nil
}

// Whoever invents names of keys, or signs under a known one, can spend the fetches, but cannot have refused what a new key has signed.
func TestForgeriesDoNotHaveAGoodTokenRefused(t *testing.T) {
	jwk := func(kid string, seed byte) testkit.Claims {
		return testkit.JWK(testkit.EdKeyOf(bytes.Repeat([]byte{seed}, 32)).Public()).With(testkit.Claims{"kid": kid, "alg": "EdDSA"})
	}
	for name, row := range map[string]struct {
		forged func(n int) string // kid
		kid    string             // of the new key
	}{
		"names that are invented":           {func(n int) string { return fmt.Sprint("invented ", n) }, "new"},
		"signatures under a known name":     {func(int) string { return "old" }, "old"},
		"the name of the key that is to be": {func(int) string { return "new" }, "new"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var server publisher
			server.keys.Store([]testkit.Claims{jwk("old", 1)})
			cache, err := jwks.New(jwks.Config{URL: "https://keys.example/jwks", HTTPClient: &http.Client{Transport: &server}})
			if err != nil {
				t.Fatal(err)
			}
			keys := issued.Keys{Source: cache, Algorithms: []string{"EdDSA"}, Issuer: testkit.Issuer}
			verify := func(kid string, seed byte) error {
				text := testkit.Sign(fmt.Sprintf(`{"typ":"test+jwt","alg":"EdDSA","kid":%q}`, kid), payload, testkit.EdKeyOf(bytes.Repeat([]byte{seed}, 32)))
				_, err := keys.Verify(t.Context(), text, kind)
				return err
			}
			if err := verify("old", 1); err != nil {
				t.Fatal(err)
			}
			if err := verify(row.forged(0), 9); !errors.Is(err, issued.ErrSignature) {
				t.Errorf("%s: a forgery that was looked into: %v", name, err)
			}
			for n := range 100 {
				if err := verify(row.forged(n), 9); err == nil {
					t.Errorf("%s: a forgery is good", name)
				}
			}
			server.keys.Store([]testkit.Claims{jwk("old", 1), jwk(row.kid, 2)})
			if row.kid == "old" {
				server.keys.Store([]testkit.Claims{jwk("old", 2)})
			}
			asked := server.asked.Load()
			if err := verify(row.kid, 2); !errors.Is(err, issued.ErrUnavailable) || errors.Is(err, issued.ErrSignature) || server.asked.Load() != asked {
				t.Errorf("%s: what a new key has signed, when no look was allowed: %v", name, err)
			}
			time.Sleep(30 * time.Second)
			if err := verify(row.kid, 2); err != nil {
				t.Errorf("%s: the same when it comes again: %v", name, err)
			}
			_ = cache.Close()
		})
	}
}
