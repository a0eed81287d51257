package signature

import (
	"time"

	"github.com/cardea-auth/cardea/jwks"
	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

// held asks a source what it holds, for an operator to compare with what a token names. Most of those of an application's own do not say.
func held(source KeySource) cause.Keys {
	lister, ok := source.(interface{ Held() []*jwks.Key })
	if !ok {
		return cause.Keys{}
	}
	found := cause.Keys{Known: true}
	places := make(map[string]int) // of the ids
	for _, key := range lister.Held() {
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
