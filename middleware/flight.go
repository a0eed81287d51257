package middleware

import (
	"context"
	"net/http"
	"sync"
)

// flights lets concurrent first sights of one token be verified once. Shared are success, and that the token could not be
// judged, or everybody would wait for the same outage one after the other. Any other failure may be the first caller's own,
// so the others then look for themselves.
type flights struct {
	mu   sync.Mutex
	open map[digest]*flight // by presented.digest
}

type flight struct {
	raw      string        // the token; empty: nobody else can be on it
	done     chan struct{} // closed when the rest is final; nil as long as nobody waits
	verified *verified     // nil: not proven
	unjudged *Error        // nil: nothing that others need to know
	about    *Decision     // what is to be said of unjudged
}

// fail notes a refusal, if it is none of the caller's own. Nobody waits for a nil flight.
func (mine *flight) fail(ctx context.Context, refusal *Error, d *Decision) {
	if mine != nil && refusal.Status() == http.StatusServiceUnavailable && ctx.Err() == nil {
		shared, about := *refusal, *d // the originals are completed for one request
		mine.unjudged, mine.about = &shared, &about
	}
}

// refusal is for a caller who waited, about whose request d is.
func (landed *flight) refusal(d *Decision) *Error {
	d.Issuer, d.Opaque = landed.about.Issuer, landed.about.Opaque
	shared := *landed.unjudged
	return &shared
}

// join returns the flight of another caller that has just landed with a result, or else one for the caller to pilot and to
// land. A caller that waited in vain gets a flight that nobody else is on, and so does one whose token has the signature of
// another that is on its way, and other text.
func (f *flights) join(ctx context.Context, token presented) (landed, mine *flight) {
	f.mu.Lock()
	ahead, taken := f.open[token.digest]
	if !taken {
		mine := &flight{raw: token.raw}
		if f.open == nil {
			f.open = make(map[digest]*flight)
		}
		f.open[token.digest] = mine
		f.mu.Unlock()
		return nil, mine
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
	if ahead.verified == nil && ahead.unjudged == nil {
		return nil, &flight{}
	}
	return ahead, nil
}

// land ends a flight. It must be called even if proving panics, or others would wait for ever.
func (f *flights) land(token presented, mine *flight) {
	if mine.raw == "" {
		return // nobody waits for it
	}
	f.mu.Lock()
	delete(f.open, token.digest)
	done := mine.done
	f.mu.Unlock()
	if done != nil {
		close(done)
	}
}
