package middleware_test

import (
	"crypto"
	"strings"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// BenchmarkProof compares a whole decision about a known token and its proof, less that about a bearer token, with the
// bare signature check of the proof's key.
func BenchmarkProof(b *testing.B) {
	for alg, key := range map[string]crypto.Signer{"EdDSA": edKey(), "ES256": p256Key(), "RS256": rsaKey(), "PS256": rsaKey()} {
		token := mint(good(boundTo(key)))
		text := proof{key: key, token: token, header: claims{"alg": alg}}.String()
		b.Run(alg+"/proof", func(b *testing.B) {
			v := withDPoP(b, nil)
			c := middleware.Credentials{Header: dpopRequest(token, text).Header, Method: "GET", Target: "/orders", KeepProof: true}
			guard := v.Require("read")
			b.ReportAllocs()
			for b.Loop() {
				if _, err := guard.Authorize(b.Context(), c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/signature", func(b *testing.B) {
			verifier := must(jwks.ParseKey(toJSON(jwkOf(key.Public())), alg))
			signed, sig := text[:strings.LastIndexByte(text, '.')], signatureOf(text)
			for b.Loop() {
				if err := verifier.Verify(signed, sig); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
