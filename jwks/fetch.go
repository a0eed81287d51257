package jwks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/jwks/internal/download"
	"github.com/cardea-auth/cardea/jwks/internal/keydoc"
	"github.com/cardea-auth/cardea/jwks/internal/pacing"
)

const (
	fetchTimeout = 5 * time.Second  // metadata and keys together, to the last byte
	warmTimeout  = 60 * time.Second // the same for a fetch that Refresh began
)

// fetch is one fetch of the keys, shared by all who wait for it.
type fetch struct {
	number     uint64 // the fetches of a Cache are counted from one
	began      time.Time
	background bool       // begun by the schedule or beside another, and not by a call
	patient    bool       // begun by Refresh, so that it may take as long as its caller does
	wanted     []question // ids that are unknown for good if this fetch does not bring them

	client *http.Client
	where  location // its own, as there may be another fetch: what was known when it began, and what it has found since
	cut    context.CancelFunc
	word   atomic.Int64 // when the server last said something, as the time since began

	done     chan struct{} // closed once it is known what came of it; then the following may be read
	err      error
	timedOut bool   // with err: its time was up
	next     *fetch // with err: another that is under way and may still bring the keys that nobody has
	decided  uint64 // the number of the fetch that brought what is held now; zero with err

	overtaken bool          // another one has brought keys, so what this one brings is dropped; guarded by the lock of the Cache
	ended     chan struct{} // closed when it has left the caller's transport
}

// done is a fetch that has ended.
var done = func() *fetch {
	f := &fetch{done: make(chan struct{})}
	close(f.done)
	return f
}()

// want is bounded by what can be remembered in the end.
func (f *fetch) want(q question) {
	if len(f.wanted) < pacing.Remembered {
		f.wanted = append(f.wanted, q)
	}
}

// get gets one of the documents.
func (f *fetch) get(ctx context.Context, address string, validators http.Header) (*download.Response, error) {
	ask := download.Getter{Client: f.client, Heard: func() { f.word.Store(int64(time.Since(f.began))) }}
	r, err := ask.Get(ctx, address, validators)
	if err != nil {
		return nil, refused(address, err)
	}
	return r, nil
}

// refused says which document an error is about.
func refused(address string, err error) error {
	return fmt.Errorf("GET %s: %w", printable(address), err)
}

// lastWord is when the server last said something; at first, when it was asked.
func (f *fetch) lastWord() time.Time { return f.began.Add(time.Duration(f.word.Load())) }

// goodSet is the last set that was worth keeping. Its keys are not thrown away when they become stale: a refresh that
// brings them again must find what they are bound to.
type goodSet struct {
	table   *table
	skipped []skip
	at      time.Time
	date    time.Time // that the server gave; zero: none
}

// begin begins a fetch. The caller holds the lock and has seen that there may be one. The patron of a patient one is the context of
// the call that began it.
func (c *Cache) begin(now time.Time, f *fetch, patron context.Context) *fetch {
	beside := c.newest()
	c.count++
	c.lastBegan = now
	f.number, f.began, f.where, f.client = c.count, now, c.where, c.client
	f.done, f.ended = make(chan struct{}), make(chan struct{})
	if beside != nil {
		f.wanted = slices.Clone(beside.wanted) // all older than this fetch
	}
	if beside != nil || c.plan.Failures() > 0 {
		f.client = download.FreshClient(c.client)
	}
	limit := fetchTimeout
	if f.patient {
		limit = warmTimeout
	}
	ctx, cut := context.WithTimeout(c.base, limit)
	f.cut = cut
	c.fetches = append(c.fetches, f)
	c.arm()
	go c.run(ctx, f, patron)
	return f
}

func (c *Cache) run(ctx context.Context, f *fetch, patron context.Context) {
	defer f.cut()
	if f.patient {
		// Others may have joined, so it gets the time of any other fetch even if its caller leaves at once.
		stop := context.AfterFunc(patron, func() { time.AfterFunc(time.Until(f.began.Add(fetchTimeout)), f.cut) })
		defer stop()
	}
	found, err := c.guarded(ctx, f)
	f.timedOut = ctx.Err() != nil
	report := c.finish(f, found, err)
	close(f.ended)
	report()
}

// guarded is load for code of the caller's, which a transport is: a panic of it on this goroutine, which nobody else watches, would
// end the program.
func (c *Cache) guarded(ctx context.Context, f *fetch) (found *document, err error) {
	defer func() {
		if value := recover(); value != nil {
			found, err = nil, fmt.Errorf("the HTTPClient panicked (%T)", value)
		}
	}()
	return c.load(ctx, f)
}

