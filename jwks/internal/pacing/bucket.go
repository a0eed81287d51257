package pacing

import "time"

// Bucket holds fetches that tokens can cause. Make it with [NewBucket].
type Bucket struct {
	cooldown time.Duration // in which one more becomes available
	most     int           // that can be saved up
	tokens   int
	since    time.Time // from when on the next token is growing
}

// NewBucket returns a full Bucket of so many fetches. In each cooldown, which is not zero, one more becomes available.
func NewBucket(most int, cooldown time.Duration) Bucket {
	return Bucket{cooldown: cooldown, most: most, tokens: most}
}

// Take draws a fetch from the bucket, if there is one.
func (b *Bucket) Take(now time.Time) bool {
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
