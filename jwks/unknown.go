package jwks

import (
	"hash/maphash"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	burst       = 3    // extra fetches that can be saved up
	rememberIDs = 1024 // unknown kids remembered at a time, as hashes: an entry is small whatever its length
)

// unsought says that a key is not among those held and that nobody has looked further: the fetches that tokens can cause are spent, or one
// was made in vain for the same id just now. It may have been published since.
type unsought struct{ error }

func (e unsought) Unwrap() error { return e.error }

// Unsought tells others that this is no last word on the key.
func (e unsought) Unsought() bool { return true }

// unsoughtKey and unsoughtNewKey are one value each, as what they wrap.
var (
	unsoughtKey    error = unsought{errNoKey}
	unsoughtNewKey error = unsought{errNoNewKey}
)

// unknown decides whether an id that the keys do not hold is worth a fetch. Anyone can invent ids, so the fetches come from a
// bucket; and an id that was just looked up in vain does not draw from it again, or one misconfigured client would
// keep it empty when the keys really rotate. Its owner's lock guards it.
type unknown struct {
	bucket
	seed maphash.Seed
	vain *simplelru.LRU[uint64, sighting]
}

// bucket holds fetches that tokens can cause. Its owner's lock guards it.
type bucket struct {
	cooldown time.Duration // in which one more becomes available
	most     int           // that can be saved up
	tokens   int
	since    time.Time // from when on the next token is growing
}

func newBucket(cooldown time.Duration) bucket {
	return bucket{cooldown: cooldown, most: burst, tokens: burst}
}

// sighting: at this time the id was missing from a set that had just been fetched.
type sighting struct {
	at         time.Time
	generation uint64
}

func newUnknown(cooldown time.Duration) *unknown {
	vain, _ := simplelru.NewLRU[uint64, sighting](rememberIDs, nil) // fails for a size below one only
	return &unknown{bucket: newBucket(cooldown), seed: maphash.MakeSeed(), vain: vain}
}

// take draws a fetch from the bucket, if there is one.
func (b *bucket) take(now time.Time) bool {
	if b.tokens < b.most {
		grown := min(int64(b.most-b.tokens), int64(now.Sub(b.since)/b.cooldown))
		b.tokens += int(grown)
		b.since = b.since.Add(time.Duration(grown) * b.cooldown)
	}
	if b.tokens == b.most {
		b.since = now
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}

// remember that the id is not in the set of this generation.
func (u *unknown) remember(now time.Time, generation uint64, q question) {
	u.vain.Add(u.hash(q), sighting{now, generation})
}

// inVain reports whether the id was looked up in this very set less than a cool-down ago.
func (u *unknown) inVain(now time.Time, generation uint64, q question) bool {
	seen, ok := u.vain.Get(u.hash(q))
	return ok && seen.generation == generation && now.Sub(seen.at) < u.cooldown
}

// hash bounds what is stored, and nobody outside can aim at a collision. An unknown kid is unknown with every algorithm; of
// a token without kid the algorithm is what was looked for.
func (u *unknown) hash(q question) uint64 {
	if q.kid != "" {
		q.alg = ""
	}
	return maphash.Comparable(u.seed, q)
}
