package pacing

import (
	"hash/maphash"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Remembered is how many unknown kids are remembered at a time. They are remembered as hashes: an entry is small whatever its length.
const Remembered = 1024

// Unknown decides whether an id that the keys do not hold is worth a fetch. Anyone can invent ids, so the fetches come from a
// bucket; and an id that was just looked up in vain does not draw from it again, or one misconfigured client would
// keep it empty when the keys really rotate. Make it with [NewUnknown].
type Unknown struct {
	Bucket
	seed maphash.Seed
	vain *simplelru.LRU[uint64, sighting]
}

// sighting: at this time the id was missing from a set that had just been fetched.
type sighting struct {
	at         time.Time
	generation uint64
}

// NewUnknown returns an Unknown with a full bucket of so many fetches. Ids are remembered for one cooldown, in which one more fetch
// becomes available, too.
func NewUnknown(most int, cooldown time.Duration) *Unknown {
	vain, _ := simplelru.NewLRU[uint64, sighting](Remembered, nil) // fails for a size below one only
	return &Unknown{Bucket: NewBucket(most, cooldown), seed: maphash.MakeSeed(), vain: vain}
}

// Remember notes that no key of the set of this generation has the kid, or, if kid is empty, is for alg.
func (u *Unknown) Remember(now time.Time, generation uint64, kid, alg string) {
	u.vain.Add(u.hash(kid, alg), sighting{now, generation})
}

// InVain reports whether the id was looked up in this very set less than a cooldown ago.
func (u *Unknown) InVain(now time.Time, generation uint64, kid, alg string) bool {
	seen, ok := u.vain.Get(u.hash(kid, alg))
	return ok && seen.generation == generation && now.Sub(seen.at) < u.cooldown
}

// hash bounds what is stored, and nobody outside can aim at a collision. An unknown kid is unknown with every algorithm; of
// a token without kid the algorithm is what was looked for.
func (u *Unknown) hash(kid, alg string) uint64 {
	if kid != "" {
		alg = ""
	}
	return maphash.Comparable(u.seed, [2]string{kid, alg})
}
