package jwks_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks"
)

// loaded is a cache with n keys; the last one is asked for.
func loaded(tb testing.TB, n int) (c *jwks.Cache, kid string) {
	tb.Helper()
	keys := make([]any, n)
	for i := range keys {
		kid = fmt.Sprint("key-", i)
		keys[i] = publicJWK(kid, "ES256", p256A())
	}
	c = must(jwks.New(jwks.Config{URL: keysURL, HTTPClient: &http.Client{Transport: &issuer{answer: serving(keys...)}}}))
	tb.Cleanup(func() { _ = c.Close() })
	if err := c.Refresh(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return c, kid
}

// Not parallel, as allocations of other tests would be counted.
func TestAKnownKidCostsNoAllocation(t *testing.T) {
	c, kid := loaded(t, 100)
	for _, kid := range []string{kid, ""} {
		if n := testing.AllocsPerRun(1000, func() { _, _ = c.VerificationKeys(t.Context(), kid, "ES256") }); n != 0 {
			t.Errorf("kid %q: %v allocations, want none", kid, n)
		}
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.VerificationKeys(t.Context(), kid, "RS256") }); n != 0 {
		t.Errorf("another algorithm: %v allocations, want none", n)
	}
}

func BenchmarkKnownKid(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			c, kid := loaded(b, n)
			ctx := b.Context()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					_, _ = c.VerificationKeys(ctx, kid, "ES256")
				}
			})
		})
	}
}

func BenchmarkUnknownKids(b *testing.B) {
	c, _ := loaded(b, 10)
	kids := make([]string, 4096)
	for i := range kids {
		kids[i] = fmt.Sprint("made-up-", i)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		_, _ = c.VerificationKeys(b.Context(), kids[n%len(kids)], "ES256")
	}
}

func BenchmarkKeyfuncSource(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint(n, " keys"), func(b *testing.B) {
			storage := jwkset.NewMemoryStorage()
			var kid string
			for i := range n {
				kid = fmt.Sprint("key-", i)
				k := must(jwkset.NewJWKFromKey(p256A().Public(), jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}}))
				_ = storage.KeyWrite(b.Context(), k)
			}
			s := jwks.FromKeyfunc(must(keyfunc.New(keyfunc.Options{Storage: storage})))
			b.ReportAllocs()
			for b.Loop() {
				_, _ = s.VerificationKeys(b.Context(), kid, "ES256")
			}
		})
	}
}
