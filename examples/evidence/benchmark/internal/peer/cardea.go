package peer

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
	"github.com/cardea-auth/cardea/introspection"
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

// CardeaAsking is Cardea where the issuer judges opaque tokens; it keeps the answers for an hour.
func CardeaAsking(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	asks, err := introspection.New(introspection.Config{
		URL: i.IntrospectionURL(), ClientAuth: introspection.NoClientAuth(), ActiveTTL: time.Hour,
	})
	if err != nil {
		return nil, err
	}
	guard, stop, err := guarding(ctx, config(i, 0, asks))
	if err != nil {
		_ = asks.Close()
		return nil, err
	}
	return cardeaBehind("Cardea, opaque tokens", guard, func() {
		stop()
		_ = asks.Close()
	}), nil
}

// PublicURL is the address of the API that proofs name.
const PublicURL = issuer.Audience

// CardeaProving is Cardea where tokens are bound to the keys of their clients, which prove them by DPoP.
func CardeaProving(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	cfg := config(i, 0, nil)
	cfg.PublicURL = PublicURL
	guard, stop, err := guarding(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return cardeaBehind("Cardea, DPoP", guard, stop), nil
}

func cardea(ctx context.Context, i *issuer.Issuer, name string, entries int) (*Peer, error) {
	guard, stop, err := CardeaGuard(ctx, i, entries)
	if err != nil {
		return nil, err
	}
	return cardeaBehind(name, guard, stop), nil
}

func cardeaBehind(name string, guard *middleware.Guard, stop func()) *Peer {
	return &Peer{
		Name:    name,
		Verify:  func(r *http.Request) (any, error) { return guard.Check(r) },
		Handler: guard.Handler,
		Close:   stop,
	}
}

// CardeaGuard is the Guard behind every Cardea in the benchmark. entries is [middleware.TokenCache.Entries].
func CardeaGuard(ctx context.Context, i *issuer.Issuer, entries int) (_ *middleware.Guard, stop func(), _ error) {
	return guarding(ctx, config(i, entries, nil))
}

func config(i *issuer.Issuer, entries int, asks middleware.Introspector) middleware.Config {
	return middleware.Config{
		Issuers: []middleware.Issuer{{
			URL:          i.URL,
			Claims:       middleware.ClaimMapping{Roles: []string{"roles"}},
			Introspector: asks,
		}},
		Audiences:  []string{issuer.Audience},
		TokenCache: middleware.TokenCache{Entries: entries},
		Logger:     slog.New(slog.DiscardHandler), // as of its peers
	}
}

func guarding(ctx context.Context, cfg middleware.Config) (_ *middleware.Guard, stop func(), _ error) {
	auth, err := middleware.New(cfg)
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
