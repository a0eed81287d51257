package jwks

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
	"github.com/cardea-auth/cardea/jwks/internal/jwa"
	"github.com/cardea-auth/cardea/jwks/internal/pacing"
)

const (
	patience      = 2 * time.Second // no token waits longer for its key
	closePatience = time.Second
	burst         = 3 // extra fetches that can be saved up
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

	verified atomic.Bool // a key from here has verified something

	held atomic.Pointer[table] // nil: no usable key, be it not yet, not any more (MaxStale) or after Close

	mu        sync.Mutex // guards what follows; held is written under it
	closed    bool
	fetches   []*fetch // that have not ended, in the order in which they began: one, if none was overtaken
	count     uint64   // of the fetches that have begun
	lastBegan time.Time
	asked     time.Time // when a key was last asked for while none was held
	good      goodSet
	where     location
	plan      pacing.Plan
	failures  uint64 // fetches that failed
	unknown   *pacing.Unknown
	refetches pacing.Bucket // for keys that are known and do not verify
	timer     *time.Timer
}

// New checks cfg and returns a Cache without doing any I/O. The error names every mistake at once.
func New(cfg Config) (*Cache, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	cfg.warn()
	return newCache(cfg), nil
}

// newCache makes a Cache of a complete Config.
func newCache(cfg Config) *Cache {
	base, cancel := context.WithCancel(context.Background())
	return &Cache{
		cfg:       cfg,
		client:    download.NewClient(cfg.HTTPClient),
		base:      base,
		cancel:    cancel,
		unknown:   pacing.NewUnknown(burst, cfg.Cooldown),
		refetches: pacing.NewBucket(burst, cfg.Cooldown),
	}
}

// loading reports whether there is no answer to the first fetch yet.
func (c *Cache) loading() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.good.at.IsZero() && c.plan.Failure() == nil
}

// VerificationKeys returns the keys that may have signed a token with this kid (empty: it names none) and algorithm, as many as [Tries]
// wants to see: five at most that have the kid, or else nine, of each [Key.Issuer]. A kid that no key has is answered with the keys that have no id. The slice must not be changed. While keys are
// held and one fits, the call does no I/O, takes no lock and does not look at ctx.
//
// An unknown kid is looked for in a fresh set, as far as [Config.Cooldown] allows, and the call waits for it, at most two
// seconds. The error wraps [ErrKeyNotFound] if a set that is recent enough holds no such key, and [ErrUnavailable] if that cannot
// be told: the keys cannot be fetched, the fetch takes too long, ctx ended (its error is wrapped too) or the Cache is closed. An
// ErrKeyNotFound for which Cooldown allowed no fetch has a method Unsought() bool, which is true (found with errors.As): the key may have been
// published since the last one. Whoever must not refuse what nobody sends again asks later.
func (c *Cache) VerificationKeys(ctx context.Context, kid, alg string) ([]*Key, error) {
	w := waiter{question: question{kid, alg}}
	for {
		if keys, known := c.held.Load().find(kid, alg); len(keys) > 0 {
			return keys, nil
		} else if known {
			return nil, errNoKey
		}
		f, err := c.fetchFor(&w)
		if err != nil {
			return nil, err
		}
		if f, err = c.outcome(ctx, f, w.deadline); err != nil {
			return nil, err
		}
		if t := c.held.Load(); f.decided > w.since && t != nil {
			if keys, _ := t.find(kid, alg); len(keys) > 0 {
				return keys, nil
			}
			return nil, errNoKey
		}
	}
}

// waiter is a question that the keys held do not answer. A fetch that was under way when it came up may have read a set without the key,
// so only one that began later is the last word.
type waiter struct {
	question
	since    uint64 // the number of the last fetch that had begun when the question came up
	deadline time.Time
}

// arrive notes when the question came up.
func (w *waiter) arrive(count uint64, deadline time.Time) {
	if w.deadline.IsZero() {
		w.since, w.deadline = count, deadline
	}
}

// fetchFor names the fetch that may find the key, or answers at once.
func (c *Cache) fetchFor(w *waiter) (*fetch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	// No published set can ever hold a key for other algorithms, so they cannot cause a fetch.
	if alg := jwa.Named(w.alg); alg == nil || alg.Symmetric() {
		return nil, errNoKey
	}
	now := time.Now()
	w.arrive(c.count, now.Add(patience))
	t := c.held.Load()
	if t == nil {
		return c.firstFetch(now, w)
	}
	if _, known := t.find(w.kid, w.alg); known { // a fetch has just ended
		return done, nil
	}
	if c.unknown.InVain(now, t.generation, w.kid, w.alg) {
		return nil, unsoughtKey
	}
	f := c.current(now)
	if f == nil {
		if c.plan.Barred(now) || !c.unknown.Take(now) {
			return nil, c.unanswered(now, unsoughtKey)
		}
		f = c.begin(now, &fetch{}, nil)
	}
	if f.number > w.since {
		f.want(w.question)
	}
	return f, nil
}

