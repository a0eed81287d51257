package revocation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/pending"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// blindness is what somebody says of a feed: its source, or the instances that look at it. Of all that is said, wherever it was and whenever
// it arrives, the latest counts. The mu of its Feed guards it.
type blindness struct {
	digests []entries.Digest // under each secret; nil: there is no Store

	state sealed.FeedState // which counts; of ID 0: nothing was said
	since time.Time        // when that began

	shared  bool   // the Store has state
	until   uint32 // when the Store forgets state, under the first secret, as far as is known; unix seconds
	waiting uint64 // identifier of a state of this instance that waits to be offered again; 0: none does

	// repeated is when this instance last said what state says already. That need not travel, unless the Store then turns out to have
	// something else from before, which had not come here yet.
	repeated time.Time
}

// feedStateLife is how long what is said of a feed is kept. Instances that have the feed say it again before that.
const feedStateLife = 14 * 24 * time.Hour

var errNoWhy = errors.New("revocation: the reason of a blind feed has at most 32 bytes of printable ASCII")

// SetBlind says why events may be missing from now on, as far as this instance has found out, in at most 32 bytes of ASCII; empty: none
// should be any more. With a Store it is so for every instance. The error is as Revoke's.
func (f *Feed) SetBlind(ctx context.Context, why string) error {
	if err := f.may(ctx, why); err != nil {
		return err
	}
	now := time.Now()
	f.mu.Lock()
	said := &f.found
	if why == said.state.Why {
		said.repeated = now
	} else {
		said.take(sealed.FeedState{Why: why, At: max(now.UnixMilli(), said.state.At+1), ID: sealed.NewID()})
	}
	isShared := said.shared || said.state.ID == 0
	f.mu.Unlock()
	if isShared {
		return nil
	}
	return f.share(ctx, said)
}

// SetBlindBySource is SetBlind for what the source says of itself, at a time of its own, of which whole seconds count: what it said last
// counts, in whatever order and at whichever instances it arrives, and of one second what arrived last. A time that has not come yet is now.
// It ends nothing that SetBlind says, nor the other way round. The result is false for what the source has said something else after.
func (f *Feed) SetBlindBySource(ctx context.Context, why string, at time.Time) (counts bool, _ error) {
	if err := f.may(ctx, why); err != nil {
		return false, err
	}
	now := time.Now()
	second := max(0, min(at.Unix(), now.Unix()))
	const most = 900 // leaves room for what arrives in the same second
	arrived := second*1000 + min(now.UnixMilli()-second*1000, most)
	f.mu.Lock()
	said := &f.source
	known := said.state.At / 1000
	switch {
	case second < known:
		f.mu.Unlock()
		return false, nil
	case said.state.ID != 0 && second == known && why == said.state.Why && !said.shared: // it has come again
	default: // it travels even if it says nothing new here: somewhere else it may be
		if second == known {
			arrived = max(arrived, said.state.At+1)
		}
		said.take(sealed.FeedState{Why: why, At: arrived, ID: sealed.NewID()})
	}
	f.mu.Unlock()
	return true, f.share(ctx, said)
}

// SetBlindHere is SetBlind for what lies at this instance alone, such as a connection that fails, and may be otherwise at the others. It is
// not shared.
func (f *Feed) SetBlindHere(why string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.here == "" {
		f.hereSince = time.Now()
	}
	if f.here = why; why == "" {
		f.hereSince = time.Time{}
	}
}

func (f *Feed) may(ctx context.Context, why string) error {
	if len(why) > sealed.MaxWhy || !sealed.IsASCII(why) {
		return errNoWhy
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("revocation: %w", err)
	}
	if f.list.closed.Load() {
		return ErrClosed
	}
	return nil
}

