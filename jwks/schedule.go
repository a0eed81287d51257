package jwks

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
)

const (
	minRefresh    = time.Minute     // whatever Cache-Control says
	firstBackoff  = time.Second     // after the first failure, doubled by each further one …
	lastBackoff   = time.Minute     // … up to this
	urgentBackoff = 2 * time.Second // while there is no key to verify with and requests wait for one
)

// plan is when to fetch next, and why. The lock of the Cache guards it.
type plan struct {
	next     time.Time // zero: nothing was fetched yet, so nothing is planned
	barred   time.Time // until then the server has asked us to stay away
	ended    time.Time // the last fetch
	failures int       // in a row
	failure  error     // of the last fetch
	told     time.Time // when the failure was last written to the log
}

func (p *plan) succeeded(now time.Time, refreshAfter time.Duration) (recovered bool) {
	recovered = p.failures > 0
	*p = plan{next: now.Add(refreshAfter), ended: now}
	return recovered
}

// failed reports whether the log should know: of an outage that lasts it is told twice a minute at most.
func (p *plan) failed(now time.Time, err error) (news bool) {
	if news = p.failures == 0 || now.Sub(p.told) >= lastBackoff/2; news {
		p.told = now
	}
	p.failures++
	p.failure, p.ended = err, now
	var status *download.StatusError
	if errors.As(err, &status) && status.After > 0 {
		p.barred = now.Add(status.After)
	}
	p.next = later(now.Add(backoff(p.failures)), p.barred)
	return news
}

// hurry brings the next try forward, because a token waits for a key. It returns the earliest time at which it may be.
func (p *plan) hurry() time.Time {
	if p.failures == 0 {
		return time.Time{}
	}
	earliest := later(p.ended.Add(urgentBackoff), p.barred)
	if earliest.Before(p.next) {
		p.next = earliest
	}
	return p.next
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// arm sets the one timer to whatever comes first: the next fetch, or the end of the keys that are held.
func (c *Cache) arm() {
	at := c.plan.next
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
	due := !now.Before(c.plan.next)
	if end := c.staleAt(); !end.IsZero() && !now.Before(end) {
		c.held.Store(nil)
		due = !now.Before(c.plan.barred) // the first token without keys shall find a try under way
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
	cause, after := c.plan.failure, max(0, c.plan.next.Sub(now))
	if cause == nil {
		cause = errSlow
	}
	if c.newest() != nil {
		after = urgentBackoff
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
	return jitter(interval)
}

// backoff is the pause after so many failures in a row.
func backoff(failures int) time.Duration {
	const doublings = 6 // 1 s, 2 s, 4 s … 32 s, then the limit
	return jitter(min(lastBackoff, firstBackoff<<min(failures-1, doublings)))
}

// jitter spreads the fetches of many processes over the last tenth of d. It never prolongs: intervals are upper bounds.
func jitter(d time.Duration) time.Duration {
	return d - rand.N(d/10+1)
}
