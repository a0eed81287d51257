package signature

import (
	"context"
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
	"github.com/cardea-auth/cardea/middleware/internal/compact"
)

// FindHeld is Find, or with only set looks no further than the keys that a jwks.Cache holds already, for an explanation: it must cause no fetch
// that a request would have to go without. A Cache that holds none yet is asked as for a request, and so is every other source: one
// around a Cache may leave keys out.
func (s Source) FindHeld(ctx context.Context, only bool, iss string, header compact.Header, mayServe func(*jwks.Key) bool) ([]*jwks.Key, Outcome, error) {
	var keys []*jwks.Key
	if cache, ok := s.keys.(*jwks.Cache); only && ok {
		keys = cache.Held()
	}
	if len(keys) == 0 {
		return s.Find(ctx, iss, header, mayServe)
	}
	var named, nameless []*jwks.Key // as the sources answer: those of the kid, or else those without one
	for _, key := range keys {
		switch {
		case key.Algorithm() != header.Algorithm || !mayServe(key):
		case header.KeyID == "" || key.ID() == header.KeyID:
			named = append(named, key)
		case key.ID() == "":
			nameless = append(nameless, key)
		}
	}
	if len(named) == 0 {
		named = nameless
	}
	if len(named) == 0 {
		return nil, Unknown, s.unknown(jwks.ErrKeyNotFound, header.KeyID, header.Algorithm)
	}
	return named, Found, nil
}

// held asks a source what it holds, for an operator to compare with what a token names. Most of those of an application's own do not say.
func held(source KeySource) cause.Keys {
	list, ok := source.(interface{ Held() []*jwks.Key })
	if !ok {
		return cause.Keys{}
	}
	found := cause.Keys{Known: true}
	places := make(map[string]int) // of the ids
	for _, key := range list.Held() {
		place, known := places[key.ID()]
		if !known || key.ID() == "" {
			place = len(found.Keys)
			places[key.ID()] = place
			found.Keys = append(found.Keys, cause.Held{ID: key.ID()})
		}
		found.Keys[place].Algorithms = append(found.Keys[place].Algorithms, key.Algorithm())
	}
	if reporter, ok := source.(interface{ Status() jwks.Status }); ok {
		if loaded := reporter.Status().LoadedAt; !loaded.IsZero() {
			found.Loaded, found.Age = true, time.Since(loaded)
		}
	}
	return found
}
