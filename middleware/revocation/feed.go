package revocation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// Feed is a source of entries beside the application's own calls: the logout tokens or security events of one issuer. The packages logout
// and events make them; other sources may, too. It keeps what Status shows of the source, and enters nothing itself. It is safe for
// concurrent use.
type Feed struct {
	list    *List
	digests []entries.Digest // under each secret

	unshared atomic.Bool // the Store is not known to have the state, which is on its way

	mu     sync.Mutex
	state  sealed.FeedState
	status FeedStatus // Name and Issuer never change
}

// FeedStatus says how a Feed is.
type FeedStatus struct {
	_ [0]func() // keyed literals only

	Name   string // of the kind of source: "logout", "events"
	Issuer string

	Events    uint64    // that were good, here
	Refused   uint64    // that were not, here
	LastEvent time.Time // when the last good one came, here; zero: none did
	LastError error     // of the last one if it was refused, or of asking for events; nil: none

	// Blind says why events may be missing, such as "paused" or "disabled"; empty: none should be. With a Store it is so in every
	// instance, whichever of them heard of it.
	Blind      string
	BlindSince time.Time // zero unless Blind
}

// MarshalJSON writes it as in the JSON of Status.
func (f FeedStatus) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"name": f.Name, "issuer": f.Issuer, "events": f.Events, "refused": f.Refused, "last_event": f.LastEvent,
		"last_error": textOf(f.LastError), "blind": f.Blind, "blind_since": f.BlindSince,
	})
}

// Feed returns the feed of that name and issuer, and makes it if there is none yet. Both must be the same in every instance.
func (l *List) Feed(name, issuer string) (*Feed, error) {
	if name == "" || issuer == "" || len(name)+len(issuer) > maxText {
		return nil, fmt.Errorf("revocation: a feed has a name and an issuer, of %d bytes together at most; these are %q and %q", maxText, name, issuer)
	}
	var digests []entries.Digest
	if l.shared != nil {
		for secret := range l.shared.seal.Secrets() {
			digests = append(digests, l.shared.seal.Digest(secret, sealed.OpFeed, name, issuer))
		}
	}
	return l.feeds.get(&Feed{list: l, digests: digests, status: FeedStatus{Name: name, Issuer: issuer}}), nil
}

// feeds are those of one List.
type feeds struct {
	mu    sync.Mutex
	all   []*Feed
	known map[entries.Digest]feedRecord // what the Store says of feeds
}

// feedRecord is what the Store has of a feed.
type feedRecord struct {
	sealed.FeedState
	until uint32 // unix seconds
}

// get returns the feed of that name and issuer: made, unless there is one.
func (fs *feeds) get(made *Feed) *Feed {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		if f.status.Name == made.status.Name && f.status.Issuer == made.status.Issuer {
			return f
		}
	}
	fs.all = append(fs.all, made)
	for _, d := range made.digests {
		made.learn(fs.known[d].FeedState)
	}
	return made
}

// learn takes in what any instance says of the feed with that digest, which may be none of this one.
func (fs *feeds) learn(d entries.Digest, state sealed.FeedState, until uint32) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	known := fs.known[d]
	if state == known.FeedState {
		known.until = max(known.until, until)
		fs.known[d] = known
		for _, f := range fs.all {
			if f.current() == state {
				f.unshared.Store(false) // the Store has it
			}
		}
	}
	if !state.IsLaterThan(known.FeedState) {
		return
	}
	if fs.known == nil {
		fs.known = make(map[entries.Digest]feedRecord)
	}
	fs.known[d] = feedRecord{state, until}
	for _, f := range fs.all {
		if slices.Contains(f.digests, d) {
			f.learn(state)
		}
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
	return f.status
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

var errNoWhy = errors.New("revocation: the reason of a blind feed has at most 32 bytes of printable ASCII")

// feedStateLife is how long what is said of a feed is kept. Instances that have the feed say it again before that.
const feedStateLife = 14 * 24 * time.Hour

// SetBlind says why events may be missing from now on, in at most 32 bytes of ASCII; empty: none should be any more. With a Store it is so
// for every instance. The error is as Revoke's.
func (f *Feed) SetBlind(ctx context.Context, why string) error {
	if len(why) > sealed.MaxWhy || !sealed.IsASCII(why) {
		return errNoWhy
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	if f.list.closed.Load() {
		return ErrClosed
	}
	wasUnshared := f.unshared.Swap(f.list.shared != nil)
	state, isNew := f.set(why, time.Now())
	if f.list.shared == nil || !isNew && !wasUnshared {
		f.unshared.Store(false)
		return nil
	}
	offered := f.list.shared.feedOffer(f.digests[0], state, time.Now())
	f.list.feeds.learn(f.digests[0], state, offered.until)
	if err := f.list.shared.share(ctx, offered); err != nil {
		return err
	}
	f.unshared.Store(false)
	return nil
}

// set makes a state of this instance, and reports whether it says anything new.
func (f *Feed) set(why string, now time.Time) (sealed.FeedState, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.Blind == why {
		return f.state, false
	}
	state := sealed.FeedState{Why: why, At: max(now.UnixMilli(), f.state.At+1), ID: sealed.NewID()}
	f.take(state)
	return state, true
}

// learn takes in a state if it is later.
func (f *Feed) learn(state sealed.FeedState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if state.IsLaterThan(f.state) {
		f.take(state)
	}
}

// take makes a state count. The caller holds mu.
func (f *Feed) take(state sealed.FeedState) {
	f.state = state
	f.status.Blind, f.status.BlindSince = state.Why, time.UnixMilli(state.At)
	if state.Why == "" {
		f.status.BlindSince = time.Time{}
	}
}

func (s *shared) feedOffer(d entries.Digest, state sealed.FeedState, now time.Time) offer {
	until := min(now.Add(feedStateLife).Unix(), latest.Unix())
	return s.sealed(sealed.Record{Op: sealed.OpFeed, Digest: d, ID: state.ID, Until: uint32(until), Besides: sealed.BesidesOfFeed(state)})
}

// feedOffers are the states of this instance's feeds, under the first secret, that end soon or are missing.
func (s *shared) feedOffers(now time.Time, missing map[uint64]struct{}) (offers []offer) {
	fs := &s.list.feeds
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		state := f.current()
		known := fs.known[f.digests[0]]
		endsLate := known.FeedState == state && time.Unix(int64(known.until), 0).Sub(now) > feedStateLife/2
		if _, lost := missing[state.ID]; state.ID == 0 || f.unshared.Load() || endsLate && !lost {
			continue
		}
		o := s.feedOffer(f.digests[0], state, now)
		offers = append(offers, o)
		if fs.known == nil {
			fs.known = make(map[entries.Digest]feedRecord)
		}
		fs.known[f.digests[0]] = feedRecord{state, o.until}
	}
	return offers
}

// addStates adds the identifiers of the states of this instance's feeds.
func (fs *feeds) addStates(ids map[uint64]struct{}) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		if state := f.current(); state.ID != 0 {
			ids[state.ID] = struct{}{}
		}
	}
}

func (f *Feed) current() sealed.FeedState {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.state
}
