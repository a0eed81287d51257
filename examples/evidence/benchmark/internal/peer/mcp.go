package peer

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// MCP is the bearer-token middleware of the MCP Go SDK, which leaves the token itself to a TokenVerifier: here, as in the
// SDK's own examples, golang-jwt.
func MCP(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	p, err := newGolangParser(ctx, i)
	if err != nil {
		return nil, err
	}
	verify := func(_ context.Context, raw string, _ *http.Request) (*auth.TokenInfo, error) {
		_, claims, err := p.parse(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
		}
		return &auth.TokenInfo{
			Scopes:     strings.Fields(claims.Scope),
			Expiration: claims.ExpiresAt.Time,
			UserID:     claims.Subject,
			Extra:      map[string]any{"roles": claims.Roles},
		}, nil
	}
	return &Peer{
		Name: "MCP SDK + golang-jwt",
		Handler: auth.RequireBearerToken(verify, &auth.RequireBearerTokenOptions{
			Scopes:    []string{issuer.Scope},
			ClockSkew: leeway,
		}),
		Close: p.close,
	}, nil
}
