package events

import (
	"context"
	"crypto/sha256"
	"sync"
)

// maxSeen bounds the tokens that are remembered. One that is older and comes again is taken up again, which ends nothing that it did not
// end before: what it ends is dated by the event.
const maxSeen = 1 << 12

// seen remembers the tokens that were taken up, by their jti.
type seen struct {
	mu      sync.Mutex
	done    map[setKey]struct{}
	order   []setKey // a ring, of those in done
	next    int
	running map[setKey]chan struct{} // closed when the work on it ends
}

type setKey [16]byte

func newSeen() *seen {
	return &seen{done: make(map[setKey]struct{}), running: make(map[setKey]chan struct{})}
}

// begin reports whether a token was taken up before. If not, end must be called with how the work on it went; until then others who begin
// with it wait.
func (s *seen) begin(ctx context.Context, id string) (before bool, end func(done bool), _ error) {
	sum := sha256.Sum256([]byte(id))
	key := setKey(sum[:len(setKey{})])
	for {
		s.mu.Lock()
		if _, before = s.done[key]; before {
			s.mu.Unlock()
			return true, nil, nil
		}
		other, running := s.running[key]
		if !running {
			s.running[key] = make(chan struct{})
			s.mu.Unlock()
			return false, func(done bool) { s.end(key, done) }, nil
		}
		s.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return false, nil, ctx.Err()
		}
	}
}

func (s *seen) end(key setKey, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.running[key])
	delete(s.running, key)
	if !done {
		return
	}
	s.done[key] = struct{}{}
	if len(s.order) < maxSeen {
		s.order = append(s.order, key)
		return
	}
	delete(s.done, s.order[s.next])
	s.order[s.next] = key
	s.next = (s.next + 1) % maxSeen
}
