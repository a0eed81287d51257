package jwks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Set is a fixed set of keys that does no I/O. It is immutable and safe for concurrent use. The zero Set holds no key, so it
// refuses every token.
type Set struct{ table table }

// NewSet makes a Set of keys from [NewKey] and [NewSecret], in the order in which they are tried. Nil and zero Keys,
// which verify nothing, are left out.
func NewSet(keys ...*Key) *Set {
	set := &Set{table: *newTable(nil, nil, nil)}
	for _, k := range keys {
		if k.zero() {
			continue
		}
		e := &entry{id: k.id, issuer: k.issuer, alg: k.alg, material: k.material, keys: []*Key{k}}
		if set.table.holds(e) == nil {
			set.table.add(e)
		}
	}
	return set
}

// Static reads a JWKS document (RFC 7517 section 5) that does not change: one shipped with the program or configured by hand.
// Keys that cannot verify a signature are skipped, as [Cache] skips them. If no key is left, or the document itself
// is broken, the error says why. PEM is read by KeyFile of package issuers. Private and symmetric keys are never loaded.
func Static(document []byte) (*Set, error) {
	parsed, err := parseSet(document)
	if err != nil && bytes.HasPrefix(bytes.TrimSpace(document), []byte("-----BEGIN ")) {
		return nil, errors.New("jwks: Static: the document is PEM and no JWKS: KeyFile of package issuers reads such a file")
	}
	if err != nil {
		return nil, fmt.Errorf("jwks: Static: %w", err)
	}
	if err := parsed.unusable(); err != nil {
		return nil, fmt.Errorf("jwks: Static: %w; pass the public keys of the issuer", err)
	}
	return &Set{table: *newTable(parsed.entries, nil, nil)}, nil
}

// HMAC makes a Set of shared secrets for HS256, HS384 or HS512, without ids, tried in the order given: put the newest first
// while they rotate. At most eight are tried, so more are refused. All are for one algorithm, as RFC 8725 section 3.1 wants; each
// must be at least as long as its hash, see [NewSecret]. Whoever knows a secret can make tokens: prefer a public key.
func HMAC(algorithm string, secrets ...[]byte) (*Set, error) {
	if len(secrets) == 0 || len(secrets) > triesWithout {
		return nil, fmt.Errorf("jwks: HMAC: %d secrets; pass the one in use and at most %d that it replaces", len(secrets), triesWithout-1)
	}
	var keys []*Key
	var errs []error
	for i, secret := range secrets {
		k, err := NewSecret("", algorithm, secret)
		if err != nil {
			errs = append(errs, fmt.Errorf("jwks: HMAC: secret %d: %w", i, err))
		} else if bytes.Count(secret, secret[:1]) == len(secret) {
			// Randomness cannot be seen, but an array that was never filled can.
			errs = append(errs, fmt.Errorf("jwks: HMAC: secret %d is one byte %d times; use as many random ones", i, len(secret)))
		}
		keys = append(keys, k)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return NewSet(keys...), nil
}

// Algorithms returns, sorted, the algorithms of the keys: all that a token can be verified with.
func (s *Set) Algorithms() []string { return slices.Sorted(maps.Keys(s.table.any)) }

// VerificationKeys returns the keys that may have signed a token with this kid (empty: it names none) and algorithm, as many as [Tries]
// wants to see: five at most that have the kid, or else nine, of each [Key.Issuer]. A token's kid that no key has is answered with the keys that have no id. The slice must not be changed. The
// error wraps [ErrKeyNotFound]; there is no other. ctx is not used.
func (s *Set) VerificationKeys(_ context.Context, kid, alg string) ([]*Key, error) {
	if keys, _ := s.table.find(kid, alg); len(keys) > 0 {
		return keys, nil
	}
	return nil, errNoKey
}

// Held returns the keys of the Set, in its order; those of a JWK without alg once for each algorithm that it fits.
func (s *Set) Held() []*Key { return s.table.all() }
