package peer

import (
	"context"
	"net/http"
	"net/url"
	"time"

	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// auth0Claims are custom claims in the manner of Auth0's quick start, which judges the scope in Validate.
type auth0Claims struct {
	Scope string   `json:"scope"`
	Roles []string `json:"roles"`
}

func (c *auth0Claims) Validate(context.Context) error { return granted(c.Scope) }

// Auth0V2 is go-jwt-middleware 2, as Auth0's quick start sets it up.
func Auth0V2(_ context.Context, i *issuer.Issuer) (*Peer, error) {
	address, err := url.Parse(i.URL)
	if err != nil {
		return nil, err
	}
	provider := jwks.NewCachingProvider(address, 5*time.Minute)
	v, err := validator.New(provider.KeyFunc, validator.SignatureAlgorithm(i.Algorithm), i.URL, []string{issuer.Audience},
		validator.WithCustomClaims(func() validator.CustomClaims { return new(auth0Claims) }),
		validator.WithAllowedClockSkew(leeway),
	)
	if err != nil {
		return nil, err
	}
	return &Peer{
		Name:    "auth0 v2",
		Verify:  validated(v.ValidateToken),
		Handler: jwtmiddleware.New(v.ValidateToken).CheckJWT,
		Close:   func() {},
	}, nil
}

func validated(validate func(context.Context, string) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		token, err := bearer(r)
		if err != nil {
			return nil, err
		}
		return validate(r.Context(), token)
	}
}
