package peer

import (
	"context"
	"net/http"

	"github.com/cardea-auth/cardea/examples/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/middleware"
)

// Cardea is Cardea as it comes, with its cache of verified tokens.
func Cardea(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	return cardea(ctx, i, "Cardea", 0)
}

// CardeaCold is Cardea without the cache: every token is verified in full.
func CardeaCold(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	return cardea(ctx, i, "Cardea, cold", -1)
}

// CardeaHolding is Cardea with a cache for that many tokens.
func CardeaHolding(ctx context.Context, i *issuer.Issuer, tokens int) (*Peer, error) {
	return cardea(ctx, i, "Cardea", tokens)
}

func cardea(ctx context.Context, i *issuer.Issuer, name string, entries int) (*Peer, error) {
	guard, stop, err := CardeaGuard(ctx, i, entries)
	if err != nil {
		return nil, err
	}
	return &Peer{
		Name:    name,
		Verify:  func(r *http.Request) (any, error) { return guard.Check(r) },
		Handler: guard.Handler,
		Close:   stop,
	}, nil
}

// CardeaGuard is the Guard behind every Cardea in the benchmark. entries is [middleware.TokenCache.Entries].
func CardeaGuard(ctx context.Context, i *issuer.Issuer, entries int) (_ *middleware.Guard, stop func(), _ error) {
	auth, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{{
			URL:    i.URL,
			Claims: middleware.ClaimMapping{Roles: []string{"roles"}},
		}},
		Audiences:  []string{issuer.Audience},
		TokenCache: middleware.TokenCache{Entries: entries},
	})
	if err != nil {
		return nil, nil, err
	}
	stop = func() { _ = auth.Close() }
	if err := auth.Warm(ctx); err != nil {
		stop()
		return nil, nil, err
	}
	return auth.Require(issuer.Scope), stop, nil
}
