package peer

import (
	"context"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// leeway is Cardea's, for every library that has such an option.
const leeway = 30 * time.Second

// golangClaims is the cheaper of the two ways to receive claims from golang-jwt; jwt.MapClaims is the other.
type golangClaims struct {
	jwt.RegisteredClaims
	Scope string   `json:"scope"`
	Roles []string `json:"roles"`
}

// golangParser is golang-jwt over keyfunc. Three peers are made of it.
type golangParser struct {
	parser *jwt.Parser
	keys   keyfunc.Keyfunc
	close  func()
}

func newGolangParser(ctx context.Context, i *issuer.Issuer) (*golangParser, error) {
	ctx, cancel := context.WithCancel(ctx)
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{i.JWKSURL()})
	if err != nil {
		cancel()
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{i.Algorithm}),
		jwt.WithIssuer(i.URL),
		jwt.WithAudience(issuer.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
	)
	return &golangParser{parser: parser, keys: keys, close: cancel}, nil
}

func (p *golangParser) parse(token string) (*jwt.Token, *golangClaims, error) {
	claims := new(golangClaims)
	parsed, err := p.parser.ParseWithClaims(token, claims, p.keys.Keyfunc)
	if err != nil {
		return nil, nil, err
	}
	return parsed, claims, nil
}

// GolangJWT is golang-jwt with keyfunc in its cheapest form, which is not the one that its documentation shows.
func GolangJWT(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	return golangPeer(ctx, i, Reference, func(p *golangParser, token string) (claims any, scope string, err error) {
		_, parsed, err := p.parse(token)
		if err != nil {
			return nil, "", err
		}
		return parsed, parsed.Scope, nil
	})
}

// GolangMap is golang-jwt with keyfunc as the documentation of keyfunc shows it.
func GolangMap(ctx context.Context, i *issuer.Issuer) (*Peer, error) {
	return golangPeer(ctx, i, Documented, func(p *golangParser, token string) (any, string, error) {
		claims := jwt.MapClaims{}
		if _, err := p.parser.ParseWithClaims(token, claims, p.keys.Keyfunc); err != nil {
			return nil, "", err
		}
		scope, _ := claims["scope"].(string) // without it nothing is granted
		return claims, scope, nil
	})
}

func golangPeer(ctx context.Context, i *issuer.Issuer, name string, parse func(*golangParser, string) (claims any, scope string, err error)) (*Peer, error) {
	p, err := newGolangParser(ctx, i)
	if err != nil {
		return nil, err
	}
	verify := func(r *http.Request) (any, error) {
		token, err := bearer(r)
		if err != nil {
			return nil, err
		}
		claims, scope, err := parse(p, token)
		if err != nil {
			return nil, err
		}
		return claims, granted(scope)
	}
	return &Peer{Name: name, Verify: verify, Handler: minimal(verify), Close: p.close}, nil
}
