package signature

import (
	"context"
	"errors"
	"fmt"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// bound are the keys of one iss.
type bound struct {
	source   Source
	iss      string
	issuer   string
	mayAsk   func(context.Context) error
	mayServe func(*jwks.Key) bool
}

// Of makes a KeySource of what the source has for one iss of the issuer that is known by a name. An error of mayAsk is the answer, and nothing is asked. Keys that may not serve
// are left out.
func (s Source) Of(iss, issuer string, mayAsk func(context.Context) error, mayServe func(*jwks.Key) bool) KeySource {
	return &bound{s, iss, issuer, mayAsk, mayServe}
}

func (b *bound) VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error) {
	if err := b.mayAsk(ctx); err != nil {
		return nil, err
	}
	keys, outcome, err := b.source.Find(ctx, b.iss, compact.Header{KeyID: kid, Algorithm: alg}, b.mayServe)
	switch {
	case errors.Is(err, jwks.ErrKeyNotFound):
		return nil, err
	case outcome == Unknown:
		return nil, fmt.Errorf("%w: %w", jwks.ErrKeyNotFound, err)
	}
	return serving(keys, alg, b.mayServe), err
}

// Issuer is the one name of the issuer, whichever the iss is.
func (b *bound) Issuer() string { return b.issuer }

// Reconsider looks for other keys, where the source can.
func (b *bound) Reconsider(ctx context.Context, kid, alg string, tried []*jwks.Key) ([]*jwks.Key, error) {
	if !b.source.Reconsiders() {
		return nil, jwks.ErrKeyNotFound
	}
	if err := b.mayAsk(ctx); err != nil {
		return nil, err
	}
	keys, err := b.source.reconsider(ctx, b.iss, kid, alg, tried)
	return serving(keys, alg, b.mayServe), err
}
