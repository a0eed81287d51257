package events

import (
	"context"
	"crypto/sha256"
	"sync"
)

// maxSeen bounds the tokens that are remembered. One that is older and comes again is taken up again, which ends nothing that it did not
// end before: what it ends is dated by the event.
const maxSeen = 1 << 12

// progress is how far a token was taken up.
type progress struct {
	entered   bool  // what its events end is in the List, and what they say of the stream is known
	told      bool  // Config.Event is told of them, or will be
	discarded uint8 // a bit for each event of which it is not, by its place in the token
}

// seen remembers the tokens that were taken up, by their jti.
type seen struct {
	mu      sync.Mutex
	known   map[setKey]progress
	order   []setKey // a ring, of those in known
	next    int
	running map[setKey]chan struct{} // closed when the work on it ends
}

type setKey [16]byte

func keyOf(id string) setKey {
	sum := sha256.Sum256([]byte(id))
	return setKey(sum[:len(setKey{})])
}

func newSeen() *seen {
	return &seen{known: make(map[setKey]progress), running: make(map[setKey]chan struct{})}
}

// begin tells how far a token was taken up before. Unless that is all, end must be called with how far it is then; until then others who
// begin with it wait.
func (s *seen) begin(ctx context.Context, id string) (before progress, end func(progress), _ error) {
	key := keyOf(id)
	for {
		s.mu.Lock()
		before = s.known[key]
		other, running := s.running[key]
		if !before.told && !running {
			s.running[key] = make(chan struct{})
		}
		s.mu.Unlock()
		switch {
		case before.told:
			return before, nil, nil
		case !running:
			return before, func(p progress) { s.end(key, p) }, nil
		}
		select {
		case <-other:
		case <-ctx.Done():
			return before, nil, ctx.Err()
		}
	}
}

func (s *seen) end(key setKey, p progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.running[key])
	delete(s.running, key)
	if !p.entered {
		return
	}
	_, known := s.known[key]
	s.known[key] = p
	if known {
		return
	}
	if len(s.order) < maxSeen {
		s.order = append(s.order, key)
		return
	}
	delete(s.known, s.order[s.next])
	s.order[s.next] = key
	s.next = (s.next + 1) % maxSeen
}
