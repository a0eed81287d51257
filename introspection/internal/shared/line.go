package shared

import (
	"container/list"
	"sync"
	"time"
)

// maxAbandoned is how many reads may go on that nobody waits for: those of a cache that ignores its context.
const maxAbandoned = 64

// line is the reads on their way. While the oldest of them takes long, no further request joins it, so that a cache that hangs
// delays those few that came before anybody could tell.
type line struct {
	patience time.Duration

	mu        sync.Mutex
	waiting   list.List // of *read, those that somebody waits for, the oldest first
	abandoned int
}

// read is one call of the cache.
type read struct {
	began     time.Time
	place     *list.Element
	over      bool
	abandoned bool
}

// join returns nil when the cache is to be left alone.
func (l *line) join(now time.Time) *read {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.abandoned >= maxAbandoned {
		return nil
	}
	if oldest := l.waiting.Front(); oldest != nil && now.Sub(oldest.Value.(*read).began) >= l.patience {
		return nil
	}
	r := &read{began: now}
	r.place = l.waiting.PushBack(r)
	return r
}

// leave says that nobody waits for r any more.
func (l *line) leave(r *read) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting.Remove(r.place)
	if !r.over {
		r.abandoned = true
		l.abandoned++
	}
}

// end says that the call of r has ended.
func (l *line) end(r *read) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.over = true
	if r.abandoned {
		l.abandoned--
	}
}
