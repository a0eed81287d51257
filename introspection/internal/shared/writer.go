package shared

import (
	"container/list"
	"context"
	"sync"
	"time"
)

const (
	maxQueued  = 1024
	maxWriters = 8

	leastTTL = time.Millisecond // below it nothing is worth a write, and engines count in milliseconds
)

// queue is the answers that wait for being written. Requests do not: what finds the queue full is dropped, and asked for
// again by whoever needs it.
type queue struct {
	mu      sync.Mutex
	jobs    list.List // of job
	writers int
}

// job is one answer to be written. It holds the key and no token.
type job struct {
	seal   *Seal
	key    string
	answer Answer
	expiry time.Time // of the token; zero: none
}

// Keep shares an active answer that the server has just given. It does not wait.
func (a *Answers) Keep(token string, answer Answer, expiry time.Time) {
	if a == nil {
		return
	}
	newest := a.seals[0]
	queued, needed := a.queue.put(job{newest, newest.Key(token), answer, expiry})
	if !queued {
		a.dropped.Add(1)
	}
	if needed {
		a.startWriter()
	}
}

func (a *Answers) startWriter() {
	if !a.life.begin() {
		a.queue.gone()
		return
	}
	go func() {
		more := true
		defer a.life.end()
		defer func() {
			if more { // the cache has ended this goroutine
				a.queue.gone()
			}
		}()
		for {
			var next job
			if next, more = a.queue.take(); !more {
				return
			}
			a.write(next)
		}
	}()
}

// put reports whether there was a place, and whether a further writer is needed.
func (q *queue) put(j job) (queued, needed bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.jobs.Len() < maxQueued {
		q.jobs.PushBack(j)
		queued = true
	}
	if q.writers < maxWriters {
		q.writers++
		needed = true
	}
	return queued, needed
}

// take returns the next job. Without one the writer is gone, in the same step, so that no job can be left to nobody.
func (q *queue) take() (next job, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	front := q.jobs.Front()
	if front == nil {
		q.writers--
		return job{}, false
	}
	return q.jobs.Remove(front).(job), true
}

func (q *queue) gone() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writers--
}

func (a *Answers) write(j job) {
	now := time.Now()
	left := a.left(j, now)
	if left < leastTTL || a.Base.Err() != nil {
		return
	}
	p := a.writes.pass(now)
	if p == stop {
		a.dropped.Add(1)
		return
	}
	limited, cancel := context.WithTimeout(a.Base, a.Timeout)
	defer cancel()
	err := errNoEnd
	defer func() {
		if err != nil && a.Base.Err() != nil { // closed meanwhile
			a.writes.withdraw(p)
			return
		}
		a.writes.record(p, a.heard(limited, err), time.Now())
	}()
	err = a.set(limited, j, left)
}

func (a *Answers) set(ctx context.Context, j job, ttl time.Duration) (err error) {
	defer a.rescue(&err)
	value, err := j.seal.Seal(j.key, j.answer)
	if err != nil {
		return err
	}
	return a.Cache.Set(ctx, j.key, value, ttl)
}

// left is how long an answer may still be used elsewhere.
func (a *Answers) left(j job, now time.Time) time.Duration {
	left := a.TTL - a.skew - now.Sub(j.answer.Asked)
	if !j.expiry.IsZero() {
		left = min(left, j.expiry.Sub(now))
	}
	return left
}
