package statuslist

import (
	"cmp"
	"slices"
	"time"
)

// Status says how Lists are.
type Status struct {
	_ [0]func() // keyed literals only

	Lists   []ListStatus // those that are known, by issuer and address
	Bytes   int          // that they take
	Streams int          // that listen
	Hits    uint64       // requests that were refused, whatever the reason
}

// ListStatus says how one list is.
type ListStatus struct {
	_ [0]func() // keyed literals only

	Issuer string // of the tokens that name it
	URI    string

	Fetched      time.Time // when it was last fetched; zero: never yet
	IssuedAt     time.Time // its iat
	CurrentUntil time.Time // by its ttl and exp, within limits
	UsedUntil    time.Time // that, and Config.StaleFor; afterwards its tokens are not judged
	Bits         int       // of each status
	Size         int       // how many statuses it has room for
	Streams      int       // that listen
	Hits         uint64    // requests that it refused

	LastError error // of the last fetch; nil: it succeeded, or there was none
}

// Status says how the Lists are. It does no I/O.
func (l *Lists) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{Streams: l.streams, Hits: l.hits.Load()}
	for _, one := range *l.known.Load() {
		state := one.status()
		s.Lists = append(s.Lists, state)
		s.Hits += state.Hits
		if k := one.held.Load(); k != nil {
			s.Bytes += len(k.statuses.packed)
		}
	}
	slices.SortFunc(s.Lists, func(a, b ListStatus) int {
		return cmp.Or(cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.URI, b.URI))
	})
	return s
}

func (l *list) status() ListStatus {
	s := ListStatus{Issuer: l.key.issuer, URI: l.key.uri, Streams: len(l.watchers), Hits: l.hits.Load(), LastError: l.failure}
	if k := l.held.Load(); k != nil {
		s.Fetched, s.IssuedAt, s.CurrentUntil, s.UsedUntil = k.fetched, k.issuedAt, k.until, k.end
		s.Bits, s.Size = k.statuses.bits, k.statuses.size()
	}
	return s
}
