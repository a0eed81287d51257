package introspection

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"
)

const (
	breakerFailures = 5 // the last of them is a failure of our own question
	breakerPause    = time.Second
)

// refusal is the answer while the breaker is open. It names the last true cause: that the server is left alone says nothing about why.
func (b *breaker) refusal(wait time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return &failure{reason: "the server failed several times in a row and is left alone for a moment", cause: b.trouble, retryAfter: wait}
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
	trouble   error // the latest failure of the server
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
		b.trouble = err
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
	if blamed(err) == blameServer {
		b.trouble = err
	}
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

// headStart is how long a caller's question waits for the outcome of our own when the server is in doubt. One that fails at
// once is then asked nothing more, and one that is slow still has nearly all of the timeout for the caller's question.
func headStart(timeout time.Duration) time.Duration { return timeout / 20 }

// askOwn asks our own question where the breaker wants it. An error says that the caller's question must not follow.
func (c *Client) askOwn(ctx context.Context, t turn) error {
	switch t {
	case askIfBack:
		return c.unlessOpen(c.probe(ctx))
	case askInDoubt:
		return c.probeBeside(ctx)
	}
	return nil
}

// unlessOpen drops the error of our own question if the breaker has heard better of the server meanwhile.
func (c *Client) unlessOpen(err error) error {
	if open, _ := c.breaker.status(); open {
		return err
	}
	return nil
}

func (c *Client) probeBeside(ctx context.Context) error {
	outcome := make(chan error, 1)
	if !c.flights.beside(func(own context.Context) {
		defer close(outcome)
		outcome <- c.probe(own)
	}) {
		return c.unlessOpen(c.probe(ctx)) // the caller's place is the only one
	}
	enough := time.NewTimer(headStart(c.flights.timeout))
	defer enough.Stop()
	select {
	case err := <-outcome:
		return c.unlessOpen(err)
	case <-enough.C:
	case <-ctx.Done():
	}
	return nil
}

// probe asks about a token that nobody has: only the server, and never the token, can be the reason why such a question
// fails. The token has the shape of an ordinary opaque one, and is new each time, so that nobody can prepare for it. Its
// answer is kept nowhere. The error is nil when the server answers, whatever it says.
func (c *Client) probe(ctx context.Context) error {
	before := c.breaker.answersBefore()
	_, err := c.endpoint.ask(ctx, rand.Text())
	var f *failure
	if c.breaker.recordProbe(before, err, time.Now()) && errors.As(err, &f) && !f.refusal { // of a refusal the endpoint has complained
		c.complain.say(aboutServer, "the server does not answer: asking once a second until it does",
			"endpoint", c.endpoint.shown, "cause", err)
	}
	if answered(err) {
		return nil
	}
	return err
}
