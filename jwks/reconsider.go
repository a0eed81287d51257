package jwks

import (
	"context"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

// Reconsider returns the keys for this kid and algorithm that are not among tried, those that did not verify a token. A server that
// restarts with a new key may publish it under the name of the old one, or under none, and then no kid is unknown that
// could lead to it. If the keys held are those that were tried, they are fetched again and the call waits for that, two seconds at most.
//
// Anyone can send a signature that does not fit, so these fetches come from a bucket of their own: three can be saved up, and one
// becomes available again in each [Config.Cooldown]. Call it only for a token that would be accepted if a key verified it, as far as that can
// be told: its time, audience and type. The error wraps [ErrKeyNotFound] if a set that is recent enough holds no other key, and for
// a kid that is not known at all, which is the business of [Cache.VerificationKeys]; and [ErrUnavailable] if it cannot be told, as there. Unsought is as there.
func (c *Cache) Reconsider(ctx context.Context, kid, alg string, tried []*Key) ([]*Key, error) {
	w := waiter{question: question{kid, alg}}
	for {
		if keys := c.beside(tried, kid, alg); len(keys) > 0 {
			return keys, nil
		}
		f, err := c.refetchFor(&w, tried)
		if err != nil {
			return nil, err
		}
		if f == nil {
			continue
		}
		if f, err = c.outcome(ctx, f, w.deadline); err != nil {
			return nil, err
		}
		if c.held.Load() != nil && f.decided > w.since {
			if keys := c.beside(tried, kid, alg); len(keys) > 0 {
				return keys, nil
			}
			return nil, errNoNewKey
		}
	}
}

// beside returns the keys held that are not among tried.
func (c *Cache) beside(tried []*Key, kid, alg string) (others []*Key) {
	keys, _ := c.held.Load().find(kid, alg)
	for _, k := range keys {
		if !slices.ContainsFunc(tried, k.Equal) {
			others = append(others, k)
		}
	}
	return others
}

// refetchFor is fetchFor for a key that is known and does not verify. It is nil if other keys have come since the caller looked, as from the
// fetch that all the others were waiting for.
func (c *Cache) refetchFor(w *waiter, tried []*Key) (*fetch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	if alg := jwa.Named(w.alg); alg == nil || alg.Symmetric() {
		return nil, errNoKey
	}
	now := time.Now()
	w.arrive(c.count, now.Add(patience))
	t := c.held.Load()
	if t == nil {
		return c.firstFetch(now, w)
	}
	if _, known := t.find(w.kid, w.alg); !known {
		return nil, errNoKey
	}
	if f := c.current(now); f != nil {
		return f, nil
	}
	if len(c.beside(tried, w.kid, w.alg)) > 0 {
		return nil, nil
	}
	if c.plan.Barred(now) || !c.refetches.Take(now) {
		return nil, c.unanswered(now, unsoughtNewKey)
	}
	return c.begin(now, &fetch{}, nil), nil
}
