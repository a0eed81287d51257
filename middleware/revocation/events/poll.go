package events

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

const (
	// maxSets is how many tokens one poll asks for.
	maxSets = 32

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
// up to a minute. Events reach one of the processes that poll, so these should share a Store.
func (r *Receiver) Poll(ctx context.Context) error {
	if r.cfg.PollURL == "" {
		return errors.New("events: Config.PollURL is empty: there is nowhere to poll")
	}
	p := poller{receiver: r}
	for ctx.Err() == nil {
		p.rest(ctx, p.once(ctx))
	}
	p.acknowledge(ctx)
	return ctx.Err()
}

// poller is what one Poll remembers between its requests.
type poller struct {
	receiver *Receiver
	next     poll          // with what is still to be told of earlier tokens
	wait     time.Duration // of the last failure; zero: there was none
	doubtful bool          // a poll that waited was not answered: the next one does not wait, and so tells whether anybody is there
}

// once polls once and returns how long to rest.
func (p *poller) once(ctx context.Context) time.Duration {
	began := time.Now()
	sets, more, err := p.ask(ctx)
	switch {
	case ctx.Err() != nil:
		return 0
	case errors.Is(err, context.DeadlineExceeded) && !p.doubtful:
		p.doubtful = true
		return 0
	case err != nil:
		p.receiver.report(ctx, err)
		return p.failed(err)
	}
	p.doubtful, p.next = more, poll{} // with more to come nothing need be waited for
	left := p.take(ctx, sets)
	switch {
	case left:
		return p.failed(nil)
	case len(sets) == 0: // whatever it says of more
		p.wait = 0
		p.receiver.feed.Failed(nil)
		return pollEvery - time.Since(began)
	}
	p.wait = 0
	return 0
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

// take works on tokens and notes what is to be told of each. left tells that some could not be taken, of which nothing is told.
func (p *poller) take(ctx context.Context, sets map[string]json.RawMessage) (left bool) {
	for id, text := range sets {
		if ctx.Err() != nil {
			return true
		}
		err := p.receiver.receivePolled(ctx, id, text)
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
			left = true
		}
	}
	return left
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

// failed is how long to rest after a failure: longer each time, and not the same for all who fail at once.
func (p *poller) failed(err error) time.Duration {
	p.wait = min(max(2*p.wait, firstWait), longestWait)
	var status *statusError
	if errors.As(err, &status) && status.after > p.wait {
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
