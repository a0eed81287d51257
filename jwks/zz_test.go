package jwks_test

import (
	"fmt"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks"
)

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