// outcome waits for the fetch, and while there is no usable key for those beside it, and returns the one that succeeded.
func (c *Cache) outcome(ctx context.Context, f *fetch, deadline time.Time) (*fetch, error) {
	for {
		if err := c.wait(ctx, f, deadline); err != nil {
			return nil, err
		}
		if f.next == nil {
			return f, f.err
		}
		f = f.next
	}
}

// unanswered is the answer to a token that is not worth another fetch now. If the last one succeeded, so shortly ago, the token
// is taken for made up: an answer of "unavailable" would let a flood of such tokens trip the health checks of its victim.
func (c *Cache) unanswered(now time.Time, refusal error) error {
	if c.plan.Failure() == nil {
		return refusal
	}
	return c.unavailable(now)
}

// firstFetch is fetchFor without usable keys. Callers wait for the first fetch. Once it has failed, nobody waits for the tries
// that follow in the background; but a question after a quiet time starts a try of its own.
func (c *Cache) firstFetch(now time.Time, w *waiter) (*fetch, error) {
	c.asked = now
	f := c.newest()
	if f == nil {
		if now.Before(c.plan.Hurry()) {
			c.arm()
			return nil, c.unavailable(now)
		}
		f = c.begin(now, &fetch{}, nil)
		f.want(w.question)
		return f, nil
	}
	c.arm() // another may have to begin beside it
	if c.plan.Failures() > 0 && !c.promising(now) {
		return nil, c.unavailable(now)
	}
	return f, nil
}

// Refresh fetches the keys now, whatever the schedule says. Nil means that a fetch which began after the call has succeeded, so
// that a key withdrawn before it is gone. A fetch that is under way is waited for first; if it fails, and not only because its time was
// up, that is the answer. The error wraps [ErrUnavailable]; the keys held before stay. If the server says that it publishes none (404
// or 410 at every place where they could be, metadata without jwks_uri), the error has a method Absent() bool (found with errors.As).
//
// A server that is slower than the five seconds of other fetches is given until ctx ends, a minute at most; its keys then last until
// [Config.MaxStale], so Refresh has to be called again before. If ctx ends the call returns; the fetch goes on for the rest of
// its first five seconds, as others may wait for it.
func (c *Cache) Refresh(ctx context.Context) error {
	w := waiter{}
	for {
		f, err := c.fetchNow(ctx, &w)
		if err != nil {
			return err
		}
		if err := c.wait(ctx, f, w.deadline); err != nil {
			return err
		}
		if f.decided > w.since {
			return nil
		}
		if f.err != nil && (f.number > w.since || !f.timedOut) {
			return f.err
		}
	}
}

func (c *Cache) fetchNow(ctx context.Context, w *waiter) (*fetch, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errClosed
	}
	now := time.Now()
	w.arrive(c.count, now.Add(2*warmTimeout+closePatience))
	if f := c.newest(); f != nil {
		return f, nil
	}
	return c.begin(now, &fetch{patient: true}, ctx), nil
}

// Status describes a [Cache] at one moment.
type Status struct {
	_ [0]func()

	Keys        int       // that tokens can be verified with now, counted as the document lists them; zero: none, be it not yet, not any more or closed
	Skipped     int       // that the last good document held besides, and that are of no use
	LoadedAt    time.Time // end of the last successful fetch; zero: none yet
	ServerTime  time.Time // the time at LoadedAt by the server's clock, to the second: its Date field (RFC 9110 section 6.6.1); zero: it gave none
	NextRefresh time.Time // zero: none planned, before the first use and after Close
	LastError   error     // of the last fetch; nil: it succeeded, or there was none
	Failures    uint64    // fetches that failed since New, for a metric; it never falls
}

// Status returns the state of the cache without doing any I/O.
func (c *Cache) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{Skipped: len(c.good.skipped), LoadedAt: c.good.at, ServerTime: c.good.date, LastError: c.plan.Failure(), Failures: c.failures}
	if t := c.held.Load(); t != nil {
		s.Keys = len(t.entries)
	}
	if !c.closed {
		s.NextRefresh = c.plan.Next()
	}
	return s
}

// Held returns the keys that tokens can be verified with now, in the order of the document; those of a JWK without alg once for each
// algorithm that it fits. It does no I/O. Nil: none, be it not yet, not any more or closed.
func (c *Cache) Held() []*Key { return c.held.Load().all() }

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
	running := slices.Clone(c.fetches)
	c.mu.Unlock()
	limit := time.NewTimer(closePatience)
	defer limit.Stop()
	for _, f := range running {
		select {
		case <-f.ended:
		case <-limit.C:
			return nil
		}
	}
	return nil
}