// share gives a state of this instance to the Store. If that does not take it, it is offered again later, once.
func (f *Feed) share(ctx context.Context, said *blindness) error {
	s := f.list.shared
	if s == nil {
		return nil
	}
	f.mu.Lock()
	offered := s.feedOffer(said, time.Now())
	f.mu.Unlock()
	err := s.append(ctx, offered)
	f.mu.Lock()
	switch {
	case err != nil && said.shared && said.state.ID == offered.ID: // it came back from the Store, and the answer did not: as entries are
		s.pending.Add(offered)
	case err != nil:
		said.offerAgain(s)
	case said.state.ID == offered.ID:
		said.shared, said.until = true, max(said.until, offered.Until)
	}
	f.mu.Unlock()
	if err != nil {
		s.failed("how a feed is could not be shared, and is offered again", err)
		return fmt.Errorf("%w: %w", ErrNotShared, err)
	}
	return nil
}

func (s *shared) feedOffer(said *blindness, now time.Time) pending.Offer {
	until := min(now.Add(feedStateLife).Unix(), latest.Unix())
	return s.sealed(sealed.Record{
		Op: sealed.OpFeed, Digest: said.digests[0], ID: said.state.ID, Until: uint32(until), Besides: sealed.BesidesOfFeed(said.state),
	})
}

// offerAgain lets the state wait to be offered again, unless an earlier one does: then its turn comes after that.
func (said *blindness) offerAgain(s *shared) {
	if said.waiting == 0 && !said.shared {
		said.waiting = said.state.ID
		s.pending.Add(s.feedOffer(said, time.Now()))
	}
}

// take makes a state count that the Store has not got.
func (said *blindness) take(state sealed.FeedState) {
	if said.state.Why != state.Why {
		said.since = time.UnixMilli(state.At)
	}
	said.state, said.shared, said.until = state, false, 0
}

// learn takes in what the Store has, of which everything is known as of a time, and reports whether the Store is to be told what this instance
// has said since. Once all is known from before that, what comes is later, whatever the clocks of two machines say. place is that of the secret.
func (said *blindness) learn(place int, known feedRecord, asOf time.Time) (outdated bool) {
	switch state := known.FeedState; {
	case state.ID == said.state.ID:
	case !state.IsLaterThan(said.state):
		return false
	case state.Why != said.state.Why && asOf.Before(said.repeated) && state.At < said.repeated.UnixMilli():
		said.take(sealed.FeedState{Why: said.state.Why, At: said.repeated.UnixMilli(), ID: sealed.NewID()})
		return true
	default:
		said.take(state)
	}
	said.shared = true
	if place == 0 {
		said.until = max(said.until, known.until)
	}
	return false
}

// blindnesses are those of a feed which travel, in the order in which they count. The caller holds mu, or has just made the feed.
func (f *Feed) blindnesses() []*blindness { return []*blindness{&f.source, &f.found} }

// learn takes in what the Store has under a digest, which may be of another feed.
func (f *Feed) learn(d entries.Digest, known feedRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, said := range f.blindnesses() {
		place := slices.Index(said.digests, d)
		if place < 0 {
			continue
		}
		outdated := said.learn(place, known, f.list.AsOf())
		if known.ID == said.waiting {
			said.waiting, outdated = 0, true
		}
		if outdated {
			said.offerAgain(f.list.shared)
		}
	}
}

// offers are the states that end soon or are missing in the Store. What waited and is missing there is offered again.
func (f *Feed) offers(now time.Time, missing map[uint64]struct{}) (offers []pending.Offer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, said := range f.blindnesses() {
		if _, lost := missing[said.waiting]; lost && !f.list.shared.pending.Holds(said.waiting) { // the Store took it, and lost it before it came back
			said.waiting = 0
			said.offerAgain(f.list.shared)
		}
		_, lost := missing[said.state.ID]
		if !said.shared || !lost && time.Unix(int64(said.until), 0).Sub(now) > feedStateLife/2 {
			continue
		}
		o := f.list.shared.feedOffer(said, now)
		said.until = o.Until
		offers = append(offers, o)
	}
	return offers
}

func (f *Feed) addStates(ids map[uint64]struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, said := range f.blindnesses() {
		if said.shared {
			ids[said.state.ID] = struct{}{}
		}
		if said.waiting != 0 {
			ids[said.waiting] = struct{}{}
		}
	}
}
