package shared

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

const maxSkew = time.Second

var errNoEnd = errors.New("the shared cache panicked, or ended the goroutine that called it")

// Cache is introspection.SharedCache.
type Cache interface {
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
}

// Config is what Answers are made of.
type Config struct {
	Cache   Cache
	Secrets [][]byte // newest first, MinSecret bytes or more each
	Binding []string // what instances must have in common to share answers
	Timeout time.Duration
	TTL     time.Duration // of an active answer, from when the server was asked
	Base    context.Context

	// What the operator should hear of. They are called as often as it happens, from many goroutines.
	Failed   func(err error)
	Rejected func() // a value was not sealed by one of us
	Panicked func(value any)
}

// Answers shares active answers through a cache. A nil *Answers shares none, and finds nothing to be Readable. Nothing that the cache does is worse than a cache that
// holds nothing: it is used for a limited time, left alone after a failure, and not believed.
type Answers struct {
	Config

	seals  []*Seal       // of the secrets; the first one seals
	skew   time.Duration // that the clocks of two instances may differ by
	life   *lifetime
	reads  gate
	line   line
	writes gate
	queue  queue

	hits, misses, failures, rejected, outdated, dropped atomic.Uint64
}

// NewAnswers makes Answers. The error is not about the secrets' length, which the caller has judged.
func NewAnswers(cfg Config) (*Answers, error) {
	var seals []*Seal
	for _, secret := range cfg.Secrets {
		seal, err := NewSeal(secret, cfg.Binding...)
		if err != nil {
			return nil, err
		}
		seals = append(seals, seal)
	}
	cfg.Secrets, cfg.Binding = nil, nil
	return &Answers{
		Config: cfg,
		seals:  seals,
		skew:   min(maxSkew, cfg.TTL/10),
		life:   newLifetime(),
		line:   line{patience: cfg.Timeout / 5},
	}, nil
}

// Close waits for what runs after Base has ended, but no longer than grace.
func (a *Answers) Close(grace time.Duration) {
	if a != nil {
		a.life.close(grace)
	}
}

// Readable tells whether Find would ask the cache now.
func (a *Answers) Readable() bool {
	if a == nil {
		return false
	}
	shut, _ := a.reads.status()
	return !shut
}

// Find hands what another instance was told about token to use, and reports whether it was of use. a is not nil.
func (a *Answers) Find(ctx context.Context, token string, use func(Answer) bool) bool {
	p := a.reads.pass(time.Now())
	if p == try {
		a.tryAgain(token)
	}
	if p != enter {
		return false
	}
	o, made := a.read(ctx, p, token)
	if !made {
		return false
	}
	if o.found && !use(o.answer) {
		o.found = false
		a.outdated.Add(1)
	}
	if !o.found {
		a.misses.Add(1)
		return false
	}
	a.hits.Add(1)
	return true
}

// tryAgain finds out whether the cache is back, while whoever brings the token asks the server.
func (a *Answers) tryAgain(token string) {
	if !a.life.begin() {
		return // it stays shut
	}
	go func() {
		defer a.life.end()
		a.read(a.Base, try, token)
	}()
}

// outcome is what a read brought.
type outcome struct {
	answer Answer
	found  bool
	err    error
}

// read asks the cache, and waits no longer than Timeout whatever that does. made is false if it was not asked, or failed.
func (a *Answers) read(ctx context.Context, p pass, token string) (o outcome, made bool) {
	r := a.line.join(time.Now())
	if r == nil {
		a.reads.withdraw(p)
		return outcome{}, false
	}
	defer a.line.leave(r)
	if !a.life.begin() {
		a.line.end(r)
		a.reads.withdraw(p)
		return outcome{}, false
	}
	limited, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	done := make(chan outcome, 1)
	go func() {
		o := outcome{err: errNoEnd}
		defer a.life.end()
		defer func() {
			a.line.end(r)
			done <- o
		}()
		o = a.look(limited, token)
	}()
	select {
	case o = <-done:
	case <-limited.Done():
		o = outcome{err: limited.Err()}
	}
	if o.err != nil && ctx.Err() != nil { // nobody has the time to wait, which says nothing of the cache
		a.reads.withdraw(p)
		return outcome{}, false
	}
	a.reads.record(p, a.heard(limited, o.err), time.Now())
	return o, o.err == nil
}

// heard counts and reports the failure of a call, and says what it was.
func (a *Answers) heard(limited context.Context, err error) error {
	if err == nil {
		return nil
	}
	if limited.Err() != nil {
		err = fmt.Errorf("the shared cache did not answer within %v", a.Timeout)
	}
	a.failures.Add(1)
	a.Failed(err)
	return err
}

// look asks the cache for what was sealed with each of the secrets, the newest first.
func (a *Answers) look(ctx context.Context, token string) (o outcome) {
	defer a.rescue(&o.err)
	for _, seal := range a.seals {
		key := seal.Key(token)
		value, found, err := a.Cache.Get(ctx, key)
		if err != nil {
			return outcome{err: err}
		}
		if !found {
			continue
		}
		answer, genuine := seal.Open(key, value)
		if !genuine {
			a.rejected.Add(1)
			a.Rejected()
			continue
		}
		if asked, inTime := a.inTime(answer.Asked, time.Now()); inTime {
			return outcome{answer: Answer{answer.Claims, asked}, found: true}
		}
		a.outdated.Add(1)
	}
	return outcome{}
}

func (a *Answers) rescue(err *error) {
	if value := recover(); value != nil {
		*err = errNoEnd
		a.Panicked(value)
	}
}

// inTime judges an answer by when another instance says that it asked, and tells when that was by the clock of this one. The other clock
// may be ahead by skew, so the answer counts as that much older than it seems: it is used until TTL after the question, and not
// longer, as long as clocks differ by no more. What comes from further ahead is not used.
func (a *Answers) inTime(asked, now time.Time) (here time.Time, _ bool) {
	age := now.Round(0).Sub(asked) // both by the wall clock
	if age < -a.skew || age >= a.TTL-a.skew {
		return time.Time{}, false
	}
	return now.Add(-age - a.skew), true
}

// Status is what has happened so far.
type Status struct {
	Hits, Misses, Errors, Rejected, Outdated, Dropped uint64

	Paused    bool // reads
	LastError error
}

// Status reports the present state. That of nil Answers is zero.
func (a *Answers) Status() Status {
	if a == nil {
		return Status{}
	}
	shut, last := a.reads.status()
	if last == nil {
		_, last = a.writes.status()
	}
	return Status{
		Hits: a.hits.Load(), Misses: a.misses.Load(), Errors: a.failures.Load(),
		Rejected: a.rejected.Load(), Outdated: a.outdated.Load(), Dropped: a.dropped.Load(),
		Paused: shut, LastError: last,
	}
}
