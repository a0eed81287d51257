package revocation

import (
	"encoding/json"
	"time"
)

// Status says how a List is.
type Status struct {
	_ [0]func() // keyed literals only

	Entries    int       // live ones, and some that have ended and were not swept yet
	AsOf       time.Time // of what is known; zero: nothing is
	LastEvent  time.Time // when an entry last came or went; zero: never
	Streams    int       // that listen
	Hits       uint64    // questions that were answered with a refusal: of requests, streams and explanations
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

// MarshalJSON writes what Handler answers a GET with.
func (s Status) MarshalJSON() ([]byte, error) {
	feeds := s.Feeds
	if feeds == nil {
		feeds = []FeedStatus{}
	}
	return json.Marshal(map[string]any{
		"entries": s.Entries, "streams": s.Streams, "as_of": s.AsOf, "last_event": s.LastEvent, "hits": s.Hits, "long_tokens": s.LongTokens,
		"lag_seconds": s.Lag.Seconds(), "pending": s.Pending, "unreadable": s.Unreadable, "secrets_until": s.SecretsUntil,
		"last_error": textOf(s.LastError), "feeds": feeds,
	})
}

// textOf is the text of an error; empty: there is none.
func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
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
