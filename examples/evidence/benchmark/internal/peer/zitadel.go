package peer

import (
	"context"
	"net/http"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// Zitadel is zitadel/oidc with its verifier for JWT access tokens, which leaves the audience to the application.
func Zitadel(_ context.Context, i *issuer.Issuer) (*Peer, error) {
	client := &http.Client{Transport: &http.Transport{}}
	verifier := op.NewAccessTokenVerifier(i.URL, rp.NewRemoteKeySet(client, i.JWKSURL()),
		op.WithSupportedAccessTokenSigningAlgorithms(i.Algorithm))
	verifier.Offset = leeway
	verify := func(r *http.Request) (any, error) {
		raw, err := bearer(r)
		if err != nil {
			return nil, err
		}
		claims, err := op.VerifyAccessToken[*oidc.AccessTokenClaims](r.Context(), raw, verifier)
		if err != nil {
			return nil, err
		}
		if err := oidc.CheckAudience(claims, issuer.Audience); err != nil {
			return nil, err
		}
		if !slices.Contains(claims.Scopes, issuer.Scope) {
			return nil, errScope
		}
		return claims, nil
	}
	return &Peer{Name: "zitadel/oidc", Verify: verify, Handler: minimal(verify), Close: client.CloseIdleConnections}, nil
}
