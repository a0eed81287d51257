package signature

import (
	"context"
	"fmt"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// bound are the keys of one iss.
type bound struct {
	source   Source
	iss      string
	mayAsk   func(context.Context) error
	mayServe func(*jwks.Key) bool
}

// Of makes a KeySource of what the source has for one iss. An error of mayAsk is the answer, and nothing is asked. Keys that may not serve
// are left out.
func (s Source) Of(iss string, mayAsk func(context.Context) error, mayServe func(*jwks.Key) bool) KeySource {
	return &bound{s, iss, mayAsk, mayServe}
}

func (b *bound) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	if err := b.mayAsk(ctx); err != nil {
		return nil, err
	}
	keys, outcome, err := b.source.Find(ctx, b.iss, compact.Header{KeyID: kid, Algorithm: alg}, b.mayServe)
	if outcome == Unknown {
		return nil, fmt.Errorf("%w: %w", jwks.ErrKeyNotFound, err)
	}
	return serving(keys, alg, b.mayServe), err
}
