package introspection

import (
	"errors"
	"sync"
	"time"
)

const (
	breakerFailures = 5
	breakerPause    = time.Second
)

func breakerOpen(wait time.Duration) error {
	return &failure{reason: "the server did not answer several times in a row and is being left alone", retryAfter: wait}
}

// breaker stops asking a server that does not answer. It opens after five failures in a row, lets one request a second
// through as a probe, and closes with the first answer.
//
// Only what speaks about the server is a failure: no connection, no answer in time, a refusal of our own credentials,
// 429, 5xx, something that is no JSON. An answer about one token that cannot be used (400, an object without active)
// proves that the server is there, and counts like a good one: otherwise whoever sends odd tokens could shut out
// everybody else, or, once it is open, spend every probe. A server that crashes on certain tokens cannot be told from
// one that is down; its callers lose at most what is not cached.
type breaker struct {
	mu        sync.Mutex
	failures  int
	open      bool
	epoch     uint64 // counts the openings and closings
	nextProbe time.Time
	last      error
}

// wait tells how long nothing may be sent; zero: something may.
func (b *breaker) wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pause(now)
}

// admit is wait for a request about to be sent. While the breaker is open it takes the second's probe. The epoch goes to
// record.
func (b *breaker) admit(now time.Time) (epoch uint64, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	wait = b.pause(now)
	if wait == 0 && b.open {
		b.nextProbe = now.Add(breakerPause)
	}
	return b.epoch, wait
}

func (b *breaker) pause(now time.Time) time.Duration {
	if !b.open {
		return 0
	}
	return max(0, b.nextProbe.Sub(now))
}

// record takes the outcome of an admitted request; err is nil for a good answer. It reports whether the breaker opened.
func (b *breaker) record(epoch uint64, err error, now time.Time) (opened bool) {
	var failed *failure
	blamed := blameNobody
	if errors.As(err, &failed) {
		blamed = failed.blame
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = err
	switch {
	case err == nil || blamed == blameAnswer:
		b.failures = 0
		if b.open {
			b.open = false
			b.epoch++
		}
	case blamed == blameServer && epoch == b.epoch && !b.open: // an older epoch's requests were sent before the server came back
		b.failures++
		if b.failures == breakerFailures {
			b.open = true
			b.epoch++
			b.nextProbe = now.Add(breakerPause)
			return true
		}
	}
	return false
}

func (b *breaker) status() (open bool, last error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.last
}
