package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// maxSets is how many tokens one poll asks for.
	maxSets = 32

	// mostLeft is how many more it asks for because of those that could not be taken, which the transmitter sends again.
	mostLeft = 7 * maxSets

	// pollWithin is how long a poll may wait for events before it is made anew.
	pollWithin = 55 * time.Second

	// pollEvery is the shortest time between two polls that bring nothing, for transmitters that never let a poll wait.
	pollEvery = 2 * time.Second

	// The wait after a poll that failed, which doubles each time. A transmitter that is busy may ask for as much as the longest.
	firstWait, longestWait = time.Second, time.Minute

	// lastAck bounds the acknowledgement that is sent when Poll ends.
	lastAck = 2 * time.Second
)

// poll is a request of RFC 8936 section 2.2.
type poll struct {
	MaxEvents         int                `json:"maxEvents"`
	ReturnImmediately bool               `json:"returnImmediately"`
	Ack               []string           `json:"ack,omitempty"`
	SetErrs           map[string]problem `json:"setErrs,omitempty"`
}

// Poll asks the transmitter for events (RFC 8936) until ctx ends, and returns ctx's error. It waits at the transmitter for new ones,
// acknowledges each token once what it ends is in the List, and tells the transmitter of those that are no good; what could
// not be taken it gets again. It survives every failure of the transmitter, which Status shows, and asks again after a second
// up to a minute. Where that has gone on for a minute the feed is blind in this process ("unpolled", or "untaken" where events come that
// cannot be taken) until it is over or Poll ends. Events reach one of the processes that poll, so these should share a Store.
func (r *Receiver) Poll(ctx context.Context) error {
	if r.cfg.PollURL == "" {
		return errors.New("events: Config.PollURL is empty: there is nowhere to poll")
	}
	p := poller{receiver: r, left: make(map[setKey]*untaken), told: newSeen()}
	for ctx.Err() == nil {
		p.rest(ctx, p.once(ctx))
	}
	p.acknowledge(ctx)
	r.feed.SetBlindHere("")
	return ctx.Err()
}

// poller is what one Poll remembers between its requests.
type poller struct {
	receiver *Receiver
	next     poll                // with what is still to be told of earlier tokens
	doubtful bool                // a poll that waited was not answered: the next one does not wait, and so tells whether anybody is there
	left     map[setKey]*untaken // tokens that could not be taken
	told     *seen               // tokens of which the transmitter was told, some of the last

	wait    time.Duration // of the last failure; zero: there was none
	failing time.Time     // since when polls fail, or are good only without what they would tell; zero: they are good
	silent  bool          // what was to be told was left out, and nothing was told since
}

// once polls once and returns how long to rest.
func (p *poller) once(ctx context.Context) time.Duration {
	began := time.Now()
	sets, more, err := p.ask(ctx)
	switch waited := errors.Is(err, context.DeadlineExceeded) || time.Since(began) >= askWithin; {
	case ctx.Err() != nil:
		return 0
	case err != nil && waited && !p.doubtful: // somebody between has cut it off, or HTTPClient has, which says nothing of the transmitter
		p.doubtful = true
		return 0
	case err != nil:
		p.receiver.report(ctx, err)
		return p.failed(ctx, err)
	}
	if len(sets) == 0 { // whatever it says of more
		p.receiver.feed.Failed(nil)
	}
	if toldOf := len(p.next.Ack)+len(p.next.SetErrs) > 0; toldOf || len(sets) == 0 || !p.silent {
		p.failing, p.silent = time.Time{}, false
	}
	p.wait, p.doubtful, p.next = 0, more, poll{} // with more to come nothing need be waited for
	isNew := p.take(ctx, sets)
	p.see(ctx)
	if isNew {
		return 0
	}
	return pollEvery - time.Since(began)
}

// ask makes one request and reads its answer.
func (p *poller) ask(ctx context.Context) (sets map[string]json.RawMessage, more bool, _ error) {
	within := pollWithin
	if p.doubtful {
		within = askWithin
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	p.next.MaxEvents, p.next.ReturnImmediately = maxSets, p.doubtful
	if p.wait == 0 { // what is left must not keep out what is new; a poll that failed may have been answered with too much
		p.next.MaxEvents += min(len(p.left), mostLeft)
	}
	var got *answer
	err := p.receiver.guarded(ctx, func() (err error) {
		got, err = p.receiver.post(ctx, p.receiver.cfg.PollURL, p.next)
		return err
	})
	if err == nil {
		err = got.refused(http.StatusOK)
	}
	if err != nil {
		return nil, false, err
	}
	members, err := got.object()
	if err != nil {
		return nil, false, err
	}
	if json.Unmarshal(members["sets"], &sets) != nil {
		return nil, false, errors.New("events: the answer to a poll has no object sets")
	}
	if text, there := members["moreAvailable"]; there && json.Unmarshal(text, &more) != nil {
		return nil, false, errors.New("events: moreAvailable in the answer to a poll is not a boolean")
	}
	return sets, more, nil
}

// failed is how long to rest after a failure: longer each time, and not the same for all who fail at once.
func (p *poller) failed(ctx context.Context, err error) time.Duration {
	var status *statusError
	answered := errors.As(err, &status)
	if answered && p.wait > 0 && len(p.next.Ack)+len(p.next.SetErrs) > 0 {
		p.next, p.silent = poll{}, true // it may be that which is refused. The transmitter sends again what it wants to be told of.
	}
	if p.failing.IsZero() {
		p.failing = time.Now()
	}
	p.see(ctx)
	p.wait = min(max(2*p.wait, firstWait), longestWait)
	if answered && status.after > p.wait {
		return min(status.after, longestWait)
	}
	return p.wait - time.Duration(rand.Int64N(int64(p.wait)/4))
}

func (p *poller) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// acknowledge tells of what was taken last. If it fails, the transmitter sends it again, and nothing happens twice.
func (p *poller) acknowledge(ctx context.Context) {
	if len(p.next.Ack) == 0 && len(p.next.SetErrs) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAck)
	defer cancel()
	p.next.MaxEvents, p.next.ReturnImmediately = 0, true // RFC 8936 section 2.4.2: no events, please
	err := p.receiver.guarded(ctx, func() error {
		_, err := p.receiver.post(ctx, p.receiver.cfg.PollURL, p.next)
		return err
	})
	if err != nil {
		p.receiver.feed.Failed(fmt.Errorf("events: the last tokens were not acknowledged: %w", err))
	}
}
