package authtest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// contextIssuer is the iss of Context. The name can belong to nobody (RFC 6761).
const contextIssuer = "https://issuer.example.test"

// Context returns a context as a Guard gives it to a handler, for a test of that one handler: no issuer, no keys, no
// network. [middleware.TokenFromContext] and [middleware.ClaimsFromContext] find the token with c. The defaults are
// those of Claims, so Claims{"scope": "orders:read"} will do; c may name any issuer and any audience, or no audience.
// The claim roles fills Token.Roles.
//
// The token is made and judged in full. Claims with which no Guard would admit a request end the test: a handler never
// sees an expired token, or one that is bound to a key. To see a refusal, send a request through the Guard instead.
func Context(t TB, c Claims) context.Context {
	t.Helper()
	ctx, err := admitted(merge(newClaims(contextIssuer, firstAudience, time.Now()), c))
	if cause := errors.Unwrap(err); cause != nil {
		err = fmt.Errorf("%w: %w", err, cause) // the refusal's own text says code and reason
	}
	if err != nil {
		t.Fatalf("authtest: Context: no Guard would admit a request with these claims: %v", err)
		return nil
	}
	return ctx
}

// admitted lets a Guard of its own, which trusts whatever iss the claims have, judge a token that it has just signed.
func admitted(c Claims) (context.Context, error) {
	issuer, ok := c["iss"].(string)
	if !ok {
		return nil, fmt.Errorf("iss is %v, and must be text", c["iss"])
	}
	payload, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails, or ends the program
	token, err := assemble(Header{"typ": "at+jwt", "alg": "HS256"}, string(payload), func(input string) ([]byte, error) {
		return jwt.SigningMethodHS256.Sign(input, secret)
	})
	if err != nil {
		return nil, err
	}
	keys, err := jwks.HMAC("HS256", secret)
	if err != nil {
		return nil, err
	}
	auth, err := middleware.New(middleware.Config{
		Issuers: []middleware.Issuer{{
			URL:                   issuer,
			Keys:                  keys,
			Algorithms:            []string{"HS256"},
			Claims:                middleware.ClaimMapping{Roles: []string{"roles"}},
			DangerouslyNoAudience: true, // the handler's API is whatever the claims say
		}},
		MaxTokenBytes: 1 << 20, // a test may well have larger claims than a header field can carry
		TokenCache:    middleware.TokenCache{Entries: -1},
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	return auth.Require().Authorize(context.Background(), middleware.Credentials{
		Header: http.Header{"Authorization": {"Bearer " + token}},
	})
}
