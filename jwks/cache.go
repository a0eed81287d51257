package jwks

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	patience      = 2 * time.Second // no token waits longer for its key
	closePatience = time.Second
)

// Cache holds one issuer's keys and keeps them fresh. It is safe for concurrent use. Nothing is fetched and no goroutine runs
// before the first call; from then on keys are fetched ahead of time in the background until [Cache.Close]. A Cache
// that was used and is dropped without Close goes on fetching.
type Cache struct {
	_ [0]func()

	cfg    Config
	client *http.Client
	base   context.Context // what every fetch runs under: no caller's, as a caller that leaves must not end it for the others
	cancel context.CancelFunc

	held atomic.Pointer[table] // nil: no usable key, be it not yet, not any more (MaxStale) or after Close

	mu      sync.Mutex // guards what follows; held is written under it
	closed  bool
	flight  *flight // nil: none
	good    goodSet
	plan    plan
	failed  uint64 // fetches
	unknown *unknown
	timer   *time.Timer

	where location // belongs to the flight
}

// New checks cfg and returns a Cache without doing any I/O. The error names every mistake at once.
func New(cfg Config) (*Cache, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	base, cancel := context.WithCancel(context.Background())
	return &Cache{
		cfg:     cfg,
		client:  newClient(cfg.HTTPClient),
		base:    base,
		cancel:  cancel,
		unknown: newUnknown(cfg.Cooldown),
	}, nil
}

// VerificationKeys returns the keys, at most four, that may have signed a token with this kid (empty: it names none) and
// algorithm. A kid that no key has is answered with the keys that have no id. The slice must not be changed. While keys are
// held and one fits, the call does no I/O, takes no lock and does not look at ctx.
//
// An unknown kid is looked for in a fresh set, as far as [Config.Cooldown] allows, and the call waits for it, at most two
// seconds. The error wraps [ErrKeyNotFound] if a set that is recent enough holds no such key, and [ErrUnavailable] if that cannot
// be told: the keys cannot be fetched, the fetch takes too long, ctx ended (its error is wrapped too) or the Cache is closed.
func (c *Cache) VerificationKeys(ctx context.Context, kid, alg string) ([]*Key, error) {
	var deadline time.Time
	for joined := false; ; joined = true {
		if t := c.held.Load(); t != nil {
			if keys, known := t.find(kid, alg); len(keys) > 0 {
				return keys, nil
			} else if known {
				return nil, errNoKey
			}
		}
		f, fresh, err := c.flightFor(question{kid, alg}, joined)
		if err != nil {
			return nil, err
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(patience)
		}
		if err := c.wait(ctx, f, deadline); err != nil {
			return nil, err
		}
		if f.err != nil {
			return nil, f.err
		}
		if t := c.held.Load(); fresh && t != nil {
			if keys, _ := t.find(kid, alg); len(keys) > 0 {
				return keys, nil
			}
			return nil, errNoKey
		}
	}
}

// flightFor names the fetch that may find the key, or answers at once. It is fresh if it began after the question came up, so
// that its set is the last word. A fetch that was joined began earlier; after it the question may be put once more.
func (c *Cache) flightFor(q question, joined bool) (f *flight, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false, errClosed
	}
	// No published set can ever hold a key for other algorithms, so they cannot cause a fetch.
	if alg := algorithmNamed(q.alg); alg == nil || alg.symmetric() {
		return nil, false, errNoKey
	}
	now := time.Now()
	t := c.held.Load()
	if t == nil {
		return c.firstFlight(now, q)
	}
	if _, known := t.find(q.kid, q.alg); known { // a fetch has just ended
		return done, false, nil
	}
	if c.unknown.inVain(now, t.generation, q) {
		return nil, false, errNoKey
	}
	if c.flight == nil {
		if now.Before(c.plan.barred) || !c.unknown.take(now) {
			return nil, false, c.unanswered(now)
		}
		c.start(false)
		joined = true
	}
	if joined {
		c.flight.want(q)
	}
	return c.flight, joined, nil
}

// unanswered says what an id is that is not worth another fetch now. If the last one succeeded, so shortly ago, the id
// is taken for made up: an answer of "unavailable" would let a flood of such ids trip the health checks of its victim.
func (c *Cache) unanswered(now time.Time) error {
	if c.plan.failure == nil {
		return errNoKey
	}
	return c.unavailable(now)
}

// firstFlight is flightFor without usable keys. Callers wait for the first fetch. Once it has failed, nobody waits for the tries
// that follow in the background; but a question after a quiet time starts a try of its own.
func (c *Cache) firstFlight(now time.Time, q question) (f *flight, fresh bool, err error) {
	if c.flight != nil {
		if c.flight.background && c.plan.failures > 0 {
			return nil, false, c.unavailable(now)
		}
		return c.flight, false, nil
	}
	if now.Before(c.plan.hurry()) {
		c.arm()
		return nil, false, c.unavailable(now)
	}
	c.start(false)
	c.flight.want(q)
	return c.flight, true, nil
}

// Refresh fetches the keys now, whatever the schedule says. Nil means that a fetch which began after the call has succeeded, so
// that a key withdrawn before it is gone. A fetch that is under way is waited for first; if it fails, that is the
// answer. The error wraps [ErrUnavailable]; the keys held before stay. If ctx ends the call returns, and the fetch goes on.
func (c *Cache) Refresh(ctx context.Context) error {
	deadline := time.Now().Add(2*fetchTimeout + closePatience)
	for joined := false; ; joined = true {
		f, fresh, err := c.flightNow(joined)
		if err != nil {
			return err
		}
		if err := c.wait(ctx, f, deadline); err != nil {
			return err
		}
		if f.err != nil || fresh {
			return f.err
		}
	}
}

func (c *Cache) flightNow(joined bool) (f *flight, fresh bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false, errClosed
	}
	if c.flight != nil {
		return c.flight, joined, nil
	}
	c.start(false)
	return c.flight, true, nil
}

// Status describes a [Cache] at one moment.
type Status struct {
	_ [0]func()

	Keys        int       // that tokens can be verified with now, counted as the document lists them; zero: none, be it not yet, not any more or closed
	Skipped     int       // that the last good document held besides, and that are of no use
	LoadedAt    time.Time // end of the last successful fetch; zero: none yet
	NextRefresh time.Time // zero: none planned, before the first use and after Close
	LastError   error     // of the last fetch; nil: it succeeded, or there was none
	Failures    uint64    // fetches that failed since New, for a metric; it never falls
}

// Status returns the state of the cache without doing any I/O.
func (c *Cache) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Skipped: len(c.good.skipped), LoadedAt: c.good.at, LastError: c.plan.failure, Failures: c.failed}
	if t := c.held.Load(); t != nil {
		s.Keys = len(t.entries)
	}
	if !c.closed {
		s.NextRefresh = c.plan.next
	}
	return s
}

// Close ends every fetch and the schedule; from then on all calls fail with [ErrUnavailable]. It waits for what the Cache started,
// a second at most. It may be called again and concurrently, and returns nil.
func (c *Cache) Close() error {
	c.mu.Lock()
	c.closed = true
	c.cancel()
	c.held.Store(nil)
	if c.timer != nil {
		c.timer.Stop()
	}
	f := c.flight
	c.mu.Unlock()
	if f == nil {
		return nil
	}
	limit := time.NewTimer(closePatience)
	defer limit.Stop()
	select {
	case <-f.done:
	case <-limit.C:
	}
	return nil
}
