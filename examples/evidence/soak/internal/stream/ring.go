package stream

import (
	"math/rand/v2"
	"sync"
)

// ring is a stock of tokens of one sort: the newest so many.
type ring struct {
	mu     sync.Mutex
	tokens []*Token
	size   int
	next   int
}

func newRing(size int) *ring { return &ring{size: size} }

func (r *ring) put(t *Token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tokens) < r.size {
		r.tokens = append(r.tokens, t)
		return
	}
	r.next = (r.next + 1) % len(r.tokens)
	r.tokens[r.next] = t
}

// pick returns any token, nil if there is none.
func (r *ring) pick(random *rand.Rand) *Token {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tokens) == 0 {
		return nil
	}
	return r.tokens[random.IntN(len(r.tokens))]
}

// take removes and returns the tokens that match, at most so many.
func (r *ring) take(limit int, matches func(*Token) bool) (taken []*Token) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := r.tokens[:0:0]
	for _, t := range r.tokens {
		if len(taken) < limit && matches(t) {
			taken = append(taken, t)
			continue
		}
		kept = append(kept, t)
	}
	r.tokens, r.next = kept, 0
	return taken
}
