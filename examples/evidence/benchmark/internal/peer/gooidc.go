package peer

import (
	"context"
	"net/http"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// GoOIDC is go-oidc with a Provider from discovery. It is made for ID tokens: the client id that it demands stands in
// aud, so the audience takes that place, as is widely done.
func GoOIDC(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	ctx, cancel := context.WithCancel(ctx)
	provider, err := oidc.NewProvider(ctx, i.URL)
	if err != nil {
		cancel()
		return nil, err
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: issuer.Audience})
	verify := func(r *http.Request) (any, error) {
		raw, err := bearer(r)
		if err != nil {
			return nil, err
		}
		token, err := verifier.Verify(r.Context(), raw)
		if err != nil {
			return nil, err
		}
		claims := new(oidcClaims)
		if err := token.Claims(claims); err != nil {
			return nil, err
		}
		return claims, granted(claims.Scope)
	}
	return &Peer{Name: "go-oidc", Verify: verify, Handler: minimal(verify), Close: cancel}, nil
}

type oidcClaims struct {
	Subject string   `json:"sub"`
	Scope   string   `json:"scope"`
	Roles   []string `json:"roles"`
}
