package revocation

import "time"

// Status says how a List is.
type Status struct {
	_ [0]func() // keyed literals only

	Entries    int       // live ones, and some that have ended and were not swept yet
	AsOf       time.Time // of what is known; zero: nothing is
	LastEvent  time.Time // when an entry last came or went; zero: never
	Streams    int       // that listen
	Hits       uint64    // requests that were refused
	LongTokens uint64    // look-ups of tokens that live longer than Config.MaxAge, or may

	Feeds []FeedStatus // in the order in which they were made

	// With a Store:

	Lag        time.Duration // how old AsOf is; zero without a Store, and before the first full read
	Pending    int           // entries that no other instance may know of yet
	Unreadable uint64        // times that an entry could not be read or found no room; AsOf stands still from then until a full read finds none

	// SecretsUntil is, for each of Config.Secrets, when the last record ends that was made with it and seen here. Zero: none was.
	SecretsUntil []time.Time

	LastError error // of following the Store, of sharing an entry or of reading one, whichever came last; nil: all is well again
}

// Status says how the List is. It does no I/O.
func (l *List) Status() Status {
	s := Status{
		Entries: l.table.Size(), AsOf: l.AsOf(), Streams: l.watchers.Count(), Hits: l.hits.Load(), LongTokens: l.long.Load(),
		Feeds: l.feeds.status(),
	}
	if at := l.lastEvent.Load(); at != 0 {
		s.LastEvent = time.Unix(0, at)
	}
	if l.shared != nil {
		l.shared.status(&s)
	}
	return s
}
