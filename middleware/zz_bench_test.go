package middleware_test

import (
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

func BenchmarkColdHS(b *testing.B) {
	secret := make([]byte, 32)
	set, _ := jwks.HMAC("HS256", secret)
	v := validator(b, func(cfg *middleware.Config) {
		cfg.TokenCache.Entries = -1
		cfg.Issuers[0].Keys = set
		cfg.Issuers[0].Algorithms = []string{"HS256"}
	})
	token := sign(`{"alg":"HS256","typ":"at+jwt"}`, string(toJSON(typical())), secret)
	guard := v.Require("orders:read")
	r := bearer(token)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := guard.Check(r); err != nil {
			b.Fatal(err)
		}
	}
}
