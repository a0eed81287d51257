package jwks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// flight is one fetch, shared by all who wait for it.
type flight struct {
	done       chan struct{}
	err        error      // to be read once done is closed
	background bool       // begun by the schedule, not by a call
	wanted     []question // ids that are unknown for good if this fetch does not bring them
}

// done is a flight that has landed.
var done = func() *flight {
	f := &flight{done: make(chan struct{})}
	close(f.done)
	return f
}()

// want is bounded by what can be remembered in the end.
func (f *flight) want(q question) {
	if len(f.wanted) < rememberIDs {
		f.wanted = append(f.wanted, q)
	}
}

// goodSet is the last set that was worth keeping. Its keys are not thrown away when they become stale: a refresh that
// brings them again must find what they are bound to.
type goodSet struct {
	table   *table
	skipped []skip
	at      time.Time
}

// start begins a fetch. The caller holds the lock and has seen that there is none.
func (c *Cache) start(background bool) {
	c.flight = &flight{done: make(chan struct{}), background: background}
	c.arm()
	go c.run(c.flight)
}

func (c *Cache) run(f *flight) {
	ctx, cancel := context.WithTimeout(c.base, fetchTimeout)
	defer cancel()
	found, err := c.guarded(ctx)
	report := c.land(f, found, err)
	close(f.done)
	report()
}

// guarded is load for code of the caller's, which a transport is: a panic of it on this goroutine, which nobody else watches, would
// end the program.
func (c *Cache) guarded(ctx context.Context) (found *document, err error) {
	defer func() {
		if value := recover(); value != nil {
			found, err = nil, fmt.Errorf("the HTTPClient panicked (%T)", value)
		}
	}()
	return c.load(ctx)
}

// land puts the outcome of a fetch into effect. The report is written by the caller, as a log may block.
func (c *Cache) land(f *flight, found *document, err error) (report func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flight = nil
	if c.closed {
		f.err = errClosed
		return func() {}
	}
	now := time.Now()
	if err != nil {
		c.failed++
		news := c.plan.failed(now, err)
		f.err = c.unavailable(now)
		c.arm()
		return func() {
			if news {
				c.cfg.Logger.Warn("jwks: the keys could not be fetched", "source", c.source(), "error", err)
			}
		}
	}

	before := c.good
	c.good = goodSet{table: before.table, skipped: before.skipped, at: now}
	if !found.unchanged {
		c.good.skipped = found.set.skipped
		if t := newTable(found.set.entries, before.table); !t.sameAs(before.table) {
			c.good.table = t
		}
	}
	c.good.table.settle(c.where.signs)
	for _, q := range f.wanted {
		if _, known := c.good.table.find(q.kid, q.alg); !known {
			c.unknown.remember(now, c.good.table.generation, q)
		}
	}
	c.held.Store(c.good.table)
	recovered := c.plan.succeeded(now, c.cfg.refreshAfter(found.header))
	c.arm()
	skipped := c.good.skipped
	return func() {
		if recovered {
			c.cfg.Logger.Info("jwks: the keys can be fetched again", "source", c.source())
		}
		if len(skipped) > 0 && !slices.Equal(skipped, before.skipped) {
			c.cfg.Logger.Warn("jwks: some keys of the set are not used", "source", c.source(), "skipped", texts(skipped))
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

// load fetches the key document, and the issuer's metadata before it where that is due. It runs without the lock; as there is one
// flight at a time, c.where is its own.
func (c *Cache) load(ctx context.Context) (*document, error) {
	address, err := c.locate(ctx)
	if err != nil {
		return nil, err
	}
	found, err := c.loadKeys(ctx, address)
	c.where.suspect = err != nil
	return found, err
}

func (c *Cache) loadKeys(ctx context.Context, address string) (*document, error) {
	var validators http.Header
	if c.where.validated == address {
		validators = c.where.validators
	}
	r, err := get(ctx, c.client, address, validators)
	if err != nil {
		return nil, err
	}
	if r.unchanged {
		return &document{unchanged: true, header: r.header}, nil
	}
	set, err := parseSet(r.body)
	if err == nil {
		err = set.unusable()
	}
	if err != nil {
		return nil, refused(address, err)
	}
	c.where.validated, c.where.validators = address, validatorsOf(r.header)
	return &document{set: set, header: r.header}, nil
}

// wait returns nil when the flight has landed.
func (c *Cache) wait(ctx context.Context, f *flight, deadline time.Time) error {
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
	return &unavailable{cause: errSlow, after: urgentBackoff}
}

var errSlow = errors.New("the issuer has not answered yet")
