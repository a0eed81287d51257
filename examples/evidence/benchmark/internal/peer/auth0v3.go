package peer

import (
	"context"
	"net/url"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v3"
	"github.com/auth0/go-jwt-middleware/v3/jwks"
	"github.com/auth0/go-jwt-middleware/v3/validator"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// Auth0V3 is go-jwt-middleware 3, as its README sets it up for production.
func Auth0V3(_ context.Context, i *issuer.Issuer) (*Peer, error) {
	address, err := url.Parse(i.URL)
	if err != nil {
		return nil, err
	}
	provider, err := jwks.NewCachingProvider(jwks.WithIssuerURL(address))
	if err != nil {
		return nil, err
	}
	v, err := validator.New(
		validator.WithKeyFunc(provider.KeyFunc),
		validator.WithAlgorithm(validator.SignatureAlgorithm(i.Algorithm)),
		validator.WithIssuer(i.URL),
		validator.WithAudience(issuer.Audience),
		validator.WithAllowedClockSkew(leeway),
		validator.WithCustomClaims(func() *auth0Claims { return new(auth0Claims) }),
	)
	if err != nil {
		return nil, err
	}
	m, err := jwtmiddleware.New(jwtmiddleware.WithValidator(v))
	if err != nil {
		return nil, err
	}
	return &Peer{Name: "auth0 v3", Verify: validated(v.ValidateToken), Handler: m.CheckJWT, Close: func() {}}, nil
}
