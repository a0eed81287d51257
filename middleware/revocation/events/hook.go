package events

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cardea-auth/cardea/middleware/internal/cause"
)

const (
	maxWaiting = 256 // events; those of one token may go beyond
	hookWithin = 30 * time.Second
)

var errBusy = errors.New("events: too many events wait for Config.Event")

// queue holds the events that Config.Event has not been told yet. Its goroutine runs while there are any.
type queue struct {
	mu      sync.Mutex
	events  []Event
	running bool
}

// add lets events wait, unless too many do.
func (q *queue) add(events []Event, tell func(context.Context, Event), log func() *slog.Logger) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case len(events) == 0:
		return nil
	case len(q.events) >= maxWaiting:
		return errBusy
	}
	q.events = append(q.events, events...)
	if !q.running {
		q.running = true
		go q.run(tell, log)
	}
	return nil
}

func (q *queue) waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events)
}

func (q *queue) run(tell func(context.Context, Event), log func() *slog.Logger) {
	for {
		q.mu.Lock()
		if len(q.events) == 0 {
			q.running, q.events = false, nil
			q.mu.Unlock()
			return
		}
		e := q.events[0]
		q.events = q.events[1:]
		q.mu.Unlock()
		tellOne(e, tell, log)
	}
}

// tellOne survives a panic, as nobody else waits for this goroutine.
func tellOne(e Event, tell func(context.Context, Event), log func() *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), hookWithin)
	defer cancel()
	defer func() {
		if reason := recover(); reason != nil {
			log().Error("events: Config.Event panicked", "type", cause.Plain(e.Type), "jti", cause.Plain(e.ID), "panic", fmt.Sprint(reason))
		}
	}()
	tell(ctx, e)
}
