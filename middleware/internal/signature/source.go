package signature

import (
	"context"
	"errors"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
	"github.com/cardea-auth/cardea/middleware/internal/loadbalancer"
)

// KeySource finds the keys that may have made a signature: middleware.KeySource.
type KeySource interface {
	VerificationKeys(ctx context.Context, kid, alg string) ([]*jwks.Key, error)
}

// reconsiderer is a KeySource that can look for other keys than those that did not verify a token: jwks.Cache.
type reconsiderer interface {
	Reconsider(ctx context.Context, kid, alg string, tried []*jwks.Key) ([]*jwks.Key, error)
}

// byIssuer is a KeySource that wants to be told the iss of the token.
type byIssuer interface {
	VerificationKeysFor(ctx context.Context, iss, kid, alg string) ([]*jwks.Key, error)
}

// reconsidererByIssuer is reconsiderer for a byIssuer: jwks.Tenants.
type reconsidererByIssuer interface {
	ReconsiderFor(ctx context.Context, iss, kid, alg string, tried []*jwks.Key) ([]*jwks.Key, error)
}

// Source is a KeySource, with what else it can do.
type Source struct {
	keys       KeySource
	balancer   *loadbalancer.Keys                                                                      // keys, if they are those of load balancers; nil: they are not
	byIssuer   byIssuer                                                                                // nil: it is not told the iss
	reconsider func(ctx context.Context, iss, kid, alg string, tried []*jwks.Key) ([]*jwks.Key, error) // nil: it cannot
}

// NewSource finds out what else a KeySource can do. Nil makes a Source that nobody may ask.
func NewSource(keys KeySource) Source {
	s := Source{keys: keys}
	s.balancer, _ = keys.(*loadbalancer.Keys)
	if told, ok := keys.(byIssuer); ok {
		s.byIssuer = told
		if r, ok := keys.(reconsidererByIssuer); ok {
			s.reconsider = r.ReconsiderFor
		}
	} else if r, ok := keys.(reconsiderer); ok {
		s.reconsider = func(ctx context.Context, _, kid, alg string, tried []*jwks.Key) ([]*jwks.Key, error) {
			return r.Reconsider(ctx, kid, alg, tried)
		}
	}
	return s
}

// ByIssuer reports whether the keys may differ by iss.
func (s Source) ByIssuer() bool { return s.byIssuer != nil }

// Reconsiders reports whether Reconsider can bring other keys.
func (s Source) Reconsiders() bool { return s.reconsider != nil }

// Shared reports whether the keys sign for others as well, whom only Verify can tell apart.
func (s Source) Shared() bool { return s.balancer != nil }

// Find asks for the keys that may have signed a token of this iss under this header. If mayServe is false for all of them, the outcome is
// Unknown. All that were answered are returned in either case.
func (s Source) Find(ctx context.Context, iss string, header compact.Header, mayServe func(*jwks.Key) bool) ([]*jwks.Key, Outcome, error) {
	keys, outcome, err := s.ask(ctx, iss, header.KeyID, header.Algorithm)
	if outcome != Found {
		return nil, outcome, err
	}
	for _, key := range keys {
		if mayServe(key) {
			return keys, Found, nil
		}
	}
	return keys, Unknown, errForeign
}

// ask asks the source. Not finding a key is a verdict; not being able to tell is none.
func (s Source) ask(ctx context.Context, iss, kid, alg string) (keys []*jwks.Key, _ Outcome, err error) {
	if s.byIssuer != nil {
		keys, err = s.byIssuer.VerificationKeysFor(ctx, iss, kid, alg)
	} else {
		keys, err = s.keys.VerificationKeys(ctx, kid, alg)
	}
	switch {
	case errors.Is(err, jwks.ErrKeyNotFound):
		return nil, Unknown, s.unknown(err, kid, alg)
	case err != nil:
		return nil, Unavailable, err
	case len(keys) == 0:
		return nil, Unknown, s.unknown(errNoSuchKey, kid, alg)
	}
	return keys, Found, nil
}

// unknown says what was looked for and what is held, unless the source has said so itself, being one around another.
func (s Source) unknown(err error, kid, alg string) error {
	if said := new(cause.Cause); errors.As(err, &said) {
		return err
	}
	keys := s.keys
	return cause.Key(err, kid, alg, func() cause.Keys { return held(keys) })
}

// Verify is the function Verify for a token of this source.
func (s Source) Verify(keys []*jwks.Key, header compact.Header, signingInput string, signature []byte, mayServe func(*jwks.Key) bool) (*jwks.Key, error) {
	if s.balancer != nil {
		var err error
		if signingInput, err = s.balancer.Signed(signingInput); err != nil {
			return nil, err
		}
	}
	return Verify(keys, header, signingInput, signature, mayServe)
}

// Reconsider lets the source look for other keys than tried, which do not verify a token. Found says that it holds some now, which Find
// then tells: what a source around another one leaves out must not come in by this way.
func (s Source) Reconsider(ctx context.Context, iss string, header compact.Header, tried []*jwks.Key) (Outcome, error) {
	others, err := s.reconsider(ctx, iss, header.KeyID, header.Algorithm, tried)
	switch {
	case errors.Is(err, jwks.ErrKeyNotFound), err == nil && len(others) == 0:
		return Unknown, err
	case err != nil:
		return Unavailable, err
	}
	return Found, nil
}
