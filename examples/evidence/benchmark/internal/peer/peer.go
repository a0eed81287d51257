// Package peer sets every library under test up as its own documentation recommends, with the same demands: signature
// under a key fetched over HTTP, issuer, audience, expiry, and one scope out of a space-separated claim. Each hands the
// claims over to the handler behind it.
package peer

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/cardea-auth/cardea/examples/evidence/benchmark/internal/issuer"
)

// Peer is one library, ready for tokens of one issuer. It is safe for concurrent use.
type Peer struct {
	Name string

	// Verify is the library's judgement alone, over the Authorization field. It returns what the library knows of the
	// token. Nil: the library is a middleware and nothing else.
	Verify func(*http.Request) (any, error)

	// Handler is the middleware: the library's own, or, if it has none, the shortest around Verify.
	Handler func(next http.Handler) http.Handler

	// Close ends what the library runs in the background.
	Close func()
}

// Maker sets a library up. Its keys are loaded when New returns, as far as the library loads them before the first token.
type Maker struct {
	Name   string
	Module string // whose version counts; empty: the standard library
	New    func(ctx context.Context, i *issuer.Issuer) (*Peer, error)
}

// Makers are all libraries under test: Cardea first, then the one to compare with, then the others by name.
func Makers() []Maker {
	return []Maker{
		{Name: "Cardea", Module: "github.com/cardea-auth/cardea", New: Cardea},
		{Name: Reference, Module: "github.com/golang-jwt/jwt/v5", New: GolangJWT},
		{Name: "auth0 v2", Module: "github.com/auth0/go-jwt-middleware/v2", New: Auth0V2},
		{Name: "auth0 v3", Module: "github.com/auth0/go-jwt-middleware/v3", New: Auth0V3},
		{Name: "echo-jwt + keyfunc", Module: "github.com/labstack/echo-jwt/v4", New: EchoJWT},
		{Name: "go-oidc", Module: "github.com/coreos/go-oidc/v3", New: GoOIDC},
		{Name: "jwx", Module: "github.com/lestrrat-go/jwx/v3", New: JWX},
		{Name: "MCP SDK + golang-jwt", Module: "github.com/modelcontextprotocol/go-sdk", New: MCP},
		{Name: "zitadel/oidc", Module: "github.com/zitadel/oidc/v3", New: Zitadel},
	}
}

// Reference is the peer to compare with: what most Go services use, with claims in a struct. Documented is the same with claims in
// a map, as keyfunc's documentation has it.
const (
	Reference  = "golang-jwt + keyfunc"
	Documented = "golang-jwt + keyfunc, MapClaims"
)

var (
	errNoBearer = errors.New("no bearer token")
	errScope    = errors.New("the scope is missing")
)

// bearer reads the Authorization field, for libraries that take a token only.
func bearer(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return "", errNoBearer
	}
	return token, nil
}

// granted judges the scope, for libraries that leave that to the application.
func granted(scope string) error {
	for one := range strings.SplitSeq(scope, " ") {
		if one == issuer.Scope {
			return nil
		}
	}
	return errScope
}

type contextKey struct{}

// minimal is the shortest middleware around verify, for libraries that have none.
func minimal(verify func(*http.Request) (any, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			claims, err := verify(r)
			if err != nil {
				w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
				http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, claims)))
		})
	}
}
