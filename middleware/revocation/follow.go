package revocation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cardea-auth/cardea/middleware/revocation/internal/entries"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/pending"
	"github.com/cardea-auth/cardea/middleware/revocation/internal/sealed"
)

// rereadAfter is how long after an entry could not be read everything is read anew, to see whether it has gone.
const rereadAfter = 30 * time.Second

// follower follows the Store. Only its goroutine uses it.
type follower struct {
	*shared
	after string // position to resume from; empty: everything is read

	// incomplete says that what is known is not all, because an entry could not be read or found no room. Nothing proves the opposite
	// but a full read, which reread begins.
	incomplete bool
	reread     context.CancelFunc

	// missing are the identifiers of what this process has put into the Store and a full read has not brought yet; nil: none runs. Every
	// full read tells what the Store has lost, whether or not it could say that there was a gap.
	missing map[uint64]struct{}

	pause time.Duration // before the next try
}

func (f *follower) run() {
	f.pause = shortestPause
	for f.ctx.Err() == nil {
		if f.after == "" {
			f.incomplete = false
			f.missing = f.own()
		}
		ctx, cancel := context.WithCancel(f.ctx)
		f.reread = cancel
		err := survived(func() error { return f.store.Follow(ctx, f.after, f.deliver, f.alive) })
		again := ctx.Err() != nil && f.ctx.Err() == nil
		cancel()
		switch {
		case f.ctx.Err() != nil:
			return
		case again:
			f.after = ""
			continue
		case err == nil:
			err = errors.New("the Store's Follow ended by itself")
		case isGap(err), f.incomplete:
			f.after = ""
		}
		f.failed("the Store could not be followed, and is tried again", err)
		if !f.rest(f.pause) {
			return
		}
		f.pause = min(2*f.pause, longestPause)
	}
}

// errClockWasAhead says why everything is read anew.
var errClockWasAhead = errors.New("the clock of this machine was ahead, and is right again: entries were forgotten that live, and are read anew")

func isGap(err error) bool {
	var gap interface{ Gap() bool }
	return errors.As(err, &gap) && gap.Gap()
}

// own are the identifiers of all that this process has made.
func (f *follower) own() map[uint64]struct{} {
	own := make(map[uint64]struct{})
	f.list.table.Each(func(_ entries.Digest, r entries.Record) {
		if r.Own() {
			own[r.ID()] = struct{}{}
		}
	})
	f.list.feeds.addStates(own)
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.lifts {
		own[id] = struct{}{}
	}
	return own
}

func (f *follower) deliver(entry []byte, resume string) error {
	r, err := f.seal.Open(entry)
	if err == nil {
		err = f.apply(r, time.Now())
	}
	if err != nil {
		f.notAll(fmt.Errorf("an entry cannot be read: %w", err))
	}
	if resume != "" {
		f.after = resume
	}
	return nil
}

// apply makes a record of any instance hold here.
func (f *follower) apply(r sealed.Record, now time.Time) error {
	delete(f.missing, r.ID)
	f.needs(r.Secret, r.Until)
	if int64(r.Until) < now.Unix() {
		f.list.table.Forget(entries.Record{Until: r.Until})
		return nil // no token that it is about can live
	}
	switch r.Op {
	case sealed.OpLift:
		ids, err := r.Lifted()
		if err != nil {
			return err
		}
		return f.undo(r.Digest, ids, r.Until, now)
	case sealed.OpFeed:
		state, err := r.FeedState()
		if err != nil {
			return err
		}
		f.list.feeds.learn(r.Digest, state, r.Until)
		return nil
	default:
		return f.list.enter(r.Digest, entries.Record{Before: r.Before, Until: r.Until, Label: entries.NewLabel(r.ID, int(r.Op), r.Secret, false)}, now)
	}
}

// notAll stops AsOf, and has everything read anew after a while.
func (f *follower) notAll(err error) {
	f.mu.Lock()
	f.unreadable++
	f.mu.Unlock()
	f.failed("what is known is not all, so as_of stands still", err)
	if !f.incomplete {
		f.incomplete = true
		time.AfterFunc(rereadAfter, f.reread)
	}
}

// alive takes note that nothing is missing that was appended before t.
func (f *follower) alive(t time.Time) {
	f.pause = shortestPause
	if f.incomplete {
		return
	}
	if f.list.table.Forgotten().After(time.Now()) {
		f.list.table.Recall()
		f.incomplete = true
		f.failed("what is known is not all, so as_of stands still", errClockWasAhead)
		f.reread()
		return
	}
	if now := time.Now(); t.After(now) {
		t = now
	}
	if known := int64(t.Sub(f.begun)) + 1; known > f.knownAt.Load() {
		f.knownAt.Store(known)
	}
	f.restore()
	f.well()
	select {
	case <-f.fullRead:
	default:
		close(f.fullRead)
		f.list.log().Info("revocation: the Store was read", "entries", f.list.table.Size(), "took", time.Since(f.begun))
	}
}

// restore offers the Store what it has lost, and what it is about to forget.
func (f *follower) restore() {
	if len(f.missing) > 0 {
		for id := range f.pending.IDs() {
			delete(f.missing, id)
		}
	}
	if states := f.feedOffers(time.Now(), f.missing); len(states) > 0 {
		f.pending.Add(states...)
	}
	if len(f.missing) == 0 {
		f.missing = nil
		return
	}
	var lost []pending.Offer // or on its way, and then it comes twice
	f.list.table.Each(func(d entries.Digest, r entries.Record) {
		if _, is := f.missing[r.ID()]; is && r.Own() {
			lost = append(lost, f.offerOf(d, r))
		}
	})
	f.mu.Lock()
	for id, o := range f.lifts {
		if _, is := f.missing[id]; is {
			lost = append(lost, o)
		}
	}
	f.mu.Unlock()
	f.missing = nil
	for i := range lost {
		lost[i].Of = nil // each stands for itself
	}
	if len(lost) == 0 {
		return
	}
	f.pending.Add(lost...)
	f.list.log().Warn("revocation: the Store had lost entries, or not got them yet, and gets them anew", "entries", len(lost))
}
