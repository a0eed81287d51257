package accesstoken

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/signature"
	"github.com/cardea-auth/cardea/middleware/internal/strictjson"
)

var errTenantKeys = fmt.Errorf("%w: AllowTenant does not let the tenant in", jwks.ErrKeyNotFound)

// KeysOf returns the keys that are good for this iss, and the algorithms that its issuer may use, sorted; nil if iss leads to no issuer, or to
// one whose JWTs are not verified here, or by keys that it shares.
func (j *Judge) KeysOf(iss string) (signature.KeySource, []string) {
	issuer, name := j.named(iss)
	if issuer == nil || issuer.Keys == nil || issuer.source.Shared() {
		return nil, nil
	}
	mayAsk := func(ctx context.Context) error {
		if name != "" && !issuer.AllowTenant(ctx, name) {
			return errTenantKeys
		}
		return nil
	}
	mayServe := func(key *jwks.Key) bool {
		return key.Issuer() == "" || issuer.mayServe(key, iss, name, strictjson.Value{})
	}
	return issuer.source.Of(iss, issuer.revocableAs(iss, name), mayAsk, mayServe), slices.Sorted(maps.Keys(issuer.Algorithms))
}
