package introspection

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/cardea-auth/cardea/introspection/internal/shared"
)

// maxToken is more than any HTTP server takes as a header by default; it bounds what is hashed and sent.
const maxToken = 64 << 10

// Client asks one introspection endpoint and remembers its answers for a short time. It is safe for concurrent use,
// runs no goroutine while nobody asks, and is made by New; a zero or nil Client leaves every token unjudged.
type Client struct {
	_ [0]func()

	digests  *digests
	cache    *cache
	breaker  *breaker
	endpoint *endpoint
	flights  *flights
	shared   *shared.Answers // nil: nothing is shared
	complain *complaints
}

// New compiles cfg. It does no I/O and starts no goroutine; the error joins every mistake in cfg.
func New(cfg Config) (*Client, error) {
	s, err := cfg.compile()
	if err != nil {
		return nil, err
	}
	complain := &complaints{logger: s.Logger}
	if isPlain(s.URL) || s.Ask != nil && len(s.plain) > 0 {
		complain.log().Warn("introspection: Config.DangerouslyAllowHTTP: the client secret and every token travel in clear, and whoever is on the way"+
			" decides which tokens are active", "endpoint", shown(s.URL), "hosts", s.DangerouslyAllowHTTP)
	}
	c := &Client{
		digests:  newDigests(s.URL, s.ClientAuth.id),
		cache:    newCache(s.Entries, s.activeTTL, s.inactiveTTL),
		breaker:  new(breaker),
		endpoint: newEndpoint(s, complain),
		complain: complain,
	}
	c.flights = newFlights(s, c)
	if c.shared, err = newShared(s, c); err != nil {
		return nil, err
	}
	return c, nil
}

// Introspect answers whether token is active, from the cache or from the server. Concurrent calls with the same token
// share one request, which goes on whoever gives up. Every error wraps ErrUnavailable, except for a token that no
// server needs to be asked about: one that is empty, longer than 64 KiB, or holds other bytes than visible ASCII without comma,
// quote and backslash (RFC 6749 section A.12). Whether a request may carry fewer, as RFC 6750 section 2.1 has it, is for the caller to judge.
// When ctx ended, the error wraps its error as well.
func (c *Client) Introspect(ctx context.Context, token string) (*Response, error) {
	if c == nil || c.flights == nil {
		return nil, errNotMade
	}
	if len(token) > maxToken {
		return nil, errors.New("introspection: the token is longer than 64 KiB")
	}
	if c.flights.closed.Load() {
		return nil, errClosed
	}
	key := c.digests.of(token)
	if response := c.cache.load(key, time.Now()); response != nil {
		return response, nil
	}
	if !isToken(token) {
		return nil, errors.New("introspection: the token is empty or holds bytes other than visible ASCII without comma, quote and backslash")
	}
	return c.flights.do(ctx, key, token)
}

// isToken tells whether every byte may occur in some server's token. They travel in a form, where each is safe; the rest has a meaning in
// header fields, where the token came from.
func isToken(token string) bool {
	for i := range len(token) {
		if c := token[i]; c <= ' ' || c > '~' || c == ',' || c == '"' || c == '\\' {
			return false
		}
	}
	return token != ""
}

// Fresh reports whether Introspect would give r again without asking the server, for a caller who has kept what it made of
// r. It spares finding r by its token, and counts as a use of r. now is time.Now(), for which such a caller may have a use
// of its own. It is false, and Introspect the one to ask, for a Response of another Client or of ParseResponse.
func (c *Client) Fresh(r *Response, now time.Time) bool {
	return c != nil && c.flights != nil && r != nil && !c.flights.closed.Load() && c.cache.holds(r, now)
}

// ownToken stands for a token of our own, and is no token that anybody could send.
const ownToken = ""

// Probe finds out whether the server can answer now, with a question about a random token: for a readiness check, and at the
// start, where it finds out wrong credentials. It takes a place and waits like Introspect, and its error wraps ErrUnavailable.
// It closes the breaker if the server is back; while that is open it asks once a second, and in between it fails at once.
func (c *Client) Probe(ctx context.Context) error {
	if c == nil || c.flights == nil {
		return errNotMade
	}
	_, err := c.flights.do(ctx, c.digests.of(ownToken), ownToken)
	return err
}

// ask is one request, on behalf of everybody who waits for its answer.
func (c *Client) ask(ctx context.Context, token string) (*Response, error) {
	t, wait := c.breaker.admit(time.Now())
	if wait > 0 {
		return nil, c.breaker.refusal(wait)
	}
	if token == ownToken {
		return nil, c.probe(ctx)
	}
	if err := c.askOwn(ctx, t); err != nil {
		return nil, err
	}
	response, err := c.endpoint.ask(ctx, token)
	c.breaker.record(err)
	return response, err
}

// blocked is the reason why nothing may be sent now.
func (c *Client) blocked(now time.Time) error {
	if wait := c.breaker.wait(now); wait > 0 {
		return c.breaker.refusal(wait)
	}
	return nil
}

// crashed takes a panic out of code that the caller brought. Its value is not logged, because a transport's panic may
// quote the request; the stack holds addresses only.
func (c *Client) crashed(value any) {
	c.breaker.record(errNoEnd)
	c.complain.say(aboutPanic, "a request panicked in the transport, the signer or a function of Config",
		"type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
}

// Status is a Client's health at one moment.
type Status struct {
	_ [0]func()

	// BreakerOpen: the server stopped answering. Cached answers are still given, everything else is unavailable. Only a
	// request or Probe can close it again, so a readiness check that takes all traffic away must call Probe.
	BreakerOpen bool

	InFlight int // requests that the server has not answered yet

	// LastError is that of the latest request; nil if it succeeded. Whoever sends an odd token can cause one, so it explains
	// BreakerOpen and is no alarm by itself.
	LastError error

	Shared SharedStatus // zero: Config.Shared is nil
}

// Status reports the present state; it does no I/O.
func (c *Client) Status() Status {
	if c == nil || c.flights == nil {
		return Status{}
	}
	open, last := c.breaker.status()
	return Status{BreakerOpen: open, InFlight: c.flights.inFlight(), LastError: last, Shared: c.sharedStatus()}
}

// Close ends the requests in flight and what is being written to a SharedCache, waits up to a second for them and leaves no
// goroutine behind, except in a BearerToken function, a signer, a transport or a SharedCache of the caller's that ignores its
// context. Calls in progress and later ones are unavailable. It may be called again and always returns nil.
func (c *Client) Close() error {
	if c == nil || c.flights == nil {
		return nil
	}
	began := time.Now()
	c.flights.close()
	c.shared.Close(closeGrace - time.Since(began))
	c.endpoint.close()
	return nil
}
