package jwks

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

// KeyfuncSource takes keys from a keyfunc that the program runs already. It is safe for concurrent use if the keyfunc's storage is.
//
// It reads the storage and never calls the key function, which tries keys of any alg and use on a token without kid, and it holds
// every key to the rules of this package: private and symmetric keys, and keys that are not for verifying, are not used. jwkset does not
// keep a JWK's own member issuer, so no key from here has one: take a [Cache] for a key set whose keys are bound to tenants.
//
// Each look-up reads and compares the whole storage, so that a key taken out of it stops at once: about a microsecond for each key,
// on every request. Prefer [Cache] for keys that are fetched.
type KeyfuncSource struct {
	_ [0]func()

	storage func() jwkset.Storage // of the keyfunc; nil: there is none. A function, so that printing shows no key
	mu      sync.Mutex            // held while last is replaced
	last    atomic.Pointer[reading]
}

// reading is what the storage held when it was last seen to change.
type reading struct {
	keys  []jwkset.JWK
	table *table
}

var (
	errNoStorage  = &unavailable{cause: errors.New("FromKeyfunc was given no keyfunc, or one without storage")}
	errNoneUsable = &unavailable{cause: errors.New("the storage of the keyfunc holds no usable key, so it has not been filled yet or was emptied")}
)

const errStorage = "the storage of the keyfunc failed" // its own text may quote the kid

// FromKeyfunc makes a key source of one issuer's keyfunc. A keyfunc of several URLs is one pool, in which any issuer's key
// verifies any issuer's token: make one for each issuer.
//
// For an unknown kid the storage's KeyRead is asked, on the caller's context. A keyfunc from NewDefault then waits for a rate
// limiter of one fetch in five minutes, for up to a minute: set Override.RateLimitWaitMax to a second or less, or build
// the storage without RefreshUnknownKID.
func FromKeyfunc(k keyfunc.Keyfunc) *KeyfuncSource {
	if k == nil {
		return new(KeyfuncSource)
	}
	return &KeyfuncSource{storage: k.Storage}
}

// VerificationKeys returns the keys that may have signed a token with this kid (empty: it names none) and algorithm, as many as [Tries]
// wants to see: five at most that have the kid, or else nine, of each [Key.Issuer]. A kid that no key has is answered with the keys that have no id. The slice must not be changed. The error wraps
// [ErrKeyNotFound] if the storage knows no such key, and [ErrUnavailable] if the storage fails or holds no usable key at all.
func (s *KeyfuncSource) VerificationKeys(ctx context.Context, kid, alg string) ([]*Key, error) {
	if a := jwa.Named(alg); a == nil || a.Symmetric() {
		return nil, errNoKey
	}
	if s.storage == nil {
		return nil, errNoStorage
	}
	storage := s.storage()
	if storage == nil {
		return nil, errNoStorage
	}
	t, err := s.read(ctx, storage)
	if err != nil {
		return nil, err
	}
	if keys, known := t.find(kid, alg); len(keys) > 0 {
		return keys, nil
	} else if !known && kid != "" {
		return s.ask(ctx, storage, kid, alg)
	}
	return t.answer(nil)
}

// ask lets the storage look for a key that it has not listed: it may fetch.
func (s *KeyfuncSource) ask(ctx context.Context, storage jwkset.Storage, kid, alg string) ([]*Key, error) {
	found, err := storage.KeyRead(ctx, kid)
	if err != nil && !errors.Is(err, jwkset.ErrKeyNotFound) {
		return nil, &unavailable{reason: errStorage, cause: err}
	}
	t, failed := s.read(ctx, storage)
	if failed != nil {
		return nil, failed
	}
	if _, listed := t.ids[kid]; err == nil && !listed {
		t = newTable(append(slices.Clone(t.entries), entriesOf([]jwkset.JWK{found})...), t, nil)
	}
	keys, _ := t.find(kid, alg)
	return t.answer(keys)
}

// answer tells a storage without keys, which judges nothing, from one without the right key.
func (t *table) answer(keys []*Key) ([]*Key, error) {
	switch {
	case len(keys) > 0:
		return keys, nil
	case len(t.entries) == 0:
		return nil, errNoneUsable
	}
	return nil, errNoKey
}

// read returns the table of what the storage holds now.
func (s *KeyfuncSource) read(ctx context.Context, storage jwkset.Storage) (*table, error) {
	keys, err := storage.KeyReadAll(ctx)
	if err != nil {
		return nil, &unavailable{reason: errStorage, cause: err}
	}
	if last := s.last.Load(); last != nil && slices.EqualFunc(last.keys, keys, sameJWK) {
		return last.table, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var earlier *table
	if last := s.last.Load(); last != nil {
		earlier = last.table
	}
	now := &reading{keys: slices.Clone(keys), table: newTable(entriesOf(keys), earlier, nil)}
	s.last.Store(now)
	return now.table, nil
}

func sameJWK(a, b jwkset.JWK) bool {
	x, y := a.Marshal(), b.Marshal()
	return x.KID == y.KID && x.ALG == y.ALG && x.USE == y.USE && slices.Equal(x.KEYOPS, y.KEYOPS) && sameMaterial(a.Key(), b.Key())
}

// entriesOf applies the rules of parseKey to keys that jwkset has parsed. Private and symmetric keys drop out by their Go type.
func entriesOf(keys []jwkset.JWK) []*entry {
	var entries []*entry
	for _, jwk := range keys {
		m := jwk.Marshal()
		if m.USE != "" && m.USE != jwkset.UseSig {
			continue
		}
		if len(m.KEYOPS) > 0 && !slices.Contains(m.KEYOPS, jwkset.KeyOpsVerify) {
			continue
		}
		e, err := newEntry(m.KID, "", string(m.ALG), jwk.Key())
		if err != nil {
			continue
		}
		e.material = seal(clone(e.material()))
		entries = append(entries, e)
	}
	return entries
}
