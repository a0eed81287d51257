package jwks

import (
	"slices"
	"sync/atomic"

	"github.com/cardea-auth/cardea/jwks/internal/jwa"
)

// What bounds the signatures that one token can make us compute.
const (
	triesByID    = 4 // keys that have the kid of the token
	triesWithout = 8 // keys, where it names none or they have none
)

// Tries cuts an answer of a key source to the keys that a token with this kid is to be tried with: four that have the kid, eight where the
// token or the keys have none. Leave out before which keys are for another issuer ([Key.Issuer]). More tells that others fit too; a
// token that none of those tried verifies is then no worse for it, and is best not judged, as the issuer publishes more keys than a
// kid is for.
func Tries(kid string, keys []*Key) (tried []*Key, more bool) {
	limit := triesWithout
	if kid != "" && len(keys) > 0 && keys[0].ID() != "" {
		limit = triesByID
	}
	if len(keys) <= limit {
		return keys, false
	}
	return keys[:limit:limit], true
}

// table is an immutable set of keys, laid out so that each question is one map access.
type table struct {
	generation uint64 // grows with every change

	entries []*entry
	byID    map[question][]*Key // keys that carry the kid
	ids     map[string]struct{} // all kids, whatever their algorithm
	noID    map[string][]*Key   // algorithm → keys without a kid
	any     map[string][]*Key   // algorithm → all keys, for tokens without a kid
}

type question struct{ kid, alg string }

// entry is one JWK: its Keys differ in nothing but the algorithm.
type entry struct {
	id       string
	issuer   string         // that the JWK names; empty: none
	alg      *jwa.Algorithm // nil: the JWK names none
	material sealed
	keys     []*Key
}

// newTable makes the Keys of entries. Entries that an earlier table holds too keep their Keys, and with them what they are
// bound to, so that a refresh does not loosen a key. The same key listed twice counts once. The Keys tell verified of good signatures.
func newTable(entries []*entry, earlier *table, verified *atomic.Bool) *table {
	t := &table{
		byID: make(map[question][]*Key),
		ids:  make(map[string]struct{}),
		noID: make(map[string][]*Key),
		any:  make(map[string][]*Key),
	}
	if earlier != nil {
		t.generation = earlier.generation + 1
	}
	for _, e := range entries {
		e = e.named(entries)
		if t.holds(e) != nil {
			continue
		}
		if known := earlier.holds(e); known != nil {
			e = known
		} else {
			e.makeKeys(t.tieOf(e, earlier))
			for _, k := range e.keys {
				k.verified = verified
			}
		}
		t.add(e)
	}
	return t
}

// all returns the keys in the order of the document.
func (t *table) all() []*Key {
	if t == nil {
		return nil
	}
	var keys []*Key
	for _, e := range t.entries {
		keys = append(keys, e.keys...)
	}
	return keys
}

func (t *table) add(e *entry) {
	t.entries = append(t.entries, e)
	if e.id != "" {
		t.ids[e.id] = struct{}{}
	}
	for _, k := range e.keys {
		alg := k.alg.Name()
		t.any[alg] = appendUpTo(triesWithout+1, t.any[alg], k)
		if e.id == "" {
			t.noID[alg] = appendUpTo(triesWithout+1, t.noID[alg], k)
		} else {
			q := question{e.id, alg}
			t.byID[q] = appendUpTo(triesByID+1, t.byID[q], k)
		}
	}
}

// appendUpTo keeps one key more than are tried, which says that there are more. Keys of other issuers do not count, as they may not
// be for the token.
func appendUpTo(limit int, keys []*Key, k *Key) []*Key {
	same := 0
	for _, own := range keys {
		if own.issuer == k.issuer {
			same++
		}
	}
	if same == limit {
		return keys
	}
	return append(keys, k)
}

// find returns the keys for a token. With none, known tells whether that is final: the kid is here, but not with this algorithm.
func (t *table) find(kid, alg string) (keys []*Key, known bool) {
	switch {
	case t == nil: // no key is held
		return nil, false
	case kid == "":
		keys = t.any[alg]
		return keys, len(keys) > 0
	}
	if keys = t.byID[question{kid, alg}]; len(keys) > 0 {
		return keys, true
	}
	if _, known = t.ids[kid]; known {
		return nil, true
	}
	keys = t.noID[alg]
	return keys, len(keys) > 0
}

// sameAs reports whether t, made with knowledge of earlier, brought no change.
func (t *table) sameAs(earlier *table) bool {
	return earlier != nil && slices.Equal(t.entries, earlier.entries)
}

// holds returns t's entry that is the same JWK as e.
func (t *table) holds(e *entry) *entry {
	if t == nil {
		return nil
	}
	for _, own := range t.entries {
		if own.id == e.id && own.issuer == e.issuer && own.alg == e.alg && sameMaterial(own.material(), e.material()) {
			return own
		}
	}
	return nil
}

// named returns e, or, if e names no algorithm, e with the one that another JWK names for the same key. What the issuer has
// said once about a key's algorithm holds wherever it lists it, for whichever issuer.
func (e *entry) named(entries []*entry) *entry {
	if e.alg != nil {
		return e
	}
	for _, other := range entries {
		if other.alg != nil && sameMaterial(e.material(), other.material()) {
			return &entry{id: e.id, issuer: e.issuer, alg: other.alg, material: e.material}
		}
	}
	return e
}

// tieOf finds the tie for the material of e: published under two kids or for two issuers it is still one key, and serves one algorithm.
func (t *table) tieOf(e *entry, earlier *table) *tie {
	for _, source := range []*table{t, earlier} {
		if source == nil {
			continue
		}
		for _, own := range source.entries {
			if own.alg == nil && e.alg == nil && sameMaterial(own.material(), e.material()) {
				return own.keys[0].tie
			}
		}
	}
	return new(tie)
}

// makeKeys gives a JWK without alg a Key for each algorithm it fits. EdDSA and Ed25519 are two names of one algorithm
// (RFC 9864 section 2.2), so keys of that type are not tied.
func (e *entry) makeKeys(t *tie) {
	if e.alg != nil {
		e.keys = []*Key{newKey(e.id, e.issuer, e.alg, e.material, nil)}
		return
	}
	fit := jwa.Fitting(e.material())
	if len(fit) == 1 || fit[0].Name() == "EdDSA" {
		t = nil
	}
	for _, alg := range fit {
		e.keys = append(e.keys, newKey(e.id, e.issuer, alg, e.material, t))
	}
}
