package differential_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware"
)

// guard is Cardea with the same issuers, keys and time.
var guard = must(middleware.New(middleware.Config{
	Issuers: []middleware.Issuer{
		{URL: issuerA, Keys: cardeaKeys(issuerA)},
		{URL: rival, Keys: cardeaKeys(rival)},
		{URL: shared, Keys: cardeaKeys(shared), Algorithms: []string{"HS256", "HS384", "HS512"}},
	},
	Audiences: []string{audience},
	Clock:     func() time.Time { return now },
	Logger:    slog.New(slog.DiscardHandler),
})).Require()

func cardeaKeys(issuer string) *jwks.Set {
	var own []*jwks.Key
	for _, k := range keys {
		if k.issuer != issuer {
			continue
		}
		if secret, ok := k.private.([]byte); ok {
			own = append(own, must(jwks.NewSecret(k.kid, k.alg, secret)))
		} else {
			own = append(own, must(jwks.NewKey(k.kid, k.alg, k.public())))
		}
	}
	return jwks.NewSet(own...)
}

// readCardea asks twice, because the second answer comes from the cache. The reason is empty if the token is accepted.
func readCardea(token string) (reading, middleware.Reason, error) {
	first, reason, err := askCardea(token)
	second, again, err2 := askCardea(token)
	if err := errors.Join(err, err2); err != nil {
		return first, reason, err
	}
	if reason != again || !first.equal(second) {
		return first, reason, fmt.Errorf("the first time it is %+v (reason %q), the second time %+v (reason %q)", first, reason, second, again)
	}
	return first, reason, nil
}

// askCardea returns an error only for what no token may cause.
func askCardea(token string) (reading, middleware.Reason, error) {
	ctx, err := guard.Authorize(context.Background(), middleware.Credentials{Header: http.Header{"Authorization": {"Bearer " + token}}, Method: http.MethodGet})
	if err != nil {
		var refusal *middleware.Error
		if !errors.As(err, &refusal) || refusal.Status() != http.StatusUnauthorized && refusal.Status() != http.StatusBadRequest {
			return reading{}, "", fmt.Errorf("a token causes %w", err)
		}
		return reading{}, refusal.Reason, nil
	}
	verified, ok := middleware.TokenFromContext(ctx)
	if !ok {
		return reading{}, "", errors.New("admitted without a token")
	}
	return reading{verified.Issuer, verified.Subject, verified.Audience.Slice(), verified.Expiry.Unix()}, "", nil
}
