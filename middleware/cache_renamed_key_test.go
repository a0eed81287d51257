package middleware_test

import (
	"context"
	"testing"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// An issuer may publish a key anew under another id, or under none. A token that was verified before is then as good as one that
// was not: the cache never changes an answer.
func TestRenamedKeyGoesOnVerifyingCachedTokens(t *testing.T) {
	for name, renamed := range map[string]*jwks.Set{"under no id": oneKey("", edKey()), "under another id, for a token that names none": oneKey("new", edKey())} {
		t.Run(name, func(t *testing.T) {
			published := oneKey("ed", edKey())
			v := validator(t, func(cfg *middleware.Config) {
				cfg.Issuers[0].Keys = keySourceFunc(func(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
					return published.VerificationKeys(ctx, kid, alg)
				})
			})
			token := mint(good(nil))
			if name != "under no id" {
				token = sign(`{"alg":"EdDSA","typ":"at+jwt"}`, string(toJSON(good(nil))), edKey())
			}
			wantAdmitted(t, v, token)
			published = renamed
			wantAdmitted(t, v, token)
			published = oneKey("ed", strangeKey()) // and another key under the old id ends it
			wantRefused(t, v, token, badToken, middleware.ReasonSignature)
		})
	}
}
