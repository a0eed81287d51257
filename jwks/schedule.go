package jwks

import (
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
	"github.com/cardea-auth/cardea/jwks/internal/pacing"
)

const minRefresh = time.Minute // whatever Cache-Control says

// arm sets the one timer to whatever comes first: the next fetch, or the end of the keys that are held.
func (c *Cache) arm() {
	at := c.plan.Next()
	if c.newest() != nil {
		at = c.overtakeAt()
	}
	if end := c.staleAt(); !end.IsZero() && (at.IsZero() || end.Before(at)) {
		at = end
	}
	switch {
	case at.IsZero() && c.timer == nil:
	case at.IsZero():
		c.timer.Stop()
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(at), c.tick)
	default:
		c.timer.Reset(time.Until(at))
	}
}

// staleAt is when the keys end for which tokens are now admitted; zero: never.
func (c *Cache) staleAt() time.Time {
	if c.held.Load() == nil || c.cfg.MaxStale < 0 {
		return time.Time{}
	}
	return c.good.at.Add(c.cfg.MaxStale)
}

func (c *Cache) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	now := time.Now()
	due := !now.Before(c.plan.Next())
	if end := c.staleAt(); !end.IsZero() && !now.Before(end) {
		c.held.Store(nil)
		due = !c.plan.Barred(now) // the first token without keys shall find a try under way
	}
	if c.newest() == nil && due {
		c.begin(now, &fetch{background: true}, nil)
		return
	}
	if !c.overtake(now) {
		c.arm()
	}
}

// unavailable is the answer while the keys cannot be told.
func (c *Cache) unavailable(now time.Time) error {
	cause, after := c.plan.Failure(), max(0, c.plan.Next().Sub(now))
	if cause == nil {
		cause = errSlow
	}
	if c.newest() != nil {
		after = pacing.Urgent
	}
	return &unavailable{cause: cause, after: after}
}

// refreshAfter is how long a fetched set is used before the next fetch. The configured interval is the upper bound,
// because a withdrawn key lives as long; the lower one keeps max-age=0 from becoming a fetch per second.
func (cfg *Config) refreshAfter(h http.Header) time.Duration {
	interval := cfg.Refresh
	if age, ok := download.Freshness(h); ok {
		lowest := min(max(minRefresh, cfg.Cooldown), cfg.Refresh)
		interval = min(max(age, lowest), cfg.Refresh)
	}
	return pacing.Jitter(interval)
}
