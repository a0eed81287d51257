package statuslist

import (
	"math/rand/v2"
	"time"
)

// knowledge is what one fetch has brought. It is immutable.
type knowledge struct {
	statuses *statuses
	issuedAt time.Time // by the clock of whoever signed

	fetched time.Time // when the fetch began
	asOf    time.Time // that, or iat if it is earlier
	refresh time.Time // when it is to be fetched again, if tokens use it
	until   time.Time // it is current until then …
	end     time.Time // … and used until then
}

// defaultTTL is when a list is fetched again whose ttl does not say.
const defaultTTL = 5 * time.Minute

// know makes knowledge of a list that was fetched at start, when the clock said now.
func (cfg *Config) know(list *statusList, start, now time.Time) *knowledge {
	k := &knowledge{statuses: list.statuses, issuedAt: list.issuedAt, fetched: start, asOf: start}
	if age := now.Sub(list.issuedAt); age > 0 {
		k.asOf = start.Add(-age)
	}
	next, current := list.ttl, list.ttl
	if next == 0 {
		next, current = defaultTTL, defaultTTL
		if !list.expiry.IsZero() { // which alone says how long it is current
			current = cfg.MaxTTL
		}
	}
	k.until = start.Add(cfg.within(current))
	k.end = k.until.Add(cfg.StaleFor)
	if !list.expiry.IsZero() {
		left := list.expiry.Sub(now)
		next = min(next, left)
		expired := start.Add(left).Add(leeway)
		k.until, k.end = earlier(k.until, expired), earlier(k.end, expired)
	}
	k.refresh = start.Add(ahead(cfg.within(next)))
	return k
}

// within brings a time between two fetches into its limits.
func (cfg *Config) within(ttl time.Duration) time.Duration {
	return min(max(ttl, cfg.MinTTL), cfg.MaxTTL)
}

// ahead is a random part of a lifetime, eight to nine tenths, so that instances do not fetch all at once, and a fetch is done before the end.
func ahead(lifetime time.Duration) time.Duration {
	return lifetime/10*8 + rand.N(lifetime/10+1)
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

const (
	firstBackoff = time.Second // after the first failure, doubled by each further one …
	lastBackoff  = time.Minute // … up to this
)

func backoff(failures int) time.Duration {
	return min(firstBackoff<<min(failures-1, 6), lastBackoff)
}
