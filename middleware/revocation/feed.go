package revocation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Feed is a source of entries beside the application's own calls: the logout tokens or security events of one issuer. The packages logout
// and events make them; other sources may, too. It keeps what Status shows of the source, and enters nothing itself. It is safe for
// concurrent use.
type Feed struct {
	list    *List
	digests []digest // under each secret

	mu     sync.Mutex
	state  feedState
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

// Feed returns the feed of that name and issuer, and makes it if there is none yet. Both must be the same in every instance.
func (l *List) Feed(name, issuer string) (*Feed, error) {
	if name == "" || issuer == "" || len(name)+len(issuer) > maxText {
		return nil, fmt.Errorf("revocation: a feed has a name and an issuer, of %d bytes together at most; these are %q and %q", maxText, name, issuer)
	}
	var digests []digest
	if l.shared != nil {
		for secret := range l.shared.seal.secrets {
			digests = append(digests, l.shared.seal.digest(secret, opFeed, name, issuer))
		}
	}
	return l.feeds.get(&Feed{list: l, digests: digests, status: FeedStatus{Name: name, Issuer: issuer}}), nil
}

// feeds are those of one List.
type feeds struct {
	mu    sync.Mutex
	all   []*Feed
	known map[digest]feedState // what the Store says of feeds
}

// feedState is what travels of a feed. The later one counts, whatever order they come in.
type feedState struct {
	why string
	at  int64  // unix milliseconds, or more, so that it is later than what was known when it was made
	id  uint64 // of the record: the same for all in a tie
}

func (s feedState) isLaterThan(other feedState) bool {
	return s.at > other.at || s.at == other.at && s.id > other.id
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
		made.learn(fs.known[d])
	}
	return made
}

// learn takes in what any instance says of the feed with that digest, which may be none of this one.
func (fs *feeds) learn(d digest, state feedState) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if !state.isLaterThan(fs.known[d]) {
		return
	}
	if fs.known == nil {
		fs.known = make(map[digest]feedState)
	}
	fs.known[d] = state
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

const (
	maxWhy = 32 // it travels

	// feedStateLife is how long what is said of a feed is kept. It is as long for a feed that is well, so that nothing older comes back.
	feedStateLife = 365 * 24 * time.Hour
)

// SetBlind says why events may be missing from now on, in at most 32 bytes of ASCII; empty: none should be any more. With a Store it is so
// for every instance. The error is as Revoke's.
func (f *Feed) SetBlind(ctx context.Context, why string) error {
	if len(why) > maxWhy || !isASCII(why) {
		return errNoWhy
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	if f.list.closed.Load() {
		return ErrClosed
	}
	state, isNew := f.set(why, time.Now())
	if !isNew || f.list.shared == nil {
		return nil
	}
	f.list.feeds.learn(f.digests[0], state)
	return f.list.shared.share(ctx, f.list.shared.feedOffer(f.digests[0], state))
}

// set makes a state of this instance, and reports whether it says anything new.
func (f *Feed) set(why string, now time.Time) (feedState, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.status.Blind == why {
		return feedState{}, false
	}
	state := feedState{why: why, at: max(now.UnixMilli(), f.state.at+1), id: newID()}
	f.take(state)
	return state, true
}

// learn takes in a state if it is later.
func (f *Feed) learn(state feedState) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if state.isLaterThan(f.state) {
		f.take(state)
	}
}

// take makes a state count. The caller holds mu.
func (f *Feed) take(state feedState) {
	f.state = state
	f.status.Blind, f.status.BlindSince = state.why, time.UnixMilli(state.at)
	if state.why == "" {
		f.status.BlindSince = time.Time{}
	}
}

func (s *shared) feedOffer(d digest, state feedState) offer {
	until := min(time.UnixMilli(state.at).Add(feedStateLife).Unix(), latest.Unix())
	return s.sealed(sealed{op: opFeed, digest: d, id: state.id, until: uint32(until), besides: besidesOfFeed(state)})
}

// feedOffers are the states of this instance's feeds, as far as anybody has said one under the first secret.
func (s *shared) feedOffers() (offers []offer) {
	fs := &s.list.feeds
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for _, f := range fs.all {
		if state, said := fs.known[f.digests[0]]; said {
			offers = append(offers, s.feedOffer(f.digests[0], state))
		}
	}
	return offers
}

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}
