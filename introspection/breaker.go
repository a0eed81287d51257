package introspection

import (
	"errors"
	"sync"
	"time"
)

const (
	breakerFailures = 5 // the last of them is a failure of our own question
	breakerPause    = time.Second
)

func breakerOpen(wait time.Duration) error {
	return &failure{reason: "the server did not answer several times in a row and is being left alone", retryAfter: wait}
}

// breaker stops asking a server that does not answer. Whoever sends tokens can provoke failures: a firewall answers 403 to
// some, a server crashes on others or hangs. So the tokens of callers only raise a doubt, with the fourth failure in a row.
// The fifth question is about a random token of our own (Client.probe), and its failure alone opens the breaker. While the
// breaker is open, the first request after each pause asks about such a token before its own. Any answer, whoever asked,
// closes the breaker and ends the doubt: nothing that one token provokes shuts out the tokens that the server still answers.
//
// Only what speaks about the server is a failure: no connection, no answer in time, a refusal of our own credentials,
// 429, 5xx, something that is no JSON. An answer about one token that cannot be used (400, an object without active)
// proves that the server is there, and counts like a good one. A server that fails for every token that it does not know,
// the random one included, cannot be told from one that is down; its callers lose at most what is not cached.
//
// Our own question is asked once a second at most, so that is all the load that odd tokens cause beside themselves. The
// price: a server that goes down within a second of a good probe is asked until that second is over, and one that hangs is
// left alone after two timeouts, that of the tokens and that of the probe.
type breaker struct {
	mu        sync.Mutex
	failures  int    // of callers' tokens, since the last answer
	answers   uint64 // all there ever were
	open      bool
	nextProbe time.Time
	last      error
}

// turn is what a request that is about to be sent may do.
type turn int

const (
	askAtOnce  turn = iota
	askInDoubt      // our own question comes first, by a little
	askIfBack       // our own question comes first, and must be answered
)

// wait tells how long nothing may be sent; zero: something may.
func (b *breaker) wait(now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.pause(now)
}

// admit is wait for a request about to be sent, and tells whether it is the one that brings our own question along.
func (b *breaker) admit(now time.Time) (t turn, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait = b.pause(now); wait > 0 {
		return askAtOnce, wait
	}
	if b.failures < breakerFailures-1 || now.Before(b.nextProbe) {
		return askAtOnce, 0
	}
	b.nextProbe = now.Add(breakerPause)
	if b.open {
		return askIfBack, 0
	}
	return askInDoubt, 0
}

func (b *breaker) pause(now time.Time) time.Duration {
	if !b.open {
		return 0
	}
	return max(0, b.nextProbe.Sub(now))
}

// record takes the outcome of a question about a caller's token; err is nil for a good answer.
func (b *breaker) record(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = err
	switch {
	case answered(err):
		b.close()
	case blamed(err) == blameServer:
		b.failures++
	}
}

// answersBefore goes to recordProbe: what has been answered when our own question is sent.
func (b *breaker) answersBefore() uint64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.answers
}

// recordProbe takes the outcome of our own question and reports whether the breaker opened. A failure counts only if nobody
// got an answer since the question was sent.
func (b *breaker) recordProbe(before uint64, err error, now time.Time) (opened bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = err
	switch {
	case answered(err):
		b.close()
	case blamed(err) == blameServer && b.answers == before && !b.open:
		b.failures++
		if b.failures >= breakerFailures {
			b.open = true
			b.nextProbe = now.Add(breakerPause)
			return true
		}
	}
	return false
}

func (b *breaker) close() {
	b.failures = 0
	b.answers++
	b.open = false
}

func (b *breaker) status() (open bool, last error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.last
}

// answered tells whether the server is there, even if this one answer cannot be used.
func answered(err error) bool { return err == nil || blamed(err) == blameAnswer }

func blamed(err error) blame {
	var failed *failure
	if errors.As(err, &failed) {
		return failed.blame
	}
	return blameNobody
}
