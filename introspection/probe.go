package introspection

import (
	"context"
	"crypto/rand"
	"errors"
	"time"
)

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
