package authtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
)

// keyring holds the keys that sign, and those before them. It is safe for concurrent use.
type keyring struct {
	mu       sync.Mutex
	current  *generation
	previous *generation // nil: withdrawn, or never rotated
}

func newKeyring() (*keyring, error) {
	first, err := newGeneration()
	return &keyring{current: first}, err
}

// signer returns the key that signs with the named algorithm.
func (r *keyring) signer(name string) (*signingKey, error) {
	for i := range algorithms {
		if algorithms[i].name == name {
			r.mu.Lock()
			current := r.current
			r.mu.Unlock()
			return current.key(&algorithms[i])
		}
	}
	return nil, fmt.Errorf("authtest: no key signs with alg %q: use one of %s, or none", name, strings.Join(algorithmNames(), ", "))
}

// published lists the keys of the JWKS document.
func (r *keyring) published() []*signingKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := r.current.made()
	if r.previous != nil {
		keys = append(keys, r.previous.made()...)
	}
	return keys
}

// find returns the published key of this id.
func (r *keyring) find(id string) (*signingKey, bool) {
	for _, key := range r.published() {
		if key.id == id {
			return key, true
		}
	}
	return nil, false
}

func (r *keyring) rotate() error {
	next, err := newGeneration()
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.previous, r.current = r.current, next
	return nil
}

func (r *keyring) dropPrevious() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.previous = nil
}

// RotateKeys makes new keys, which sign from now on. Those that they replace stay published, as RFC 7517 rotation works
// in practice, so tokens signed before remain good; those from before the last rotation go. DropOldKeys ends the overlap.
//
// A Validator that has fetched the keys meets the new kid with its next token and fetches again. It does so three times
// in half a minute at most: a test that rotates more often calls [middleware.Validator.Warm], which always fetches.
func (i *Issuer) RotateKeys() {
	i.tb.Helper()
	if err := i.keys.rotate(); err != nil {
		i.tb.Fatalf("%v", err)
	}
}

// DropOldKeys withdraws all keys but those that sign now. A Validator accepts tokens of the withdrawn ones until it
// fetches again: [middleware.Validator.Warm] makes it.
func (i *Issuer) DropOldKeys() { i.keys.dropPrevious() }

// generation is the keys made between two rotations, one for each algorithm. RSA keys, slow to make, are made when the
// first of them is asked for, and then all at once: one by one, each would cost a Validator that has fetched the set
// another of its few extra fetches for unknown keys.
type generation struct {
	quick []*signingKey

	making sync.Mutex
	slow   atomic.Pointer[[]*signingKey] // nil: not asked for yet
}

func newGeneration() (*generation, error) {
	quick, err := makeKeys(false)
	return &generation{quick: quick}, err
}

// makeKeys makes the keys of all slow, or of all other, algorithms.
func makeKeys(slow bool) ([]*signingKey, error) {
	var (
		making sync.WaitGroup
		keys   []*signingKey
		errs   [len(algorithms)]error
	)
	for i := range algorithms {
		if algorithms[i].slow() != slow {
			continue
		}
		key := new(signingKey)
		keys = append(keys, key)
		making.Go(func() { errs[i] = key.make(&algorithms[i]) })
	}
	making.Wait()
	return keys, errors.Join(errs[:]...)
}

// key returns the key of an algorithm.
func (g *generation) key(a *algorithm) (*signingKey, error) {
	keys := g.quick
	if a.slow() {
		var err error
		if keys, err = g.slowKeys(); err != nil {
			return nil, err
		}
	}
	for _, key := range keys {
		if key.algorithm == a {
			return key, nil
		}
	}
	return nil, fmt.Errorf("authtest: there is no %s key", a.name)
}

// slowKeys does not keep made from answering in the meantime: a Validator waits only two seconds for a key set.
func (g *generation) slowKeys() ([]*signingKey, error) {
	g.making.Lock()
	defer g.making.Unlock()
	if keys := g.slow.Load(); keys != nil {
		return *keys, nil
	}
	keys, err := makeKeys(true)
	if err != nil {
		return nil, err
	}
	g.slow.Store(&keys)
	return keys, nil
}

// made lists the keys that exist, in a slice of the caller's.
func (g *generation) made() []*signingKey {
	var keys []*signingKey
	keys = append(keys, g.quick...)
	if slow := g.slow.Load(); slow != nil {
		keys = append(keys, *slow...)
	}
	return keys
}
