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
		return c.probe(ctx)
	case askInDoubt:
		return c.probeBeside(ctx)
	}
	return nil
}

func (c *Client) probeBeside(ctx context.Context) error {
	outcome := make(chan error, 1)
	if !c.flights.beside(func(own context.Context) {
		defer close(outcome)
		outcome <- c.probe(own)
	}) {
		return c.probe(ctx) // the caller's place is the only one
	}
	enough := time.NewTimer(headStart(c.flights.timeout))
	defer enough.Stop()
	select {
	case err := <-outcome:
		return err
	case <-enough.C:
	case <-ctx.Done():
	}
	return nil
}

// probe asks about a token that nobody has: only the server, and never the token, can be the reason why such a question
// fails. The token has the shape of an ordinary opaque one, and is new each time, so that nobody can prepare for it. Its
// answer is kept nowhere. An error leaves the breaker open.
func (c *Client) probe(ctx context.Context) error {
	before := c.breaker.answersBefore()
	_, err := c.endpoint.ask(ctx, rand.Text())
	open, opened := c.breaker.recordProbe(before, err, time.Now())
	var f *failure
	if opened && errors.As(err, &f) && !f.refusal { // of a refusal the endpoint has complained
		c.complain.say(aboutServer, "the server does not answer: asking once a second until it does",
			"endpoint", c.endpoint.shown, "cause", err)
	}
	if !open {
		return nil
	}
	return err
}