// finish puts the outcome of a fetch into effect. The report is written by the caller, as a log may block.
func (c *Cache) finish(f *fetch, found *document, err error) (report func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fetches = slices.DeleteFunc(c.fetches, func(other *fetch) bool { return other == f })
	if f.overtaken {
		return func() {}
	}
	defer close(f.done)
	if c.closed {
		f.err = errClosed
		return func() {}
	}
	if err != nil {
		return c.noteFailure(f, err)
	}
	return c.keep(f, found)
}

func (c *Cache) noteFailure(f *fetch, err error) (report func()) {
	now := time.Now()
	if !f.where.found.Before(c.where.found) {
		c.where = f.where
	}
	c.failures++
	var status *download.StatusError
	var stayAway time.Duration
	if errors.As(err, &status) {
		stayAway = status.After
	}
	news := c.plan.Failed(now, err, stayAway)
	f.err = c.unavailable(now)
	if c.held.Load() == nil {
		f.next = c.newest()
	}
	c.arm()
	return func() {
		if news {
			c.cfg.logger().Warn("jwks: the keys could not be fetched", "source", c.source(), "error", err)
		}
	}
}

func (c *Cache) keep(f *fetch, found *document) (report func()) {
	now := time.Now()
	f.decided = f.number
	for _, other := range c.fetches {
		other.giveWay(f)
	}
	before := c.good
	c.where = f.where
	c.good = goodSet{table: before.table, skipped: before.skipped, at: now, date: download.DateOf(found.header)}
	if !found.unchanged {
		c.good.skipped = found.set.skipped
		if t := newTable(found.set.entries, before.table, &c.verified); !t.sameAs(before.table) {
			c.good.table = t
		}
	}
	c.good.table.settle(c.where.Signs)
	for _, q := range f.wanted {
		if _, known := c.good.table.find(q.kid, q.alg); !known {
			c.unknown.Remember(now, c.good.table.generation, q.kid, q.alg)
		}
	}
	c.held.Store(c.good.table)
	recovered := c.plan.Succeeded(now, c.cfg.refreshAfter(found.header))
	c.arm()
	skipped := c.good.skipped
	return func() {
		if recovered {
			c.cfg.logger().Info("jwks: the keys can be fetched again", "source", c.source())
		}
		if len(skipped) > 0 && !slices.Equal(skipped, before.skipped) {
			level := slog.LevelDebug
			if slices.ContainsFunc(skipped, func(s skip) bool { return !keydoc.ForOtherUse(s.reason) }) {
				level = slog.LevelWarn
			}
			c.cfg.logger().Log(c.base, level, "jwks: some keys of the set are not used", "source", c.source(), "skipped", texts(skipped))
		}
	}
}

func texts(skipped []skip) []string {
	list := make([]string, len(skipped))
	for i, s := range skipped {
		list[i] = s.String()
	}
	return list
}

// source names the issuer or address in logs.
func (c *Cache) source() string {
	if c.cfg.Issuer != "" {
		return c.cfg.Issuer
	}
	return printable(c.cfg.URL)
}

// document is a key set as it came, or the news that it has not changed.
type document struct {
	unchanged bool
	set       keySet
	header    http.Header
}

// load fetches the key document, and the issuer's metadata before it where that is due. It runs without the lock.
func (c *Cache) load(ctx context.Context, f *fetch) (*document, error) {
	address, err := c.locate(ctx, f)
	if err != nil {
		return nil, err
	}
	found, err := f.loadKeys(ctx, address)
	f.where.suspect = err != nil
	var status *download.StatusError
	if c.cfg.URL != "" && errors.As(err, &status) && status.Missing() {
		err = absentError{err}
	}
	return found, err
}

func (f *fetch) loadKeys(ctx context.Context, address string) (*document, error) {
	var validators http.Header
	if f.where.validated == address {
		validators = f.where.validators
	}
	r, err := f.get(ctx, address, validators)
	if err != nil {
		return nil, err
	}
	if r.Unchanged {
		return &document{unchanged: true, header: r.Header}, nil
	}
	set, err := parseSet(r.Body)
	if err == nil {
		err = set.unusable()
	}
	if err != nil {
		return nil, refused(address, err)
	}
	f.where.validated, f.where.validators = address, download.ValidatorsOf(r.Header)
	return &document{set: set, header: r.Header}, nil
}

// wait returns nil when it is known what came of the fetch.
func (c *Cache) wait(ctx context.Context, f *fetch, deadline time.Time) error {
	waiting, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case <-f.done:
		return nil
	case <-c.base.Done():
		return errClosed
	case <-waiting.Done():
	}
	if err := ctx.Err(); err != nil {
		return &unavailable{cause: err}
	}
	return &unavailable{cause: errSlow, after: pacing.Urgent}
}

var errSlow = errors.New("the issuer has not answered yet")
