package revocation

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/pending"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// Feed is a source of entries beside the application's own calls: the logout tokens or security events of one issuer. The packages logout
// and events make them; other sources may, too. It keeps what Status shows of the source, and enters nothing itself. It is safe for
// concurrent use.
type Feed struct {
	list *List

	mu        sync.Mutex
	status    FeedStatus // Name, Issuer and Stream never change; Blind and BlindSince are made of what follows
	source    blindness  // what the source says of itself
	found     blindness  // what instances have found out
	here      string     // why this instance may miss events; empty: it should not
	hereSince time.Time
}

// FeedStatus says how a Feed is.
type FeedStatus struct {
	_ [0]func() // keyed literals only

	Name   string // of the kind of source: "logout", "events"
	Issuer string
	Stream string // which of several of that issuer; empty: there is one

	Events    uint64    // that were good, here
	Refused   uint64    // that were not, here
	LastEvent time.Time // when the last good one came, here; zero: none did
	LastError error     // of the last one if it was refused, or of asking for events; nil: none

	// Blind says why events may be missing, such as "paused" or "disabled"; empty: none should be. With a Store it is so in every
	// instance, whichever of them heard of it, except what SetBlindHere says. Where there are several reasons it is the source's own, or
	// else the instances', or else this one's.
	Blind      string
	BlindSince time.Time // zero unless Blind
}

// MarshalJSON writes it as in the JSON of Status.
func (f FeedStatus) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"name": f.Name, "issuer": f.Issuer, "stream": f.Stream, "events": f.Events, "refused": f.Refused, "last_event": f.LastEvent,
		"last_error": textOf(f.LastError), "blind": f.Blind, "blind_since": f.BlindSince,
	})
}

// Feed returns the feed of that name and issuer, and makes it if there is none yet. Both must be the same in every instance.
func (l *List) Feed(name, issuer string) (*Feed, error) { return l.FeedOfStream(name, issuer, "") }

// FeedOfStream is Feed for one of several streams of an issuer, each of which may be blind by itself. An empty stream is Feed's.
func (l *List) FeedOfStream(name, issuer, stream string) (*Feed, error) {
	if name == "" || issuer == "" || len(name)+len(issuer)+len(stream) > maxText {
		return nil, fmt.Errorf("revocation: a feed has a name and an issuer, of %d bytes together with its stream at most; these are %q, %q and %q",
			maxText, name, issuer, stream)
	}
	f := &Feed{list: l, status: FeedStatus{Name: name, Issuer: issuer, Stream: stream}}
	if l.shared != nil {
		for secret := range l.shared.seal.Secrets() {
			for voice, said := range map[string]*blindness{"source": &f.source, "found": &f.found} {
				said.digests = append(said.digests, l.shared.seal.Digest(secret, sealed.OpFeed, name, fmt.Sprintf("%q %q %s", issuer, stream, voice)))
			}
		}
	}
	return l.feeds.get(f), nil
}

// feeds are those of one List.
type feeds struct {
	mu    sync.Mutex
	all   []*Feed
	known map[entries.Digest]feedRecord // what the Store says of feeds, whether or not this instance has them
}

// feedRecord is what the Store has of a feed.
type feedRecord struct {
	sealed.FeedState
	until uint32 // unix seconds
}

// get returns the feed of that name, issuer and stream: made, unless there is one.
func (fs *feeds) get(made *Feed) *Feed {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		if f.status.Name == made.status.Name && f.status.Issuer == made.status.Issuer && f.status.Stream == made.status.Stream {
			return f
		}
	}
	fs.all = append(fs.all, made)
	for _, said := range made.blindnesses() {
		for place, d := range said.digests {
			if known, is := fs.known[d]; is {
				said.learn(place, known, time.Time{})
			}
		}
	}
	return made
}

// learn takes in what the Store says of the feed with that digest, which may be none of this instance.
func (fs *feeds) learn(d entries.Digest, state sealed.FeedState, until uint32) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	record := feedRecord{state, until}
	switch known := fs.known[d]; {
	case state == known.FeedState:
		record.until = max(until, known.until)
		fallthrough
	case state.IsLaterThan(known.FeedState):
		if fs.known == nil {
			fs.known = make(map[entries.Digest]feedRecord)
		}
		fs.known[d] = record
	}
	for _, f := range fs.all {
		f.learn(d, record)
	}
}

func (fs *feeds) status() []FeedStatus {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var all []FeedStatus
	for _, f := range fs.all {
		all = append(all, f.Status())
	}
	return all
}

// Status says how the feed is. It does no I/O.
func (f *Feed) Status() FeedStatus {
	f.mu.Lock()
	defer f.mu.Unlock()
	status := f.status
	status.Blind, status.BlindSince = f.here, f.hereSince
	for _, said := range f.blindnesses() {
		if said.state.Why != "" {
			status.Blind, status.BlindSince = said.state.Why, said.since
			break
		}
	}
	return status
}

// Heard counts a good event, whether or not it revoked anything.
func (f *Feed) Heard() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Events++
	f.status.LastEvent, f.status.LastError = time.Now(), nil
}

// Refused counts an event that was no good, and says why.
func (f *Feed) Refused(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.Refused++
	f.status.LastError = err
}

// Failed says that this instance could not ask for events. Nil: it could again.
func (f *Feed) Failed(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status.LastError = err
}

// feedOffers are the states of this instance's feeds, under the first secret, that end soon or are missing.
func (s *shared) feedOffers(now time.Time, missing map[uint64]struct{}) (offers []pending.Offer) {
	fs := &s.list.feeds
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		offers = append(offers, f.offers(now, missing)...)
	}
	return offers
}

// addStates adds the identifiers of the states of this instance's feeds that the Store should have.
func (fs *feeds) addStates(ids map[uint64]struct{}) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		f.addStates(ids)
	}
}
