package statuslist

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/middleware"
)

// flight is one fetch of a list, shared by all who wait for it.
type flight struct {
	done chan struct{} // closed once it is known what came of it; then err may be read
	err  error
}

const (
	patience = 2 * time.Second        // no token waits longer for its list …
	retrying = 200 * time.Millisecond // … and not so long once a fetch of it has failed
)

var (
	errClosed  = errors.New("statuslist: the Lists were closed")
	errForeign = errors.New("statuslist: the list is at an address from which lists of the issuer do not come")

	errSlow  = errors.New("the server has not answered yet")
	errOver  = errors.New("it is out of date, and was fetched only just")
	errOlder = errors.New("it is older than the one that is held")
)

// unavailable says that a list cannot be had now.
type unavailable struct {
	uri   string
	cause error
	after time.Duration
}

func (e *unavailable) Error() string { return fmt.Sprintf("statuslist: %s: %v", shown(e.uri), e.cause) }
func (e *unavailable) Unwrap() error { return e.cause }

// RetryAfter is when to ask again.
func (e *unavailable) RetryAfter() time.Duration { return e.after }

// Load fetches the list of a token, which Judge does not know or knows no longer. It waits at most two seconds, and for a list that could not be
// had lately a fifth of a second, after which one that is held is used as long as it may be. Fetches go on without those who wait, and are shared.
func (l *Lists) Load(ctx context.Context, t middleware.TokenFacts) error {
	wanted, f, patience, err := l.fetchFor(key{t.Issuer, t.StatusURI})
	if f != nil {
		err = l.wait(ctx, wanted, f, patience)
	}
	if wanted == nil || errors.Is(err, errClosed) || wanted.usable(time.Now()) == nil {
		return err
	}
	wanted.unused.Store(false)
	return nil
}

func (l *Lists) wait(ctx context.Context, wanted *list, f *flight, patience time.Duration) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.done:
		return f.err
	case <-l.base.Done():
		return errClosed
	case <-ctx.Done():
		return &unavailable{uri: wanted.key.uri, cause: ctx.Err()}
	case <-timer.C:
		return &unavailable{uri: wanted.key.uri, cause: errSlow, after: firstBackoff}
	}
}

// fetchFor names the fetch that brings the list, and how long to wait for it, or answers at once.
func (l *Lists) fetchFor(k key) (*list, *flight, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.closed.Load() {
		return nil, nil, 0, errClosed
	}
	if !l.rules.of(k.issuer).allow(k.issuer, k.uri) {
		return nil, nil, 0, errForeign
	}
	wanted, err := l.enter(k, now, false)
	if err != nil {
		return nil, nil, 0, &unavailable{uri: k.uri, cause: err, after: l.cfg.MinTTL}
	}
	wait := patience
	if wanted.failures > 0 {
		wait = retrying
	}
	if wanted.flight != nil {
		return wanted, wanted.flight, wait, nil
	}
	if wanted.usable(now) != nil && !wanted.unused.Load() { // a fetch has just ended
		return nil, nil, 0, nil
	}
	if now.Before(wanted.barred) {
		return wanted, nil, 0, wanted.unavailable(now)
	}
	return wanted, l.begin(wanted, now), wait, nil
}

func (l *list) unavailable(now time.Time) error {
	cause := l.failure
	if cause == nil {
		cause = errOver
	}
	return &unavailable{uri: l.key.uri, cause: cause, after: max(0, l.barred.Sub(now))}
}

// begin begins a fetch. The caller holds mu and has seen that none is under way.
func (l *Lists) begin(wanted *list, now time.Time) *flight {
	f := &flight{done: make(chan struct{})}
	wanted.flight, wanted.began = f, now
	wanted.disarm()
	go l.run(wanted, f)
	return f
}

func (l *Lists) run(wanted *list, f *flight) {
	ctx, cancel := context.WithTimeout(l.base, fetchTimeout)
	defer cancel()
	found, err := l.fetch(ctx, wanted)
	hit, report := l.settle(wanted, f, found, err)
	close(f.done)
	for _, w := range hit {
		w.revoked()
	}
	report()
}

// fetch fetches and verifies a list. It runs without the lock.
func (l *Lists) fetch(ctx context.Context, wanted *list) (*knowledge, error) {
	leave, err := l.gates.enter(ctx, originOf(wanted.key.uri))
	if err != nil {
		return nil, err
	}
	defer leave()
	allow := func(uri string) bool { return wanted.rules.allow(wanted.key.issuer, uri) }
	start, now := time.Now(), l.cfg.Clock()
	text, err := get(ctx, l.client, wanted.key.uri, l.cfg.MaxBytes, allow)
	if err != nil {
		return nil, err
	}
	signer := wanted.rules.signer
	if signer == "" {
		signer = wanted.key.issuer
	}
	found, err := asker{keys: l.keys, issuer: signer, uri: wanted.key.uri, maxBytes: l.cfg.MaxBytes}.read(ctx, text, now)
	if err != nil {
		return nil, err
	}
	return l.cfg.know(found, start, now), nil
}

// settle puts the outcome of a fetch into effect. Those who are hit are called, and the report is written, by the caller without the lock.
func (l *Lists) settle(wanted *list, f *flight, found *knowledge, err error) (hit []*watcher, report func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	wanted.flight = nil
	held := wanted.held.Load()
	switch {
	case l.closed.Load():
		f.err = errClosed
		return nil, func() {}
	case err == nil && held != nil && found.issuedAt.Before(held.issuedAt):
		err = errOlder // a copy from somewhere on the way: what it takes back was already known
	}
	if err != nil {
		report = l.noteFailure(wanted, err, now)
		f.err = wanted.unavailable(now)
	} else {
		report = l.keep(wanted, found)
		hit = wanted.hit()
	}
	wanted.unused.Store(false)
	l.plan(wanted, now)
	return hit, report
}

func (l *Lists) noteFailure(wanted *list, err error, now time.Time) (report func()) {
	wanted.failures++
	wanted.failure = err
	wanted.barred = now.Add(backoff(wanted.failures))
	if wanted.failures > 1 && now.Sub(wanted.told) < lastBackoff/2 {
		return func() {}
	}
	wanted.told = now
	return func() {
		l.cfg.log().Warn("statuslist: a status list cannot be had", "issuer", wanted.key.issuer, "list", shown(wanted.key.uri), "error", err)
	}
}

func (l *Lists) keep(wanted *list, found *knowledge) (report func()) {
	recovered := wanted.failures > 0
	wanted.failures, wanted.failure = 0, nil
	wanted.barred = found.refresh
	wanted.held.Store(found)
	return func() {
		if recovered {
			l.cfg.log().Info("statuslist: a status list can be had again", "issuer", wanted.key.issuer, "list", shown(wanted.key.uri))
		}
	}
}
