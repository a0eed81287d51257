// Package pacing says when an issuer may be asked for its keys: on schedule, after a failure, and because of tokens that name unknown keys.
//
// It does no I/O and reads no clock. Nothing here may be used concurrently: the owner's lock guards it.
package pacing

import (
	"math/rand/v2"
	"time"
)

const (
	firstBackoff = time.Second // after the first failure, doubled by each further one …
	lastBackoff  = time.Minute // … up to this

	// Urgent is the pause after a failure while there is no key to verify with and requests wait for one.
	Urgent = 2 * time.Second
)

// Plan is when to fetch next, and why. The zero Plan plans nothing, as nothing was fetched yet.
type Plan struct {
	next     time.Time
	barred   time.Time // until then the server has asked us to stay away
	ended    time.Time // the last fetch
	failures int       // in a row
	failure  error     // of the last fetch
	told     time.Time // when the failure was last written to the log
}

// Next is when the next fetch is due; zero: nothing was fetched yet.
func (p *Plan) Next() time.Time { return p.next }

// Failures is how many fetches have failed in a row.
func (p *Plan) Failures() int { return p.failures }

// Failure is the error of the last fetch; nil: it succeeded, or there was none.
func (p *Plan) Failure() error { return p.failure }

// Barred reports whether the server has asked us to stay away for longer.
func (p *Plan) Barred(now time.Time) bool { return now.Before(p.barred) }

// NotBarred is t, or later if the server has asked us to stay away beyond it.
func (p *Plan) NotBarred(t time.Time) time.Time {
	if t.Before(p.barred) {
		return p.barred
	}
	return t
}

// Succeeded plans the next fetch after one that brought keys, and reports whether others have failed before it.
func (p *Plan) Succeeded(now time.Time, refreshAfter time.Duration) (recovered bool) {
	recovered = p.failures > 0
	*p = Plan{next: now.Add(refreshAfter), ended: now}
	return recovered
}

// Failed plans the next fetch after one that failed. stayAway is how long a busy server wants to be left alone; zero: it did not say. Failed
// reports whether the log should know: of an outage that lasts it is told twice a minute at most.
func (p *Plan) Failed(now time.Time, err error, stayAway time.Duration) (news bool) {
	if news = p.failures == 0 || now.Sub(p.told) >= lastBackoff/2; news {
		p.told = now
	}
	p.failures++
	p.failure, p.ended = err, now
	if stayAway > 0 {
		p.barred = now.Add(stayAway)
	}
	p.next = p.NotBarred(now.Add(backoff(p.failures)))
	return news
}

// Hurry brings the next try forward, because a token waits for a key. It returns the earliest time at which it may be.
func (p *Plan) Hurry() time.Time {
	if p.failures == 0 {
		return time.Time{}
	}
	if earliest := p.NotBarred(p.ended.Add(Urgent)); earliest.Before(p.next) {
		p.next = earliest
	}
	return p.next
}

// backoff is the pause after so many failures in a row.
func backoff(failures int) time.Duration {
	const doublings = 6 // 1 s, 2 s, 4 s … 32 s, then the limit
	return Jitter(min(lastBackoff, firstBackoff<<min(failures-1, doublings)))
}

// Jitter spreads the fetches of many processes over the last tenth of d. It never prolongs: intervals are upper bounds.
func Jitter(d time.Duration) time.Duration {
	return d - rand.N(d/10+1)
}
