package introspection

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxWaiting = 16384 // callers, over all tokens
	closeGrace = time.Second

	landingTime = 50 * time.Millisecond // from the end of a request's context to the end of the request
)

var (
	errClosed  = &failure{reason: "the Client is closed"}
	errCrowded = &failure{reason: "too many callers are waiting", retryAfter: time.Second}
	errNoEnd   = &failure{reason: "the request was given up: the transport, the signer or a function of Config panicked"}
)

// flights sends one request per token, whoever and however many wait for its answer, and at most limit at once. The
// others queue; one that everybody has left is never sent, one that was sent goes on for whoever asks next.
type flights struct {
	limit   int
	timeout time.Duration
	reuse   time.Duration // how old a question may be for a new caller to take its answer
	cache   *cache
	blocked func(now time.Time) error
	ask     func(ctx context.Context, token string) (*Response, error)
	crashed func(value any)
	recall  func(ctx context.Context, f *flight) *Response // what another instance was told; nil: nothing that may be used
	share   func(f *flight, response *Response)
	shared  func() bool // recall may find something

	errTimeout, errQueued *failure

	base    context.Context // of every request, ended by close; no caller's values or cancellation reach a request
	cancel  context.CancelCauseFunc
	closed  atomic.Bool
	drained chan struct{} // closed when closed and nothing runs

	mu      sync.Mutex
	table   map[digest]*flight // the newest flight of each token
	queue   list.List          // of *flight
	running int
	waiting int
}

// flight is one request. done is closed when response or err is set.
type flight struct {
	key     digest
	token   string
	asked   time.Time     // zero: still in the queue
	place   *list.Element // in the queue; nil once sent
	waiters int

	done     chan struct{}
	response *Response
	err      error
}

func newFlights(s settings, c *Client) *flights {
	fs := &flights{
		limit:      s.MaxInFlight,
		timeout:    s.Timeout,
		reuse:      min(s.activeTTL, s.inactiveTTL, s.Timeout),
		cache:      c.cache,
		blocked:    c.blocked,
		ask:        c.ask,
		crashed:    c.crashed,
		recall:     c.recall,
		share:      c.share,
		shared:     func() bool { return c.shared.Readable() },
		errTimeout: &failure{reason: fmt.Sprintf("the server did not answer within %v", s.Timeout), blame: blameServer},
		errQueued: &failure{
			reason:     fmt.Sprintf("the request could not be sent within %v: as many as Config.MaxInFlight allows (%d) are in flight", s.Timeout, s.MaxInFlight),
			retryAfter: time.Second,
		},
		drained: make(chan struct{}),
		table:   make(map[digest]*flight),
	}
	fs.base, fs.cancel = context.WithCancelCause(context.Background())
	return fs
}

// do waits for the answer about one token at most for the timeout, counted from now.
func (fs *flights) do(ctx context.Context, key digest, token string) (*Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, callerGone(err)
	}
	f, response, err := fs.join(key, token)
	if f == nil {
		return response, err
	}
	fs.await(ctx, f)
	sent := fs.leave(f)

	select {
	case <-f.done:
		return f.response, f.err
	default:
	}
	switch {
	case fs.closed.Load():
		return nil, errClosed
	case ctx.Err() != nil:
		return nil, callerGone(ctx.Err())
	case !sent:
		return nil, fs.errQueued
	}
	return nil, fs.errTimeout
}

func (fs *flights) await(ctx context.Context, f *flight) {
	patience := time.NewTimer(fs.timeout)
	defer patience.Stop()
	for overtime := false; ; overtime = true {
		select {
		case <-f.done:
		case <-ctx.Done():
		case <-fs.base.Done():
		case <-patience.C:
			// A request that was sent when this caller came is being cut at this very moment. It knows best how it ended.
			if !overtime && fs.due(f) {
				patience.Reset(landingTime)
				continue
			}
		}
		return
	}
}

// due tells whether the request has had all its time.
func (fs *flights) due(f *flight) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return f.place == nil && time.Since(f.asked) >= fs.timeout
}

func callerGone(err error) error {
	return &failure{reason: "the caller stopped waiting", cause: err}
}

