package accesstoken

import (
	"context"
	"sync"
)

// flights lets concurrent first sights of one token be verified once. Shared are success, that the token could not be
// judged, or everybody would wait for the same outage one after the other, and that no key verifies it, or everybody would have
// the keys fetched for it. Any other failure may be the first caller's own, so the others then look for themselves.
type flights struct {
	mu   sync.Mutex
	open map[Key]*flight // by Presented.key
}

// flight is one first sight. Its leader judges the token; followers wait for done.
type flight struct {
	raw      string        // the token; empty: nobody else can follow
	done     chan struct{} // closed when the rest is final; nil as long as nobody waits
	verified *Verified     // nil: not proven
	refusal  Refusal       // zero: nothing that others need to know
	record   Record        // what is to be said of refusal
}

// fail notes a refusal, if it is none of the leader's own. Nobody follows a nil flight.
func (f *flight) fail(ctx context.Context, refusal Refusal, record Record) {
	if f != nil && (refusal.unjudged() || refusal.Reason == BadSignature) && ctx.Err() == nil {
		f.refusal, f.record = refusal, record
	}
}

// join returns the flight of another caller that has ended with a result, or else one for the caller to lead and to end. A caller
// that waited in vain gets a flight that nobody else is on, and so does one whose token has the signature of another that is
// being judged, and other text.
func (f *flights) join(ctx context.Context, token Presented) (ended, leading *flight) {
	f.mu.Lock()
	ahead, taken := f.open[token.key]
	if !taken {
		leading := &flight{raw: token.raw}
		if f.open == nil {
			f.open = make(map[Key]*flight)
		}
		f.open[token.key] = leading
		f.mu.Unlock()
		return nil, leading
	}
	if ahead.raw != token.raw {
		f.mu.Unlock()
		return nil, &flight{}
	}
	if ahead.done == nil {
		ahead.done = make(chan struct{})
	}
	done := ahead.done
	f.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return nil, &flight{}
	}
	if ahead.verified == nil && !ahead.refusal.Refused() {
		return nil, &flight{}
	}
	return ahead, nil
}

// end lets the followers go. It must be called even if judging panics, or they would wait for ever.
func (f *flights) end(token Presented, leading *flight) {
	if leading.raw == "" {
		return // nobody follows it
	}
	f.mu.Lock()
	delete(f.open, token.key)
	done := leading.done
	f.mu.Unlock()
	if done != nil {
		close(done)
	}
}
