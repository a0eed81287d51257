package events

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

const (
	// atOnce is how many tokens of an answer are worked on at the same time, and how many are tried again: one that hangs delays no others.
	atOnce = 8

	// goneAfter is when a token that could not be taken is forgotten, which was not sent again: another process has taken it.
	goneAfter = 10 * time.Minute

	// blindAfter is for how long polls may fail, or tokens not be taken, before the feed is blind.
	blindAfter = time.Minute
)

// Why a feed is blind in a process that polls.
const (
	unpolled = "unpolled" // polls fail
	notTaken = "untaken"  // some token cannot be taken
)

// untaken is a token that could not be taken.
type untaken struct {
	since time.Time
	sent  time.Time     // last
	due   time.Time     // when it is tried again
	wait  time.Duration // before that
}

// take works on tokens, the new ones first, and notes what is to be told of each: nothing of those that could not be taken. It reports whether
// there was any of which the transmitter had not been told.
func (p *poller) take(ctx context.Context, sets map[string]json.RawMessage) (isNew bool) {
	now := time.Now()
	var first, again []string
	for id := range sets {
		left := p.left[keyOf(id)]
		if left == nil {
			first = append(first, id)
			continue
		}
		if left.sent = now; !left.due.After(now) {
			again = append(again, id)
		}
	}
	ids := slices.Concat(first, again[:min(len(again), atOnce)])
	for i, err := range p.receiveAll(ctx, ids, sets) {
		if p.note(ctx, ids[i], err) {
			isNew = true
		}
	}
	return isNew
}

// receiveAll works on tokens, and returns what came of each, or of as many as there was time for.
func (p *poller) receiveAll(ctx context.Context, ids []string, sets map[string]json.RawMessage) []error {
	errs := make([]error, len(ids))
	places := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	defer all.Wait()
	for i, id := range ids {
		places <- struct{}{}
		if ctx.Err() != nil {
			return errs[:i]
		}
		all.Go(func() {
			defer func() { <-places }()
			errs[i] = p.receiveInTime(ctx, id, sets[id])
		})
	}
	return errs
}

var errHangs = errors.New("events: a function of Config hangs, whatever its context says")

// receiveInTime does not wait for what hangs, which would end Poll. If it comes to its end after all, the token has been taken when it is sent
// again.
func (p *poller) receiveInTime(ctx context.Context, id string, text json.RawMessage) error {
	done := make(chan error, 1)
	go func() { done <- p.receiver.receivePolled(ctx, id, text) }()
	timer := time.NewTimer(receiveWithin + time.Second)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		p.receiver.report(ctx, errHangs)
		return errHangs
	}
}

// receivePolled is receive for a token that stands under its jti.
func (r *Receiver) receivePolled(ctx context.Context, id string, text json.RawMessage) error {
	var token string
	if json.Unmarshal(text, &token) != nil {
		err := malformed("the answer to a poll has something else than a token under %s", cause.Text(id))
		r.report(ctx, err)
		return err
	}
	return r.receiveAs(ctx, id, token)
}

// note notes what came of a token, and reports whether the transmitter is told of it for the first time.
func (p *poller) note(ctx context.Context, id string, err error) (isNew bool) {
	key := keyOf(id)
	var refused *refusal
	switch {
	case err == nil:
		p.next.Ack = append(p.next.Ack, id)
	case errors.As(err, &refused):
		if p.next.SetErrs == nil {
			p.next.SetErrs = make(map[string]problem)
		}
		p.next.SetErrs[id] = problemOf(refused.code)
	default:
		p.leave(key)
		return false
	}
	delete(p.left, key)
	before, end, _ := p.told.begin(ctx, id) // of which nobody else knows, so that nothing is waited for
	if before.told {
		return false
	}
	end(progress{entered: true, told: true})
	return true
}

// leave remembers a token that could not be taken: each time it is tried again later.
func (p *poller) leave(key setKey) {
	now := time.Now()
	left := p.left[key]
	if left == nil {
		left = &untaken{since: now, sent: now}
		if len(p.left) < maxSeen { // or else it is tried whenever it is sent
			p.left[key] = left
		}
	}
	left.wait = min(max(2*left.wait, firstWait), longestWait)
	left.due = now.Add(left.wait)
}

// see shows whether events may be missing in this process.
func (p *poller) see(ctx context.Context) {
	now, why := time.Now(), ""
	for key, left := range p.left {
		switch {
		case now.Sub(left.sent) > goneAfter:
			delete(p.left, key)
		case now.Sub(left.since) >= blindAfter:
			why = notTaken
		}
	}
	if !p.failing.IsZero() && now.Sub(p.failing) >= blindAfter {
		why = unpolled
	}
	_ = p.receiver.seeing(ctx, func() error { p.receiver.feed.SetBlindHere(why); return nil }) // which has no error
}
