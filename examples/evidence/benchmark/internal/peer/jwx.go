package peer

import (
	"context"
	"net/http"

	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// JWX is lestrrat's jwx with a jwk.Cache behind a jwk.CachedSet.
func JWX(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	ctx, cancel := context.WithCancel(ctx)
	set, err := JWXSet(ctx, i.JWKSURL())
	if err != nil {
		cancel()
		return nil, err
	}
	verify := func(r *http.Request) (any, error) {
		raw, err := bearer(r)
		if err != nil {
			return nil, err
		}
		token, err := jwt.ParseString(raw,
			jwt.WithKeySet(set),
			jwt.WithIssuer(i.URL),
			jwt.WithAudience(issuer.Audience),
			jwt.WithRequiredClaim(jwt.ExpirationKey),
			jwt.WithAcceptableSkew(leeway),
		)
		if err != nil {
			return nil, err
		}
		var scope string
		if err := token.Get("scope", &scope); err != nil {
			return nil, err
		}
		return token, granted(scope)
	}
	return &Peer{Name: "jwx", Verify: verify, Handler: minimal(verify), Close: cancel}, nil
}

// JWXSet is a key set that jwx fetches and keeps fresh.
func JWXSet(ctx context.Context, address string) (jwk.Set, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, address); err != nil {
		return nil, err
	}
	return cache.CachedSet(address)
}
