package tokens_test

import (
	"context"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
	"github.com/cardea-auth/cardea/middleware/internal/suite/kit"
	"github.com/cardea-auth/cardea/middleware/internal/testkit"
)

// An issuer may publish a key anew under another id, or under none. A token that was verified before is then as good as one that
// was not: the cache never changes an answer.
func TestRenamedKeyGoesOnVerifyingCachedTokens(t *testing.T) {
	for name, renamed := range map[string]*jwks.Set{
		"under no id": testkit.OneKey("", testkit.EdKey()),
		"under another id, for a token that names none": testkit.OneKey("new", testkit.EdKey()),
	} {
		t.Run(name, func(t *testing.T) {
			published := testkit.OneKey("ed", testkit.EdKey())
			v := kit.NewValidator(t, func(cfg *middleware.Config) {
				cfg.Issuers[0].Keys = kit.KeySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
					return published.VerificationKeys(ctx, kid, alg)
				})
			})
			token := kit.Mint(kit.GoodClaims(nil))
			if name != "under no id" {
				token = testkit.Sign(`{"alg":"EdDSA","typ":"at+jwt"}`, string(testkit.JSON(kit.GoodClaims(nil))), testkit.EdKey())
			}
			kit.WantAdmitted(t, v, token)
			published = renamed
			kit.WantAdmitted(t, v, token)
			published = testkit.OneKey("ed", testkit.StrangeKey()) // and another key under the old id ends it
			kit.WantRefused(t, v, token, kit.BadToken, middleware.ReasonSignature)
		})
	}
}