// join finds the flight to wait for, or the response when it was cached meanwhile, or the error why there is neither.
func (fs *flights) join(key digest, token string) (*flight, *Response, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.closed.Load() {
		return nil, nil, errClosed
	}
	if fs.waiting >= maxWaiting {
		return nil, nil, errCrowded
	}
	now := time.Now()
	f := fs.table[key]
	if f == nil || !f.serves(now, fs.reuse) {
		// A flight may have landed since the caller looked. It fills the cache before it leaves the table.
		if response := fs.cache.load(key, now); response != nil {
			return nil, response, nil
		}
		if err := fs.blocked(now); err != nil && !fs.shared() {
			return nil, nil, err
		}
		f = &flight{key: key, token: token, done: make(chan struct{}), err: errNoEnd}
		fs.table[key] = f
		fs.dispatch(f, now)
	}
	f.waiters++
	fs.waiting++
	return f, nil, nil
}

// serves tells whether the answer will do for a caller who comes now. With the cache off, a question that was sent before
// the call is as stale as a cached answer; and a question past the timeout, to which a transport clings, will have none.
func (f *flight) serves(now time.Time, reuse time.Duration) bool {
	return f.place != nil || now.Sub(f.asked) < reuse
}

func (fs *flights) dispatch(f *flight, now time.Time) {
	if fs.running >= fs.limit {
		f.place = fs.queue.PushBack(f)
		return
	}
	fs.running++
	f.asked = now
	go fs.fly(f)
}

// leave takes one caller off and reports whether the request had been sent.
func (fs *flights) leave(f *flight) (sent bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.waiting--
	f.waiters--
	if f.place == nil {
		return true
	}
	if f.waiters == 0 {
		fs.queue.Remove(f.place)
		fs.forget(f)
	}
	return false
}

func (fs *flights) forget(f *flight) {
	if fs.table[f.key] == f {
		delete(fs.table, f.key)
	}
}

// fly sends the request. It runs code of the caller's (transport, signer, token function), so it must land whatever that
// code does: panic or end the goroutine.
func (fs *flights) fly(f *flight) {
	widenStack(0)
	defer fs.land(f)
	defer fs.rescue()
	ctx, cancel := fs.limited()
	defer cancel()
	if f.token == ownToken {
		f.response, f.err = fs.ask(ctx, f.token)
		return
	}
	if response := fs.recall(ctx, f); response != nil {
		f.response, f.err = response, nil
		return
	}
	response, err := fs.ask(ctx, f.token)
	if err == nil && fs.cache.store(f.key, response, f.asked) {
		fs.share(f, response)
	}
	f.response, f.err = response, err
}

// widenStack has the stack of a new goroutine grow while next to nothing stands there. net/http's client needs several times what one begins
// with, and growing under it step by step, with all that is to be copied, took a twelfth of a question's CPU time. at keeps the room from
// being optimised away.
//
//go:noinline
func widenStack(at int) byte {
	var room [6 << 10]byte
	return room[at]
}

// beside runs a further request, which belongs to no token's flight, if there is a place for it at once.
func (fs *flights) beside(ask func(ctx context.Context)) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.running >= fs.limit || fs.closed.Load() {
		return false
	}
	fs.running++
	go func() {
		defer fs.end()
		defer fs.rescue()
		ctx, cancel := fs.limited()
		defer cancel()
		ask(ctx)
	}()
	return true
}

func (fs *flights) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(fs.base, fs.timeout, fs.errTimeout)
}

func (fs *flights) rescue() {
	if value := recover(); value != nil {
		fs.crashed(value)
	}
}

// land gives the answer to everybody and the place to the next in the queue.
func (fs *flights) land(f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	close(f.done)
	fs.forget(f)
	fs.vacate()
}

func (fs *flights) end() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.vacate()
}

func (fs *flights) vacate() {
	fs.running--
	if front := fs.queue.Front(); front != nil && !fs.closed.Load() {
		next := fs.queue.Remove(front).(*flight)
		next.place = nil
		fs.dispatch(next, time.Now())
	}
	if fs.closed.Load() && fs.running == 0 {
		close(fs.drained)
	}
}

func (fs *flights) inFlight() int {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.running
}

// close releases every caller at once and gives the requests a moment to end.
func (fs *flights) close() {
	fs.mu.Lock()
	if !fs.closed.Swap(true) {
		fs.cancel(errClosed)
		if fs.running == 0 {
			close(fs.drained)
		}
	}
	fs.mu.Unlock()

	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-fs.drained:
	case <-grace.C:
	}
}
