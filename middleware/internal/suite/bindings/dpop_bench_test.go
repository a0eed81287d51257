package bindings_test

import (
	"crypto"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// BenchmarkProof compares a whole decision about a known token and a proof with the bare signature check of the proof's key. Both
// are measured in turns, and by their medians, so that their ratio means something on a busy machine too. A first proof is one
// whose header has not been seen.
func BenchmarkProof(b *testing.B) {
	for _, row := range []struct {
		alg string
		key crypto.Signer
	}{{"EdDSA", testkit.EdKey()}, {"ES256", testkit.P256Key()}, {"RS256", testkit.RSAKey()}, {"PS256", testkit.RSAKey()}} {
		token := kit.Mint(kit.GoodClaims(kit.BoundTo(row.key)))
		made := func(kid any) string {
			return testkit.Proof{Key: row.key, Token: token, Header: kit.Claims{"alg": row.alg, "kid": kid}}.String()
		}
		later := made(nil)
		for name, next := range map[string]func(n int) string{
			row.alg + "/first": func(n int) string { return made(n) },
			row.alg + "/later": func(int) string { return later },
		} {
			b.Run(name, func(b *testing.B) {
				guard := kit.DPoPValidator(b, nil).Require("read")
				verifier := testkit.Must(jwks.NewKey("", row.alg, row.key.Public()))
				var whole, bare []time.Duration
				b.ReportAllocs()
				for b.Loop() {
					text := next(len(whole))
					c := middleware.Credentials{Header: kit.DPoPRequest(token, text).Header, Method: "GET", Target: "/orders", KeepProof: true}
					signed, sig := text[:strings.LastIndexByte(text, '.')], testkit.SignatureOf(text)
					start := time.Now()
					if _, err := guard.Authorize(b.Context(), c); err != nil {
						b.Fatal(err)
					}
					middle := time.Now()
					if err := verifier.Verify(signed, sig); err != nil {
						b.Fatal(err)
					}
					whole, bare = append(whole, middle.Sub(start)), append(bare, time.Since(middle))
				}
				slices.Sort(whole)
				slices.Sort(bare)
				median := len(bare) / 2
				b.ReportMetric(float64(whole[median])/float64(bare[median]), "x-signature")
				b.ReportMetric(float64(whole[median]), "ns-proof")
			})
		}
	}
}
