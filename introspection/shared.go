package introspection

import (
	"context"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/cardea-auth/cardea/introspection/internal/shared"
)

// SharedCache is where the instances of a service share what the server said about tokens: Redis, memcached, a database. It is
// called with context, key and value only, and trusted with nothing. A key is 64 hexadecimal digits that tell nothing about the token, a value
// is sealed under Config.SharedSecrets together with its key and the time of asking, so one that is forged, changed, put in
// another place or kept for too long is no answer.
//
// A token that this instance knows costs no call of it. One that it does not know costs one Get, however many ask for it at once, and
// after a question to the server one Set, which no request waits for. Nobody waits longer than Config.SharedTimeout. After an error,
// and while a call takes a fifth of that, tokens that are not known here are asked about at once; four times a second one Get, which no
// request waits for, finds out whether the cache is back. Errors refuse nobody: they are in Status and, once a minute, in the log.
//
// While the breaker is open, what is shared still counts as cached. The ages of what others asked are told by the clocks of the machines: an
// answer may be used ActiveTTL after the question as long as clocks differ by less than a tenth of it, and by less than a second;
// a difference beyond that adds to it. Inactive answers are not shared, so that nobody fills the cache with tokens that are none.
type SharedCache interface {
	// Get returns the value of key. found false: there is none. The caller does not change value.
	Get(ctx context.Context, key string) (value []byte, found bool, err error)

	// Set keeps value, which nobody changes afterwards, for ttl, which is a millisecond or more, in place of what was there. It may lose
	// it at any time.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
}

// SharedStatus is what became of Config.Shared. Its numbers count from New.
type SharedStatus struct {
	_ [0]func()

	InUse bool // Config.Shared is set

	// Paused: the latest Get failed, and requests do without until one succeeds.
	Paused bool

	Hits   uint64 // tokens that the server need not be asked about
	Misses uint64 // those of which the cache had no answer that may be used

	// Errors are calls that failed, panicked or took too long.
	Errors uint64

	// Rejected are values that nobody has sealed who holds one of SharedSecrets: someone else writes to the cache, or an instance has
	// other secrets.
	Rejected uint64

	// Outdated are values older than ActiveTTL, or from the future: the cache keeps them for too long, clocks differ, or someone has put
	// old ones back.
	Outdated uint64

	Dropped uint64 // answers that were not shared: Set failed a moment ago, or was too slow for what there was to write

	LastError error // of the latest Get or else the latest Set; nil if they succeeded
}

func newShared(s settings, c *Client) (*shared.Answers, error) {
	if s.Shared == nil {
		return nil, nil
	}
	answers, err := shared.NewAnswers(shared.Config{
		Cache:   s.Shared,
		Secrets: s.SharedSecrets,
		Binding: []string{s.URL, s.Issuer, s.ClientAuth.method, s.ClientAuth.id, strconv.FormatBool(s.SignedBy != nil), strconv.FormatBool(s.Ask != nil)},
		Timeout: s.sharedTimeout,
		TTL:     s.activeTTL,
		Base:    c.flights.base,
		Failed: func(err error) {
			c.complain.say(aboutShared, "the shared cache fails: the server is asked about every token that is not known here", "cause", err)
		},
		Rejected: func() {
			c.complain.say(aboutSeal, "the shared cache holds what was not sealed with Config.SharedSecrets: someone else writes to it, or instances have"+
				" other secrets", "endpoint", c.endpoint.shown)
		},
		Panicked: func(value any) {
			c.complain.say(aboutPanic, "the SharedCache panicked", "type", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("introspection: Config.SharedSecrets: %w", err)
	}
	return answers, nil
}

// recall finds what another instance was told about the token of a flight, and keeps it here. What is known here by a later question
// is truer.
func (c *Client) recall(ctx context.Context, f *flight) *Response {
	if c.shared == nil {
		return nil
	}
	var known *Response
	c.shared.Find(ctx, f.token, func(answer shared.Answer) bool {
		response, err := parse([]byte(answer.Claims), true)
		if err != nil || !response.active || !c.cache.store(f.key, response, answer.Asked) {
			return false
		}
		known = response
		return true
	})
	return known
}

// share hands an answer to the other instances. Those who send garbage must not fill what they share, so inactive ones stay here.
func (c *Client) share(f *flight, response *Response) {
	if response.active {
		c.shared.Keep(f.token, shared.Answer{Claims: response.claims, Asked: f.asked}, response.expiry)
	}
}

func (c *Client) sharedStatus() SharedStatus {
	s := c.shared.Status()
	return SharedStatus{
		InUse: c.shared != nil, Paused: s.Paused, Hits: s.Hits, Misses: s.Misses, Errors: s.Errors,
		Rejected: s.Rejected, Outdated: s.Outdated, Dropped: s.Dropped, LastError: s.LastError,
	}
}
